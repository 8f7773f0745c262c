"""The dashboard for Datadog, over what arrives by OTLP.

There a histogram is a distribution (`p95:vidobs.job.duration`), and attributes are tags under their
own names: https://docs.datadoghq.com/dashboards/querying/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core import names
from vidobs.core.events import EventName
from vidobs.telemetry.boards.panels import Last, Panel, Query, Row, Shape, Unit
from vidobs.telemetry.boards.queries import (
    MODEL,
    OF_JOBS,
    PROVIDER,
    Over,
    Quantile,
    Quotient,
    Times,
    Value,
    grouped_by,
    values_in,
)
from vidobs.telemetry.boards.rows import ROWS
from vidobs.telemetry.kept import KEPT
from vidobs.telemetry.measurements import InstrumentKind

if TYPE_CHECKING:
    from vidobs.telemetry.boards.queries import Expression, Match
    from vidobs.telemetry.measurements import Instrument

VARIABLES = {PROVIDER: "provider", MODEL: "model"}
_TOP = 10
_LETTERS = "abcdefgh"
_SPANS = {Last.DAY: "1d", Last.MONTH: "month_to_date"}
_UNITS = {
    Unit.USD: "dollar",
    Unit.SECONDS: "second",
    Unit.BYTES: "byte",
    Unit.SHARE: "fraction",
}


class CanonicalUnit(msgspec.Struct, frozen=True, tag_field="type", tag="canonical_unit"):
    """A unit that Datadog knows."""

    unit_name: str


class NumberFormat(msgspec.Struct, frozen=True):
    """How a number is written."""

    unit: CanonicalUnit


class Limit(msgspec.Struct, frozen=True):
    """Which of many results are shown."""

    count: int
    order: str


class Formula(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is made of the queries."""

    formula: str
    alias: str | None = None
    limit: Limit | None = None
    number_format: NumberFormat | None = None


