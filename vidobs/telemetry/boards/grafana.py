"""The dashboard for Grafana, over Prometheus.

Of schema 41 (Grafana 11.6), which newer ones bring up to date by themselves:
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

import msgspec

from vidobs.telemetry import measurements as table
from vidobs.telemetry.boards import promql
from vidobs.telemetry.boards.panels import Last, Panel, Query, Row, Shape, Unit
from vidobs.telemetry.boards.queries import MODEL, PROVIDER, grouped_by
from vidobs.telemetry.boards.rows import ROWS
from vidobs.telemetry.exposition import label_name, series_name

SCHEMA = 41
UID = "vidobs"  # by which importing it again replaces it
WIDTH = 24
_MOST = 10  # of the largest
_ALL = ".*"
_NUMBERS_ABREAST = 6
_NUMBER_HEIGHT, _PLOT_HEIGHT = 4, 8
_PERIODS = {Last.DAY: "24h", Last.MONTH: "30d"}
_TYPES = {
    Shape.NUMBER: "stat",
    Shape.LINES: "timeseries",
    Shape.BARS: "timeseries",
    Shape.TOP: "bargauge",
}
_UNITS = {
    Unit.USD: "currencyUSD",
    Unit.SECONDS: "s",
    Unit.BYTES: "bytes",
    Unit.SHARE: "percentunit",
    Unit.COUNT: "short",
    Unit.LEVEL: "none",
}


class _Struct(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What Grafana writes in camel case."""


class Source(_Struct, frozen=True, kw_only=True):
    """Where a panel or a variable asks."""

    type: str
    uid: str


class Target(_Struct, frozen=True, kw_only=True):
    """One query of a panel."""

    expr: str
    ref_id: str
    instant: bool
    range: bool
    legend_format: str


class Grid(_Struct, frozen=True, kw_only=True):
    """Where a panel stands, in a grid of 24 columns."""

    h: int
    w: int
    x: int
    y: int


class Stacking(_Struct, frozen=True, kw_only=True):
    """Whether series stand on each other."""

    mode: str
    group: str


class Drawing(_Struct, frozen=True, kw_only=True):
    """How a series is drawn."""

    draw_style: str
    fill_opacity: float
    line_width: float
    show_points: str
    stacking: Stacking | None = None


class Defaults(_Struct, frozen=True, kw_only=True):
    """What holds for every field of a panel."""

    unit: str
    min: float
    custom: Drawing | None = None


class Fields(_Struct, frozen=True, kw_only=True):
    """The fields of a panel."""

    defaults: Defaults
    overrides: tuple[str, ...]


class Reduce(_Struct, frozen=True, kw_only=True):
    """How a series becomes one figure."""

    calcs: tuple[str, ...]


class Options(_Struct, frozen=True, kw_only=True):
    """What is set of a type of panel."""

    reduce_options: Reduce | None = None
    color_mode: str | None = None
    graph_mode: str | None = None
    text_mode: str | None = None
    orientation: str | None = None
    display_mode: str | None = None


class Board(_Struct, frozen=True, kw_only=True):
    """One panel, or the heading of a row."""

    id: int
    type: str
    title: str
    grid_pos: Grid
    description: str | None = None
    datasource: Source | None = None
    collapsed: bool | None = None
    panels: tuple[str, ...] | None = None  # of a collapsed row
    targets: tuple[Target, ...] | None = None
    field_config: Fields | None = None
    options: Options | None = None


class Choice(_Struct, frozen=True, kw_only=True):
    """What is chosen of a variable at first."""

    selected: bool
    text: str
    value: str


class Variable(_Struct, frozen=True, kw_only=True):
    """A choice at the top of the dashboard."""

    type: str
    name: str
    label: str
    query: str
    datasource: Source | None = None
    current: Choice | None = None
    multi: bool | None = None
    include_all: bool | None = None
    all_value: str | None = None
    refresh: int | None = None  # 2: whenever the time shown changes
    sort: int | None = None  # 1: by name


class Templating(_Struct, frozen=True, kw_only=True):
    """The variables."""

    list: tuple[Variable, ...]


class Period(_Struct, frozen=True, kw_only=True):
    """The time that is shown at first."""

    from_: str = msgspec.field(name="from")
    to: str


class Dashboard(_Struct, frozen=True, kw_only=True):
    """The whole of it."""

    uid: str
    title: str
    description: str
    tags: tuple[str, ...]
    schema_version: int
    editable: bool
    timezone: str
    refresh: str
    time: Period
    templating: Templating
    panels: tuple[Board, ...]


SOURCE = Source(type="prometheus", uid="${datasource}")


