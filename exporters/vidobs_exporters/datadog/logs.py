"""Events as what Datadog's logs intake takes.

https://docs.datadoghq.com/api/latest/logs/#send-logs
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vidobs import event_attributes, event_level
from vidobs_exporters.datadog.names import bounded_tags, correlation, tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vidobs import VideoEvent
    from vidobs_exporters.datadog.names import Unified

MOST_ENTRIES = 1000  # in one request
MOST_BYTES = 5_000_000  # of one request, before it is compressed

_STATUS_OF = {10: "debug", 20: "info", 30: "warn"}
_SAID = ("gen_ai.request.model", "gen_ai.response.id", "vidobs.job.reason", "exception.type")


class Part(NamedTuple):
    """Some entries as the body of one request."""

    body: bytes
    entries: int


def entry(event: VideoEvent, names: Unified) -> dict[str, object]:
    """Return the log of an event: the attributes of its log record in process, and Datadog's own.

    It has the time of the event. The trace is that of the job, in Datadog's and OpenTelemetry's
    spelling.
    """
    attributes = event_attributes(event)
    name = event.name.value
    trace = event.job.trace
    said = [str(attributes[key]) for key in _SAID if key in attributes]
    return {
        "ddsource": names.source,
        "ddtags": ",".join([*names.tags, tag("event", name), *bounded_tags(attributes)]),
        "service": names.service,
        "status": _STATUS_OF[event_level(event)],
        "message": " ".join([name, *said]),
        "timestamp": round(event.at.timestamp() * 1000),
        "trace_id": trace.trace_id,
        "span_id": trace.span_id,
        **correlation(trace.trace_id, trace.span_id),
        "vidobs.event.name": name,
        **attributes,
    }


def parts(
    entries: Sequence[object],
    *,
    most_entries: int = MOST_ENTRIES,
    most_bytes: int = MOST_BYTES,
) -> Iterator[Part]:
    """Yield JSON arrays of at most so many entries and bytes; one that is larger goes alone."""
    waiting: list[bytes] = []
    size = len(b"[]")
    for one in map(msgspec.json.encode, entries):
        more = len(one) + len(b",")
        if waiting and (len(waiting) >= most_entries or size + more > most_bytes):
            yield _part(waiting)
            waiting, size = [], len(b"[]")
        waiting.append(one)
        size += more
    if waiting:
        yield _part(waiting)


def _part(encoded: list[bytes]) -> Part:
    return Part(b"[" + b",".join(encoded) + b"]", len(encoded))
