"""Expressions as PromQL: https://prometheus.io/docs/prometheus/latest/querying/basics/."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec

from vidobs.telemetry.boards.queries import (
    MODEL,
    OF_JOBS,
    PROVIDER,
    Over,
    Quantile,
    Quotient,
    Times,
)
from vidobs.telemetry.exposition import label_name, series_name
from vidobs.telemetry.measurements import Instrument, InstrumentKind

if TYPE_CHECKING:
    from vidobs.telemetry.boards.queries import Expression, Match, Value

VARIABLES = {PROVIDER: "provider", MODEL: "model"}  # of the dashboard, by attribute
_SPECIAL = re.compile(r"([.\\+*?()\[\]{}|^$])")


class Windows(msgspec.Struct, frozen=True):
    """How long `Over.SECOND` and `Over.PERIOD` are; whether variables of a dashboard narrow it."""

    second: str = "$__rate_interval"
    period: str = "$__range"
    variables: bool = True


DASHBOARD = Windows()


def written(expression: Expression, windows: Windows = DASHBOARD) -> str:
    """Return an expression as PromQL."""
    if isinstance(expression, Quotient):
        return f"{written(expression.top, windows)} / ({written(expression.bottom, windows)} > 0)"
    if isinstance(expression, Times):
        return f"{expression.factor} * {written(expression.value, windows)}"
    if isinstance(expression, Quantile):
        return _quantile(expression, windows)
    return _value(expression, windows)


def _value(value: Value, windows: Windows) -> str:
    instrument = value.instrument
    name = series_name(instrument)
    if instrument.kind is InstrumentKind.HISTOGRAM:
        name += f"_{value.part}"
    series = name + _matchers(instrument, value.where, windows)
    if value.over is Over.NOW:
        largest = instrument.kind is InstrumentKind.GAUGE
        return f"{'max' if largest else 'sum'}{_by(value.by)}({series})"
    if value.over is Over.SECOND:
        return f"sum{_by(value.by)}(rate({series}[{windows.second}]))"
    return f"sum{_by(value.by)}(increase({series}[{windows.period}]))"


def _quantile(one: Quantile, windows: Windows) -> str:
    series = f"{series_name(one.instrument)}_bucket{_matchers(one.instrument, one.where, windows)}"
    rate = f"sum{_by(('le', *one.by))}(rate({series}[{windows.second}]))"
    return f"histogram_quantile({one.quantile}, {rate})"


def _by(attributes: tuple[str, ...]) -> str:
    return f" by ({', '.join(map(label_name, attributes))}) " if attributes else ""


def _matchers(instrument: Instrument, where: tuple[Match, ...], windows: Windows) -> str:
    found = [_matcher(one) for one in where]
    if windows.variables and instrument in OF_JOBS:
        found += [f'{label_name(key)}=~"${name}"' for key, name in VARIABLES.items()]
    return f"{{{', '.join(found)}}}" if found else ""


def _matcher(match: Match) -> str:
    label = label_name(match.attribute)
    if len(match.values) == 1:
        return f"{label}={json.dumps(match.values[0])}"
    either = "|".join(_SPECIAL.sub(r"\\\1", value) for value in match.values)
    return f"{label}=~{json.dumps(either)}"
