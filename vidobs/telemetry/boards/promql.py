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

JOB = "job"  # the label of what is scraped together, and the variable of that name
VARIABLES = {PROVIDER: "provider", MODEL: "model"}  # of the dashboard, by attribute
_SPECIAL = re.compile(r"([.\\+*?()\[\]{}|^$])")


class Place(msgspec.Struct, frozen=True):
    """Where an expression stands.

    `second` and `period` are how long `Over.SECOND` and `Over.PERIOD` are. On a dashboard variables
    narrow it; elsewhere what is scraped under one `job` is told apart from other jobs, because a
    process and the ledger that it writes to may both be scraped, and say the same.
    """

    second: str = "$__rate_interval"
    period: str = "$__range"
    dashboard: bool = True


DASHBOARD = Place()


def written(expression: Expression, place: Place = DASHBOARD) -> str:
    """Return an expression as PromQL."""
    if isinstance(expression, Quotient):
        return f"{written(expression.top, place)} / ({written(expression.bottom, place)} > 0)"
    if isinstance(expression, Times):
        return f"{expression.factor} * {written(expression.value, place)}"
    if isinstance(expression, Quantile):
        return _quantile(expression, place)
    return _value(expression, place)


def _value(value: Value, place: Place) -> str:
    instrument = value.instrument
    name = series_name(instrument)
    if instrument.kind is InstrumentKind.HISTOGRAM:
        name += f"_{value.part}"
    series = name + _matchers(instrument, value.where, place)
    if value.over is Over.NOW:
        largest = instrument.kind is InstrumentKind.GAUGE
        return f"{'max' if largest else 'sum'}{_by(value.by, place)}({series})"
    if value.over is Over.SECOND:
        return f"sum{_by(value.by, place)}(rate({series}[{place.second}]))"
    return f"sum{_by(value.by, place)}(increase({series}[{place.period}]))"


def _quantile(one: Quantile, place: Place) -> str:
    series = f"{series_name(one.instrument)}_bucket{_matchers(one.instrument, one.where, place)}"
    rate = f"sum{_by(('le', *one.by), place)}(rate({series}[{place.second}]))"
    return f"histogram_quantile({one.quantile}, {rate})"


def _by(attributes: tuple[str, ...], place: Place) -> str:
    labels = [*map(label_name, attributes), *([] if place.dashboard else [JOB])]
    return f" by ({', '.join(labels)}) " if labels else ""


def _matchers(instrument: Instrument, where: tuple[Match, ...], place: Place) -> str:
    found = [_matcher(one) for one in where]
    if place.dashboard and instrument in OF_JOBS:
        found += [f'{label_name(key)}=~"${name}"' for key, name in VARIABLES.items()]
    if place.dashboard:
        found.append(f'{JOB}=~"${JOB}"')
    return f"{{{', '.join(found)}}}" if found else ""


def _matcher(match: Match) -> str:
    label = label_name(match.attribute)
    if len(match.values) == 1:
        return f"{label}={json.dumps(match.values[0])}"
    either = "|".join(_SPECIAL.sub(r"\\\1", value) for value in match.values)
    return f"{label}=~{json.dumps(either)}"
