"""The settings that the pages on guardrails, alerts and webhooks show can be used."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from vidobs.gateway.alerting.settings import read_alerts
from vidobs.gateway.config import read_config
from vidobs.gateway.guardrails.litellm import read_litellm
from vidobs.gateway.guardrails.settings import read_guardrails
from vidobs.gateway.hooks.settings import read_hooks

DOCS = Path(__file__).parents[4] / "docs"
SHOWN = [
    (page, block)
    for page in ("gateway-guardrails.md", "gateway-alerts.md")
    for block in re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
]
ENVIRON = {
    "OPENAI_API_KEY": "sk-1", "DD_API_KEY": "k", "DATADOG_API_KEY": "k",
    "SLACK_WEBHOOK_URL": "https://slack.test/x", "WEBHOOK_URL": "https://hook.test/",
    "WEBHOOK_SECRET": "whsec_" + "a2V5" * 8,
}  # fmt: skip


@pytest.mark.parametrize(("page", "block"), SHOWN, ids=[str(at) for at in range(len(SHOWN))])
def test_what_is_shown_can_be_used(page, block, tmp_path, monkeypatch):
    """Every block of settings, as it stands there."""
    (tmp_path / "checks.py").write_text("def house_rules(subject): ...\n")
    (tmp_path / "brands.txt").write_text("wile\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "checks", raising=False)
    models = [{"model_name": "sora-2", "litellm_params": {"model": "openai/sora-2"}}]
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"model_list": models}) + block)

    config = read_config(file, ENVIRON)
    general = {name: (given.value, given.where) for name, given in config.general.items()}
    parts = {name: (given.value, given.where) for name, given in config.parts.items()}
    alerts = read_alerts(general, *parts.get("alerts", (None, "")), ENVIRON)
    guardrails = read_guardrails(*parts.get("guardrails", (None, "")))
    read_hooks(*parts.get("webhooks", (None, "")))
    foreign = config.litellm_guardrails

    assert config.warnings == alerts.warnings == ()
    if foreign is not None:
        assert read_litellm(foreign.value, foreign.where).guardrails
    if "guardrails" in parts:
        assert len(guardrails) == 4
    if "alerts" in parts or "alerting" in general:
        assert len(alerts.channels) == 3
