"""LiteLLM's file, and what is ours in it."""

import pytest
import yaml

from vidobs.core.errors import ConfigError
from vidobs.core.price_rows import PriceUnit
from vidobs.gateway.config import from_model, read_config

SEED = """
model_list:
  - model_name: sora-2
    litellm_params:
      model: openai/sora-2
      api_key: os.environ/OPENAI_API_KEY
  - model_name: azure-sora-2
    litellm_params:
      model: azure/sora-2
      api_key: os.environ/AZURE_OPENAI_API_KEY
      api_base: os.environ/AZURE_OPENAI_API_BASE

general_settings:
  alerting: ["datadog"]
  datadog_api_key: os.environ/DATADOG_API_KEY
"""
ENVIRON = {
    "OPENAI_API_KEY": "sk-1",
    "AZURE_OPENAI_API_KEY": "az-1",
    "AZURE_OPENAI_API_BASE": "https://your-resource.openai.azure.com/",
    "DATADOG_API_KEY": "dd-1",
}


@pytest.fixture
def read(tmp_path):
    """Read a text as a file."""

    def reading(text, environ=ENVIRON):
        file = tmp_path / "config.yaml"
        file.write_text(text if isinstance(text, str) else yaml.safe_dump(text), "utf-8")
        return read_config(file, environ)

    return reading


def one(**params):
    """Return a file with one model."""
    return {"model_list": [{"model_name": "m", "litellm_params": {"model": "openai/x", **params}}]}


def test_the_files_of_the_seeds_work_as_they_are(read):
    """Both providers, their addresses and their headers, and what alerting needs."""
    config = read(SEED)
    plain, azure = config.deployments
    assert (plain.provider, plain.upstream_model) == ("openai", "sora-2")
    assert plain.base_url == "https://api.openai.com/v1"
    assert plain.headers == {"Authorization": "Bearer sk-1"}
    assert azure.base_url == "https://your-resource.openai.azure.com/openai/v1"
    assert azure.headers == {"api-key": "az-1"}
    assert config.general["alerting"].value == ["datadog"]
    assert config.general["datadog_api_key"].value == "dd-1"
    assert config.master_key is None
    assert config.warnings == ()


def test_variables_are_filled_in_both_ways(read):
    """LiteLLM's `os.environ/NAME` and our `${env:NAME}`; one that is not set is an error."""
    config = read({**one(api_key="${env:KEY}"), "general_settings": {"master_key": "os.environ/M"}},
                  {"KEY": "k", "M": "sk-m"})  # fmt: skip
    assert (config.deployments[0].api_key, config.master_key) == ("k", "sk-m")
    with pytest.raises(ConfigError, match=r"config.yaml:\d+:\d+: .*api_key needs .* variable KEY"):
        read(one(api_key="os.environ/KEY"), {})


def test_what_only_litellm_reads_is_left_alone_and_said(read):
    """One warning for each key, with its line; its variables are not asked for."""
    config = read(
        {
            **one(api_key="k", rpm=60),
            "general_settings": {"database_url": "os.environ/DATABASE_URL"},
            "litellm_settings": {"callbacks": ["datadog"], "drop_params": True},
            "router_settings": {"routing_strategy": "least-busy", "redis_host": "os.environ/R"},
        }
    )
    assert config.routing == "least_busy"
    said = " | ".join(config.warnings)
    for key in ("litellm_params.rpm", "general_settings.database_url",
                "litellm_settings.drop_params", "router_settings.redis_host"):  # fmt: skip
        assert said.count(f"{key} is LiteLLM's") == 1
    assert "callbacks" not in said


def test_our_own_section_is_strict(read):
    """A key that nobody reads is an error with its line and the nearest known one."""
    with pytest.raises(
        ConfigError, match=r"config.yaml:2: .*'cooldwn_s'.*did you mean 'cooldown_s'"
    ):
        read("gateway:\n  cooldwn_s: 5\n" + yaml.safe_dump(one(api_key="k")))
    for name, value in (("routing", "round"), ("cooldown_s", "x"), ("max_json_bytes", 0)):
        with pytest.raises(ConfigError, match=rf"config.yaml:\d+: gateway.{name}: got"):
            read({**one(api_key="k"), "gateway": {name: value}})


