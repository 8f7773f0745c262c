"""Attributes, ids and times in the shapes of the protocol, and what is around every signal.

Protocol: https://github.com/open-telemetry/opentelemetry-proto
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from vidobs import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    Value: TypeAlias = str | bool | int | float | Sequence[str]
    Values: TypeAlias = Mapping[str, Value]

SCOPE = InstrumentationScope(name="vidobs", version=__version__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INT64 = range(-(1 << 63), 1 << 63)
_LATEST = (1 << 64) - 1


def key_values(attributes: Values) -> list[KeyValue]:
    """Return attributes as the protocol has them, in their order."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def any_value(value: Value) -> AnyValue:
    """Return a value with its type; an integer that is too large for the protocol as a double."""
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, bool):  # before int, which it is too
        return AnyValue(bool_value=value)
    if isinstance(value, int) and value in _INT64:
        return AnyValue(int_value=value)
    if isinstance(value, int | float):
        return AnyValue(double_value=value)
    return AnyValue(array_value=ArrayValue(values=[any_value(one) for one in value]))


def resource_of(attributes: Values) -> Resource:
    """Return what the data is of: `service.name` and so on."""
    return Resource(attributes=key_values(attributes))


def time_ns(at: datetime) -> int:
    """Return an aware time in nanoseconds since 1970, within what the protocol can say."""
    return bounded_ns((at - _EPOCH) // _MICROSECOND * 1000)


def bounded_ns(ns: int) -> int:
    """Return a time within what the protocol can say: a server's clock may be anywhere."""
    return min(max(0, ns), _LATEST)