def dashboard() -> Dashboard:
    """Return the dashboard; data source, provider and model are chosen in it."""
    return Dashboard(
        uid=UID,
        title="vidobs",
        description="Video jobs. Made by `vidobs dashboards export grafana`: make it again "
        "after an update, and keep changes of your own in a copy.",
        tags=("vidobs",),
        schema_version=SCHEMA,
        editable=True,
        timezone="browser",
        refresh="1m",
        time=Period(from_="now-24h", to="now"),
        templating=Templating(list=_variables()),
        panels=_placed(ROWS),
    )


def _variables() -> tuple[Variable, ...]:
    jobs, provider, model = series_name(table.JOBS), label_name(PROVIDER), label_name(MODEL)
    chosen = f'{{{provider}=~"${promql.VARIABLES[PROVIDER]}"}}'
    return (
        Variable(type="datasource", name="datasource", label="Data source", query="prometheus"),
        _choice(promql.JOB, "Scraped as", f"label_values({jobs}, {promql.JOB})"),
        _choice(promql.VARIABLES[PROVIDER], "Provider", f"label_values({jobs}, {provider})"),
        _choice(promql.VARIABLES[MODEL], "Model", f"label_values({jobs}{chosen}, {model})"),
    )


def _choice(name: str, label: str, query: str) -> Variable:
    return Variable(
        type="query",
        name=name,
        label=label,
        query=query,
        datasource=SOURCE,
        current=Choice(selected=True, text="All", value="$__all"),
        multi=True,
        include_all=True,
        all_value=_ALL,
        refresh=2,
        sort=1,
    )


def _placed(rows: tuple[Row, ...]) -> tuple[Board, ...]:
    """Put the rows below each other: figures first, then two plots abreast."""
    found: list[Board] = []
    y = 0
    for row in rows:
        grid = Grid(h=1, w=WIDTH, x=0, y=y)
        heading = Board(
            id=len(found) + 1,
            type="row",
            title=row.title,
            grid_pos=grid,
            collapsed=False,
            panels=(),
        )
        found.append(heading)
        y += 1
        numbers = [panel for panel in row.panels if panel.shape is Shape.NUMBER]
        plots = [panel for panel in row.panels if panel.shape is not Shape.NUMBER]
        for panels, height, abreast in (
            (numbers, _NUMBER_HEIGHT, min(_NUMBERS_ABREAST, len(numbers) or 1)),
            (plots, _PLOT_HEIGHT, 2),
        ):
            width = WIDTH // abreast
            for place, panel in enumerate(panels):
                line, column = divmod(place, abreast)
                at = Grid(h=height, w=width, x=column * width, y=y + line * height)
                found.append(_board(panel, number=len(found) + 1, at=at))
            y += -(-len(panels) // abreast) * height
    return tuple(found)


def _board(panel: Panel, *, number: int, at: Grid) -> Board:
    return Board(
        id=number,
        type=_TYPES[panel.shape],
        title=panel.title,
        description=panel.about,
        datasource=SOURCE,
        grid_pos=at,
        targets=tuple(
            _target(panel, query, chr(ord("A") + place))
            for place, query in enumerate(panel.queries)
        ),
        field_config=Fields(
            defaults=Defaults(unit=_UNITS[panel.unit], min=0, custom=_drawing(panel.shape)),
            overrides=(),
        ),
        options=_options(panel.shape),
    )


def _target(panel: Panel, query: Query, letter: str) -> Target:
    place = promql.DASHBOARD
    if panel.last is not None:
        place = promql.Place(period=_PERIODS[panel.last])
    expr = promql.written(query.ask, place)
    if panel.shape is Shape.TOP:
        expr = f"topk({_MOST}, {expr} > 0)"
    once = panel.shape in (Shape.NUMBER, Shape.TOP)
    labels = [f"{{{{{label_name(key)}}}}}" for key in grouped_by(query.ask)]
    return Target(
        expr=expr,
        ref_id=letter,
        instant=once,
        range=not once,
        legend_format=" ".join(filter(None, [query.name, *labels])) or panel.title,
    )


def _drawing(shape: Shape) -> Drawing | None:
    if shape is Shape.BARS:
        stacked = Stacking(mode="normal", group="A")
        return Drawing(
            draw_style="bars", fill_opacity=60, line_width=0, show_points="never", stacking=stacked
        )
    if shape is Shape.LINES:
        return Drawing(draw_style="line", fill_opacity=10, line_width=1, show_points="auto")
    return None


def _options(shape: Shape) -> Options | None:
    last = Reduce(calcs=("lastNotNull",))
    if shape is Shape.NUMBER:
        return Options(
            reduce_options=last, color_mode="value", graph_mode="none", text_mode="value"
        )
    if shape is Shape.TOP:
        return Options(reduce_options=last, orientation="horizontal", display_mode="basic")
    return None
