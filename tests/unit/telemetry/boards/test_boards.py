"""The dashboards and the alerts as a whole: complete, in order, and of metrics that there are."""

import re
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
import yaml

from vidobs.core import names
from vidobs.telemetry.boards import datadog, grafana, rules
from vidobs.telemetry.boards.panels import Shape
from vidobs.telemetry.boards.queries import grouped_by, values_in
from vidobs.telemetry.boards.rows import ROWS
from vidobs.telemetry.deliveries import COUNTED, OBSERVED
from vidobs.telemetry.exposition import label_name, series_name
from vidobs.telemetry.kept import KEPT
from vidobs.telemetry.measurements import INSTRUMENTS, InstrumentKind

EVERY = (*INSTRUMENTS, *COUNTED, *OBSERVED, *KEPT)
PANELS = [panel for row in ROWS for panel in row.panels]
DOCS = Path(__file__).parents[4] / "docs" / "grafana-and-datadog.md"
_SERIES = re.compile(r"\b(?:vidobs|gen_ai_client)_\w+(?=[\[{)]|$|\s)")
_LABEL = re.compile(r"(\w+)=~?\"|by \(([^)]*)\)|\$labels\.(\w+)")
_METRIC = re.compile(r"\b(?:sum|max|count|p\d+):([\w.]+)\{")


def series():
    """Return every name that a query to Prometheus may ask for."""
    for one in EVERY:
        name = series_name(one)
        histogram = one.kind is InstrumentKind.HISTOGRAM
        yield from (
            [f"{name}_{part}" for part in ("bucket", "sum", "count")] if histogram else [name]
        )


def labels():
    """Return every label that a series may have."""
    attributes = {value for value in vars(names).values() if isinstance(value, str)}
    return {label_name(one) for one in attributes} | {"le", "job"}


def expressions():
    """Return every expression in PromQL, of the dashboard and of the rules."""
    board = [target.expr for one in grafana.dashboard().panels for target in one.targets or ()]
    return board + [rule.expr for rule in rules.rules().groups[0].rules]


def plain(made):
    """Return what is written, as JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(made))


def test_no_query_of_prometheus_names_what_does_not_exist():
    """Every series and every label comes from the constants."""
    for expr in expressions():
        found = _SERIES.findall(re.sub(r'"[^"]*"|by \([^)]*\)', "", expr))
        assert found, expr
        assert set(found) <= set(series()), expr
        named = {
            label.strip()
            for one in _LABEL.findall(expr)
            for part in one
            for label in part.split(",")
            if label.strip()
        }
        assert named <= labels(), expr


def test_no_query_of_datadog_names_what_does_not_exist():
    """Under their own names there."""
    known = {one.name for one in EVERY}
    text = msgspec.json.encode(datadog.dashboard()).decode()

    found = _METRIC.findall(text)

    assert len(found) > len(PANELS)
    assert set(found) <= known


def test_every_metric_is_on_a_panel():
    """A metric that is worth recording is worth a look."""
    shown = {
        value.instrument.name
        for panel in PANELS
        for query in panel.queries
        for value in values_in(query.ask)
    }

    assert shown == {one.name for one in EVERY}


def test_parts_of_an_expression_go_together():
    """Both sides of a quotient have the same labels, or Prometheus would find no pairs."""
    for panel in PANELS:
        for query in panel.queries:
            assert len({value.by for value in values_in(query.ask)}) == 1, panel.title


def test_panels_can_be_told_apart():
    """Each has a title of its own and says what it shows; figures have one query."""
    titles = [panel.title for panel in PANELS]

    assert len(set(titles)) == len(titles)
    assert all(panel.about.endswith(".") for panel in PANELS)
    for panel in PANELS:
        if panel.shape is Shape.NUMBER:
            assert [grouped_by(query.ask) for query in panel.queries] == [()]


def test_panels_of_grafana_do_not_overlap():
    """They fill a grid of 24 columns from above, and have ids of their own."""
    boards = grafana.dashboard().panels
    cells = [
        (x, y)
        for one in boards
        for x in range(one.grid_pos.x, one.grid_pos.x + one.grid_pos.w)
        for y in range(one.grid_pos.y, one.grid_pos.y + one.grid_pos.h)
    ]

    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == grafana.WIDTH - 1
    assert all(a.grid_pos.y <= b.grid_pos.y for a, b in pairwise(boards))
    assert len({one.id for one in boards}) == len(boards)


def test_grafana_is_asked_through_the_chosen_source():
    """Nobody has to edit the file: source, provider and model are variables."""
    made = plain(grafana.dashboard())

    assert made["schemaVersion"] == 41
    assert [one["name"] for one in made["templating"]["list"]] == [
        "datasource",
        "job",
        "provider",
        "model",
    ]
    panels = [one for one in made["panels"] if one["type"] != "row"]
    assert {one["datasource"]["uid"] for one in panels} == {"${datasource}"}
    assert [
        [target["refId"] for target in one["targets"]] for one in panels if one["title"] == "Queue"
    ] == [["A", "B", "C"]]


def test_datadog_has_the_same_panels():
    """In groups of the same titles; but nobody sends it what only the ledger tells."""
    groups = plain(datadog.dashboard())["widgets"]

    def titles(group):
        return [one["definition"]["title"] for one in group["definition"]["widgets"]]

    found = {group["definition"]["title"]: titles(group) for group in groups[:-1]}
    kept = {"Need care now", "In the ledger, by state", "Oldest under way", "Dead letters kept"}
    assert found == {
        row.title: [panel.title for panel in row.panels if panel.title not in kept] for row in ROWS
    }
    assert groups[-1]["definition"]["type"] == "list_stream"


def test_alerts_say_what_to_do():
    """Each has a severity, words without holes, and a place in our docs that exists."""
    [group] = yaml.safe_load(rules.text(rules.rules()))["groups"]
    anchors = {
        f"{DOCS.name}#{one.lower()}"
        for one in re.findall(r"^### (\w+)$", DOCS.read_text("utf-8"), re.MULTILINE)
    }

    names_of = [rule["alert"] for rule in group["rules"]]
    assert len(set(names_of)) == len(names_of)
    for rule in group["rules"]:
        said = rule["annotations"]
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert not re.search(r"(?<!\{)\{(?!\{)", said["summary"] + said["description"])
        assert said["description"].endswith(".")
        assert said["runbook"].removeprefix("docs/") in anchors


def test_the_docs_say_what_each_panel_and_alert_means():
    """docs/grafana-and-datadog.md has the words of the panels, and a heading for each alert."""
    page = DOCS.read_text("utf-8")

    for row in ROWS:
        for panel in row.panels:
            assert f"| {panel.title} | {panel.about} |" in page
    alerts = {rule.alert for rule in rules.rules().groups[0].rules}
    assert set(re.findall(r"^### (Vidobs\w+)$", page, re.MULTILINE)) == alerts


@pytest.mark.parametrize("usd", [0.5, 2500])
def test_the_limit_of_spend_is_ones_own(usd):
    """It is the one limit that nobody can know for others."""
    [spend] = [
        rule
        for rule in rules.rules(usd_per_hour=usd).groups[0].rules
        if rule.alert == "VidobsSpendRate"
    ]

    assert spend.expr.endswith(f"> {usd:g}")
