"""The alerts as a file of rules for Prometheus.

https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
"""

from __future__ import annotations

import msgspec
import yaml

from vidobs.core import names
from vidobs.telemetry.boards import promql
from vidobs.telemetry.boards.alerts import USD_PER_HOUR, Alert, Condition, alerts
from vidobs.telemetry.boards.queries import MODEL, PROVIDER
from vidobs.telemetry.exposition import label_name

PAGE = "docs/grafana-and-datadog.md"  # of vidobs, by its name: a host would be somebody's
_HEAD = """\
# Made by `vidobs dashboards export prometheus-rules`: make it again after an update. Name it under
# `rule_files` of Prometheus, and route by the label `severity` in the Alertmanager.
"""
_GROUP = "vidobs"


class Annotations(msgspec.Struct, frozen=True):
    """What people are told."""

    summary: str
    description: str
    runbook: str


class Labels(msgspec.Struct, frozen=True):
    """What an alert is routed by."""

    severity: str


class Rule(msgspec.Struct, frozen=True):
    """One alerting rule."""

    alert: str
    expr: str
    for_: str = msgspec.field(name="for")
    labels: Labels
    annotations: Annotations


class Group(msgspec.Struct, frozen=True):
    """Rules that are evaluated together."""

    name: str
    rules: tuple[Rule, ...]


class Rules(msgspec.Struct, frozen=True):
    """The file."""

    groups: tuple[Group, ...]


def rules(*, usd_per_hour: float = USD_PER_HOUR) -> Rules:
    """Return the rules."""
    found = tuple(map(_rule, alerts(usd_per_hour=usd_per_hour)))
    return Rules((Group(_GROUP, found),))


def text(made: Rules) -> str:
    """Write rules as YAML."""
    plain = msgspec.to_builtins(made)
    return _HEAD + yaml.safe_dump(plain, sort_keys=False, width=100, allow_unicode=True)


def _rule(alert: Alert) -> Rule:
    place = promql.Place(second=alert.window, period=alert.window, dashboard=False)
    both = [_condition(one, place) for one in alert.conditions]
    return Rule(
        alert=alert.name,
        expr=" and ".join(both),
        for_=alert.hold,
        labels=Labels(alert.severity.value),
        annotations=Annotations(
            summary=_filled(alert.summary),
            description=_filled(alert.description),
            runbook=f"{PAGE}#{alert.name.lower()}",
        ),
    )


def _condition(condition: Condition, place: promql.Place) -> str:
    return f"{promql.written(condition.ask, place)} > {condition.above:g}"


def _filled(words: str) -> str:
    """Put Prometheus' templates in for what differs between alerts."""
    return words.format(
        provider=_label(PROVIDER),
        model=_label(MODEL),
        exporter=_label(names.EXPORTER_ID),
        percent="{{ $value | humanizePercentage }}",
        usd='{{ $value | printf "%.2f" }} USD',
        duration="{{ $value | humanizeDuration }}",
    )


def _label(attribute: str) -> str:
    return f"{{{{ $labels.{label_name(attribute)} }}}}"
