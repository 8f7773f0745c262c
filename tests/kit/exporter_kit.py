"""Events for tests of exporters: one of each kind, and those of a run full of secrets."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import openai
from sink_kit import Sink

import vidobs
from vidobs.core.calls import Attribution, VideoRequest
from vidobs.core.events import EventName, SpanKind, SpanRecord, VideoEvent
from vidobs.core.jobs import Job, JobError, JobState, Reason, TraceRef, Usage, VideoFile
from vidobs.core.money import Cost, CostBasis, CostStatus
from vidobs.testing import InMemoryExporter, isolated

AT = datetime(2026, 11, 20, 14, 3, 21, tzinfo=UTC)
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
EVIL = 'x\nvideo.completed\r\nX-Evil: 1\x1b[2J\x07\x9b31m\u202e\u2028\0"\\</script>\U0001f3ac'
_STATE_OF = {
    EventName.COMPLETED: JobState.COMPLETED,
    EventName.FAILED: JobState.FAILED,
    EventName.CANCELLED: JobState.CANCELLED,
    EventName.EXPIRED: JobState.EXPIRED,
    EventName.UNKNOWN: JobState.UNKNOWN,
    EventName.SUBMITTED: JobState.QUEUED,
}


def an_event(name=EventName.COMPLETED, number=1, **job):
    """Build an event of the job `number`, as full as real ones are; `job` are fields of the job."""
    failed = name is EventName.FAILED
    known = {
        "job_id": f"job_0199f77bf40676c8aa8d95b8c037e5{number:02x}",
        "provider": "openai",
        "dialect": "openai",
        "model": "sora-2",
        "provider_job_id": f"video_68d7512d07848190b3e45da0ecbebcde004da08e1e0678{number:02x}",
        "created_at": AT,
        "submitted_at": AT + timedelta(milliseconds=250),
        "started_at": AT + timedelta(seconds=3),
        "finished_at": AT + timedelta(seconds=60) if name.terminal else None,
        "state": _STATE_OF.get(name, JobState.IN_PROGRESS),
        "reason": Reason.PROVIDER_ERROR if failed else None,
        "error": JobError("render_failed", "the renderer broke") if failed else None,
        "trace": TraceRef(TRACE_ID[:-2] + f"{number:02x}", f"00f067aa0ba902{number:02x}"),
        "request": VideoRequest(seconds=Decimal(8), size="720x1280", prompt_chars=27),
        "usage": Usage(output_seconds=Decimal(8)),
        "cost": Cost(CostStatus.SETTLED, CostBasis.USAGE, usd=Decimal("0.80")),
        "file": VideoFile(size_bytes=1_048_576, sha256="ab" * 32, seconds=Decimal(8)),
        "server_address": "api.openai.com",
        "server_port": 443,
        "attribution": Attribution("ada", {"team": "film"}),
        "polls": 7,
    }
    made = Job(**{**known, **job})
    return VideoEvent(
        id=f"0199f77b-f406-76c8-aa8d-95b8c037e5{number:02x}",
        name=name,
        at=AT + timedelta(seconds=60),
        job=made,
        spans=_spans(name, made),
        detail="RateLimitError: too many" if name is EventName.CALL_FAILED else None,
    )


def every_event():
    """Return one event of each kind, each of a job of its own."""
    return [an_event(name, number) for number, name in enumerate(EventName, start=1)]


def _spans(name, job):
    """The span that the event stands for: of the create, of the whole job, or of a call."""
    trace = job.trace
    start_ns = int(job.created_at.timestamp()) * 1_000_000_000
    if name is EventName.SUBMITTED:
        made = SpanRecord(
            name=f"generate_content {job.model}",
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            start_ns=start_ns,
            end_ns=start_ns + 250_000_000,
            status=job.state.value,
        )
        return (made,)
    whole = name.terminal
    verb = "download_video" if name is EventName.DOWNLOADED else "fetch_response"
    span = SpanRecord(
        name=f"video_job {job.model}" if whole else f"{verb} {job.model}",
        kind=SpanKind.INTERNAL if whole else SpanKind.CLIENT,
        trace_id=trace.trace_id,
        span_id=f"{trace.span_id[:12]}{'cc' if whole else 'dd'}{trace.span_id[14:]}",
        parent_id=trace.span_id,
        start_ns=start_ns + 1_000_000_000,
        end_ns=start_ns + 60_000_000_000,
        status=job.state.value,
        error_type="provider_error" if name is EventName.FAILED else None,
    )
    return (span,)


# -- what a run leaves behind in which every position holds a secret ------------------------------

PROMPT = "canaryprompt: a heron lands on the thawing canal at dawn"
KEY = "sk-canarykey0123456789"
CANARIES = (
    *("canaryprompt", "thawing canal", "canarykey", "canaryheader", "canaryuser", "canarypass"),
    *("canaryquery", "canaryfile", "canaryname", "canarybody", "canarytag", "canaryurl"),
)
_ECHO = (
    f"'{PROMPT}' is refused for {KEY}. Authorization: Bearer {KEY}, see "
    "https://canaryuser:canarypass@cdn.example/v?X-Amz-Signature=canaryurl"
)


def secretive_events(**settings):
    """Return the events of a failed and a finished job whose calls held a secret everywhere.

    They come out of a wrapped client, that is through the capture policy and the scrubbing that
    every event goes through. The server quotes what it was sent wherever it can.
    """
    exporter = InMemoryExporter()
    with Sink() as server, isolated(callbacks=[exporter], **settings):
        url = server.url.replace("//", "//canaryuser:canarypass@")
        client = vidobs.wrap(
            openai.OpenAI(
                base_url=f"{url}/v1",
                api_key=KEY,
                default_query={"sig": "canaryquery"},
                default_headers={"X-Proxy": "canaryheader"},
                max_retries=0,
            )
        )
        _make_trouble(client, server)
        vidobs.flush(30)
        return list(exporter.events)


def _make_trouble(client, server):
    server.answers_next(200, **_video("queued"))
    server.answers_next(200, **_video("failed", error={"code": "no", "message": _ECHO}))
    server.answers_next(200, **_video("queued", id="video_b"))
    server.answers_next(500, **_json({"error": {"message": _ECHO}}))
    server.answers_next(200, **_video("completed", id="video_b", progress=100, prompt=PROMPT))
    with vidobs.context(user="ada", tags={"note": "sk-canarytag0123456789"}):
        for video_id in ("video_a", "video_b"):
            client.videos.create(
                prompt=PROMPT,
                model="sora-2",
                seconds="4",
                size="720x1280",
                input_reference=("canaryname.png", b"\x89PNG canaryfile", "image/png"),
                extra_body={"note": "canarybody"},
                extra_headers={"X-Secret": "canaryheader"},
            )
            if video_id == "video_b":
                with suppress(openai.InternalServerError):
                    client.videos.retrieve(video_id)
            client.videos.retrieve(video_id)


def _video(status, **fields):
    body = {
        "id": "video_a",
        "object": "video",
        "created_at": int(AT.timestamp()),
        "status": status,
        "model": "sora-2",
        "seconds": "4",
        "size": "720x1280",
        "progress": 0,
    }
    return _json(body | fields)


def _json(body):
    return {"headers": {"Content-Type": "application/json"}, "body": json.dumps(body).encode()}