class MetricQuery(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One query of metrics."""

    name: str
    query: str
    data_source: str
    aggregator: str | None = None  # over the time shown, where one figure is wanted


class Request(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a widget asks."""

    response_format: str
    queries: tuple[MetricQuery, ...]
    formulas: tuple[Formula, ...]
    display_type: str | None = None


class LogColumn(msgspec.Struct, frozen=True):
    """A column of a list."""

    field: str
    width: str


class LogQuery(msgspec.Struct, frozen=True):
    """A search in the logs."""

    data_source: str
    query_string: str
    indexes: tuple[str, ...]


class LogRequest(msgspec.Struct, frozen=True):
    """What a list asks."""

    response_format: str
    query: LogQuery
    columns: tuple[LogColumn, ...]


class Span(msgspec.Struct, frozen=True):
    """A time of a widget's own."""

    live_span: str


class Definition(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a widget is."""

    type: str
    title: str
    requests: tuple[Request | LogRequest, ...] | None = None
    layout_type: str | None = None
    widgets: tuple[Widget, ...] | None = None
    time: Span | None = None
    precision: int | None = None
    autoscale: bool | None = None
    show_legend: bool | None = None


class Widget(msgspec.Struct, frozen=True):
    """A widget, or a group of them."""

    definition: Definition


class Variable(msgspec.Struct, frozen=True):
    """A choice at the top of the dashboard."""

    name: str
    prefix: str
    defaults: tuple[str, ...]


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it."""

    title: str
    description: str
    layout_type: str
    reflow_type: str
    template_variables: tuple[Variable, ...]
    widgets: tuple[Widget, ...]


def dashboard() -> Dashboard:
    """Return the dashboard; provider and model are chosen in it."""
    return Dashboard(
        title="vidobs",
        description="Video jobs. Made by `vidobs dashboards export datadog`: make it again after "
        "an update, and keep changes of your own in a copy.",
        layout_type="ordered",
        reflow_type="auto",
        template_variables=tuple(Variable(name, key, ("*",)) for key, name in VARIABLES.items()),
        widgets=(*map(_group, ROWS), _failed_jobs()),
    )


def _group(row: Row) -> Widget:
    widgets = tuple(_widget(panel) for panel in row.panels if _arrives(panel))
    return Widget(Definition(type="group", title=row.title, layout_type="ordered", widgets=widgets))


def _arrives(panel: Panel) -> bool:
    """Tell whether what a panel asks for is sent; gauges of the ledger are only scraped."""
    asked = (value for query in panel.queries for value in values_in(query.ask))
    return not any(value.instrument in KEPT for value in asked)


def _widget(panel: Panel) -> Widget:
    time = None if panel.last is None else Span(_SPANS[panel.last])
    title = panel.title
    if panel.shape is Shape.NUMBER:
        requests = (_request(panel, "scalar"),)
        return Widget(
            Definition(
                type="query_value",
                title=title,
                requests=requests,
                time=time,
                autoscale=True,
                precision=2,
            )
        )
    if panel.shape is Shape.TOP:
        requests = (_request(panel, "scalar"),)
        return Widget(Definition(type="toplist", title=title, requests=requests))
    display = "bars" if panel.shape is Shape.BARS else "line"
    requests = (_request(panel, "timeseries", display),)
    return Widget(Definition(type="timeseries", title=title, requests=requests, show_legend=True))


def _request(panel: Panel, response: str, display: str | None = None) -> Request:
    queries: list[MetricQuery] = []
    formulas = []
    for query in panel.queries:
        letters = _LETTERS[len(queries) :]
        parts = list(values_in(query.ask))
        queries += [_metric(one, letters[at], response) for at, one in enumerate(parts)]
        formulas.append(_formula(panel, query, letters))
    return Request(
        response_format=response,
        queries=tuple(queries),
        formulas=tuple(formulas),
        display_type=display,
    )


def _formula(panel: Panel, query: Query, letters: str) -> Formula:
    unit = _UNITS.get(panel.unit)
    return Formula(
        formula=_arithmetic(query.ask, letters),
        alias=query.name or (None if grouped_by(query.ask) else panel.title),
        limit=Limit(_TOP, "desc") if panel.shape is Shape.TOP else None,
        number_format=None if unit is None else NumberFormat(CanonicalUnit(unit)),
    )


def _arithmetic(ask: Expression, letters: str) -> str:
    if isinstance(ask, Quotient):
        return f"{letters[0]} / {letters[1]}"
    return f"{ask.factor} * {letters[0]}" if isinstance(ask, Times) else letters[0]


def _metric(one: Value | Quantile, name: str, response: str) -> MetricQuery:
    return MetricQuery(
        name=name,
        query=written(one),
        data_source="metrics",
        aggregator=_aggregator(one) if response == "scalar" else None,
    )


def _aggregator(one: Value | Quantile) -> str:
    if isinstance(one, Quantile):
        return "percentile"
    return "sum" if one.over is Over.PERIOD else "last"


def written(one: Value | Quantile) -> str:
    """Return one value in Datadog's language."""
    instrument = one.instrument
    by = f" by {{{','.join(one.by)}}}" if one.by else ""
    scope = f"{instrument.name}{{{_filters(instrument, one.where)}}}{by}"
    if isinstance(one, Quantile):
        return f"p{one.quantile * 100:.0f}:{scope}"
    if one.over is Over.NOW:
        return f"{'max' if instrument.kind is InstrumentKind.GAUGE else 'sum'}:{scope}"
    histogram = instrument.kind is InstrumentKind.HISTOGRAM
    how = ".as_count()" if one.over is Over.PERIOD else ".as_rate()"
    return f"{one.part if histogram else 'sum'}:{scope}{how}"


def _filters(instrument: Instrument, where: tuple[Match, ...]) -> str:
    """Return what narrows a query; joined by AND as soon as something is one of several."""
    found = [_filter(one) for one in where]
    if instrument in OF_JOBS:
        found += [f"${name}" for name in VARIABLES.values()]
    several = any(len(one.values) > 1 for one in where)
    return (" AND " if several else ",").join(found) or "*"


def _filter(match: Match) -> str:
    either = [f"{match.attribute}:{value}" for value in match.values]
    return either[0] if len(either) == 1 else f"({' OR '.join(either)})"


def _failed_jobs() -> Widget:
    """Return the list of the last jobs that failed, from the logs that exporters send."""
    found = f"@{names.EVENT_NAME}:{EventName.FAILED}"
    fields = (names.JOB_ID, names.REQUEST_MODEL, names.JOB_REASON, names.JOB_ERROR_MESSAGE)
    request = LogRequest(
        "event_list",
        LogQuery("logs_stream", found, ()),
        (LogColumn("timestamp", "auto"), *(LogColumn(f"@{one}", "auto") for one in fields)),
    )
    return Widget(
        Definition(type="list_stream", title="Jobs that failed last", requests=(request,))
    )
