"""The life of one job as events, with the spans that real ones have."""

from datetime import timedelta
from decimal import Decimal

import msgspec
from exporter_kit import AT, an_event

from vidobs import EventName, JobState, SpanKind, SpanRecord
from vidobs.core.jobs import VideoFile
from vidobs.core.money import Cost, CostBasis, CostStatus

RESERVED = Cost(CostStatus.RESERVED, CostBasis.REQUESTED, usd=Decimal("0.8"))
SETTLED = Cost(CostStatus.SETTLED, CostBasis.REQUESTED, usd=Decimal("0.8"))
FILE = VideoFile(size_bytes=200_607, sha256="ab" * 32, seconds=Decimal(8), size="720x1280")
JPEG = b"\xff\xd8\xff\xe0 a picture\r\n--"


def story(number=1, **job):
    """Return what happens to the job `number`: created, polled three times, read, and pictured."""
    open_job = {"cost": RESERVED, "file": None, "started_at": None} | job
    running = open_job | {"started_at": AT + timedelta(seconds=3)}
    ended = running | {"cost": SETTLED, "progress": 100} | job
    read = ended | {"state": JobState.COMPLETED, "finished_at": AT + timedelta(seconds=60)}
    thumbnail = msgspec.structs.replace(FILE, thumbnail="a.jpg")
    return [
        _step(EventName.SUBMITTED, number, "generate_content sora-2", (0, 0.25), **open_job),
        _step(EventName.STARTED, number, "fetch_response", (3, 3.1), progress=10, **running),
        _step(EventName.PROGRESS, number, "fetch_response", (30, 30.1), progress=50, **running),
        _step(EventName.COMPLETED, number, "fetch_response", (60, 60.1), **ended),
        _step(EventName.DOWNLOADED, number, "download_video", (61, 63), **(read | {"file": FILE})),
        _step(EventName.THUMBNAIL, number, None, (64, 64), **(read | {"file": thumbnail})),
    ]


def _step(name, number, call, seconds, **job):
    event = an_event(name, number, **job)
    start, end = (AT + timedelta(seconds=after) for after in seconds)
    spans = tuple(span for span in event.spans if span.kind is SpanKind.INTERNAL)
    if call is not None:
        spans = (_span(call, event.job, start, end), *spans)
    place = list(EventName).index(name)
    event_id = f"0199f77b-f406-76c8-aa8d-95b8c1{place:02x}{number:04x}"
    return msgspec.structs.replace(event, id=event_id, at=end, spans=spans)


def _span(call, job, start, end):
    create = call.startswith("generate")
    created = job.trace.span_id
    return SpanRecord(
        name=call,
        trace_id=job.trace.trace_id,
        span_id=created if create else f"{int(start.timestamp()):08x}{created[8:]}",
        parent_id=None if create else created,
        start_ns=int(start.timestamp() * 1000) * 1_000_000,
        end_ns=int(end.timestamp() * 1000) * 1_000_000,
        status=job.state.value,
    )
