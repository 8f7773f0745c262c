from decimal import Decimal

import pytest
import yaml

from vidobs.core.errors import ConfigError
from vidobs.gateway.config import read_config
from vidobs.gateway.governance.governance import place_of
from vidobs.gateway.governance.settings import UnknownPrice, read_settings


def read(**parts):
    """Read parts of a file."""
    return read_settings({name: (value, f"config.yaml:{name}") for name, value in parts.items()})


def test_the_parts_are_read():
    """Amounts are exact, and the gateway's own budget and limits stand together."""
    settings = read(
        keys={"file": "/data/keys.db", "viewer_key": "sk-look"},
        budgets={"max_budget": 0.1, "soft_budget": "0.05", "budget_duration": "1mo",
                 "unknown_price": "allow"},
        limits={"rpm_limit": 5, "count_polls": True, "models": {"veo": {"rpm_limit": 1}}},
    )  # fmt: skip
    assert settings.allowance.max_budget == Decimal("0.1")
    assert settings.allowance.rpm_limit == 5
    assert settings.budgets.unknown_price is UnknownPrice.ALLOW
    assert settings.limits.models["veo"].rpm_limit == 1
    assert place_of(settings, None) == "/data/keys.db"


def test_without_parts_nothing_is_limited():
    """And the file lies beside the ledger."""
    settings = read()
    assert settings.allowance.max_budget is None
    assert settings.budgets.unknown_price is UnknownPrice.DENY
    assert place_of(settings, "/data/ledger.db") == "/data/gateway.db"
    with pytest.raises(ConfigError, match=r"gateway\.keys\.file"):
        place_of(settings, None)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"budgets": {"max_budge": 1}}, "did you mean 'max_budget'"),
        ({"budgets": [1]}, "config.yaml:budgets: budgets must be a mapping"),
        ({"budgets": {"max_budget": "much"}}, "config.yaml:budgets"),
        ({"budgets": {"max_budget": -1}}, "max_budget: got -1"),
        ({"budgets": {"max_budget": "NaN"}}, "max_budget: got NaN"),
        ({"budgets": {"unknown_price": "maybe"}}, "config.yaml:budgets"),
        ({"budgets": {"budget_duration": "soon"}}, "budget_duration: got 'soon'"),
        ({"limits": {"rpm_limit": -5}}, "rpm_limit: got -5"),
        ({"limits": {"models": {"veo": {"rpm_limit": "x"}}}}, "config.yaml:limits"),
    ],
)
def test_a_wrong_part_is_said_with_its_place(parts, said):
    """What is wrong, where, and what is meant."""
    with pytest.raises(ConfigError) as caught:
        read(**parts)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("own", "usd"), [({}, "100"), ({"budgets": {"max_budget": 7}}, "7")], ids=["litellm", "ours"]
)
def test_the_gateways_budget_may_stand_where_litellm_has_it(tmp_path, own, usd):
    """Nobody is told that it is ignored; our own section comes first."""
    file = tmp_path / "config.yaml"
    entry = {
        "model_name": "sora",
        "litellm_params": {"model": "openai/sora-2", "api_key": "sk-upstream"},
    }
    content = {
        "model_list": [entry],
        "litellm_settings": {"max_budget": 100, "budget_duration": "30d"},
        "gateway": own,
    }
    file.write_text(yaml.safe_dump(content), "utf-8")
    config = read_config(file, {})
    settings = read_settings({name: (one.value, one.where) for name, one in config.parts.items()})
    assert settings.allowance.max_budget == Decimal(usd)
    assert not [said for said in config.warnings if "budget" in said]
