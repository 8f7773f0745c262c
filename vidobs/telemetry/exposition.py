"""Metrics as Prometheus names them. Pure; `vidobs.telemetry.prometheus` writes the text.

The names are what OpenTelemetry's own Prometheus exporters make of the same instruments, so that a
query does not care which way a number came:
https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import accumulate
from math import inf
from typing import TYPE_CHECKING

import msgspec

from vidobs.telemetry.measurements import Instrument, InstrumentKind

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNITS = {"s": "seconds", "By": "bytes", "%": "percent", "1": ""}
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9:]+")
_NOT_IN_LABELS = re.compile(r"[^a-zA-Z0-9]+")
_ANNOTATION = re.compile(r"\{[^}]*\}")  # `{job}`: for people, of no dimension


class Sample(msgspec.Struct, frozen=True):
    """What a counter or a gauge stands at, under one set of attributes (not yet label names)."""

    instrument: Instrument
    attributes: Mapping[str, str | bool | int | float]
    value: float


class HistogramSample(msgspec.Struct, frozen=True):
    """What a histogram holds. `counts` are per bucket, not summed up; the last is above all bounds.

    So there is one count more than `instrument.buckets`.
    """

    instrument: Instrument
    attributes: Mapping[str, str | bool | int | float]
    counts: tuple[int, ...]
    total: float


class Line(msgspec.Struct, frozen=True):
    """One line of the exposition."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True):
    """The lines of one metric. `name` ends in the unit and never in `_total`."""

    name: str
    type: str  # `counter`, `gauge` or `histogram`
    unit: str  # empty where there is none
    description: str
    lines: tuple[Line, ...]


def families(samples: Iterable[Sample | HistogramSample]) -> tuple[Family, ...]:
    """Return what a scrape says of some samples: one family per instrument, as they first come."""
    found: dict[str, tuple[Instrument, list[Line]]] = {}
    for sample in samples:
        _, lines = found.setdefault(sample.instrument.name, (sample.instrument, []))
        lines.extend(_lines(sample))
    return tuple(_family(instrument, lines) for instrument, lines in found.values())


def base_name(instrument: Instrument) -> str:
    """Return the name of a family, such as `vidobs_job_duration_seconds`."""
    name = _NOT_IN_NAMES.sub("_", instrument.name)
    unit = unit_name(instrument)
    return name if not unit or name.endswith(f"_{unit}") else f"{name}_{unit}"


def series_name(instrument: Instrument) -> str:
    """Return the name that a query asks for; of a histogram without `_bucket`, `_sum`, `_count`."""
    counts = instrument.kind is InstrumentKind.COUNTER
    return base_name(instrument) + ("_total" if counts else "")


def unit_name(instrument: Instrument) -> str:
    """Return a unit in full, and nothing for what only people read."""
    unit = _ANNOTATION.sub("", instrument.unit)
    return _UNITS.get(unit, unit)


def label_name(attribute: str) -> str:
    """Return the label of an attribute, such as `gen_ai_request_model`."""
    return _NOT_IN_LABELS.sub("_", attribute)


def _family(instrument: Instrument, lines: list[Line]) -> Family:
    kind = instrument.kind
    known = {InstrumentKind.COUNTER: "counter", InstrumentKind.HISTOGRAM: "histogram"}
    return Family(
        name=base_name(instrument),
        type=known.get(kind, "gauge"),
        unit=unit_name(instrument),
        description=instrument.description,
        lines=tuple(lines),
    )


def _lines(sample: Sample | HistogramSample) -> list[Line]:
    name = series_name(sample.instrument)
    labels = {label_name(key): _text(value) for key, value in sorted(sample.attributes.items())}
    if isinstance(sample, Sample):
        return [Line(name, labels, float(sample.value))]
    bounds = (*sample.instrument.buckets, inf)
    buckets = [
        Line(f"{name}_bucket", {**labels, "le": _bound(bound)}, float(count))
        for bound, count in zip(bounds, accumulate(sample.counts), strict=True)
    ]
    count = Line(f"{name}_count", labels, float(sum(sample.counts)))
    return [*buckets, count, Line(f"{name}_sum", labels, float(sample.total))]


def _bound(bound: float) -> str:
    return "+Inf" if bound == inf else repr(float(bound))


def _text(value: str | bool | float) -> str:  # noqa: FBT001 - a value, no flag
    return str(value).lower() if isinstance(value, bool) else str(value)