def test_parts_of_others_come_with_their_places(read):
    """Budgets, limits and so on are read by who knows them."""
    config = read("gateway:\n  budgets:\n    max_budget: 5\n" + yaml.safe_dump(one(api_key="k")))
    given = config.parts["budgets"]
    assert given.value == {"max_budget": 5}
    assert given.where.endswith("config.yaml:2")


def test_models_of_other_kinds_are_left_out(read):
    """A file with chat models too serves the videos; one without any is an error."""
    chat = {"model_name": "chat", "litellm_params": {"model": "anthropic/claude"}}
    content = one(api_key="k")
    config = read({"model_list": [*content["model_list"], chat]})
    assert [deployment.model_name for deployment in config.deployments] == ["m"]
    assert "'chat' is left out" in config.warnings[0]
    with pytest.raises(ConfigError, match="names no model that makes videos"):
        read({"model_list": [chat]})


def test_prices_become_rows_of_that_model(read):
    """By the second, by resolution and by the video, exact to the digit."""
    info = {"output_cost_per_second": 0.1, "output_cost_per_video_per_second_1080p": 0.3,
            "output_cost_per_video": 1}  # fmt: skip
    content = one(api_key="k")
    content["model_list"][0]["model_info"] = {**info, "mode": "video_generation"}
    rows = {(row.unit, row.resolution): str(row.usd) for row in read(content).prices}
    assert rows == {
        (PriceUnit.OUTPUT_SECOND, None): "0.1",
        (PriceUnit.OUTPUT_SECOND, ("1080p",)): "0.3",
        (PriceUnit.VIDEO, None): "1",
    }


def test_ids_of_deployments_stay(read):
    """They depend on neither the order nor the key, and no two are alike."""
    first = {"model_name": "a", "litellm_params": {"model": "openai/x", "api_key": "k"}}
    other = {"model_name": "b", "litellm_params": {"model": "openai/x", "api_key": "k"}}
    twin = {"model_name": "a", "litellm_params": {"model": "openai/x", "api_key": "j"}}
    ids = {each.model_name: each.id for each in read({"model_list": [first, other]}).deployments}
    again = {each.model_name: each.id for each in read({"model_list": [other, first]}).deployments}
    assert ids == again
    made = [each.id for each in read({"model_list": [first, twin]}).deployments]
    assert made == [ids["a"], f"{ids['a']}-2"]


def test_keys_stand_in_no_text(read):
    """A repr ends up in logs."""
    config = read({**one(api_key="sk-secret"), "general_settings": {"master_key": "sk-master"}})
    shown = f"{config!r} {config.deployments[0]!r}"
    assert "sk-secret" not in shown
    assert "sk-master" not in shown


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"api_base": "ftp://x", "api_key": "k"}, "api_base is no address"),
        ({"api_base": "https://user:pass@x", "api_key": "k"}, "api_base is no address"),
        ({"api_base": "https://x/v1?a=b", "api_key": "k"}, "must not hold a query"),
        ({}, "no API key"),
        ({"api_key": "k", "dialect": "opnai"}, "did you mean 'openai'"),
        ({"api_key": "k", "weight": -1}, "0 or more"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_line(read, params, problem):
    """Every text starts with the file and the line."""
    with pytest.raises(ConfigError, match=rf"config.yaml:\d+.*{problem}"):
        read(one(**params), {})


def test_one_model_without_a_file():
    """It takes every name; its key and address come from the environment."""
    config = from_model("azure/sora-2", ENVIRON)
    assert config.default_model == "azure/sora-2"
    assert config.deployments[0].headers == {"api-key": "az-1"}
    with pytest.raises(ConfigError, match="AZURE_OPENAI_API_BASE"):
        from_model("azure/sora-2", {})
    with pytest.raises(ConfigError, match="names no model that makes videos"):
        from_model("anthropic/claude", {})
