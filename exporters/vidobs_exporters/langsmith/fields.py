"""What the run of a job says: inputs, outputs, error, tags, events and metadata. Pure.

https://docs.langchain.com/langsmith/run-data-format and, for the cost,
https://docs.langchain.com/langsmith/cost-tracking
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from vidobs import JobState, SpanKind, SpanRecord, __version__, scrub, span_attributes
from vidobs_exporters._asked import known

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from vidobs import Job, VideoEvent

    Json: TypeAlias = dict[str, object]

SESSION_TAGS = ("session_id", "thread_id", "conversation_id", "session")  # tags that name a thread
MOST_TAGS = 32

_PROMPT = "gen_ai.input.messages"  # an attribute; the prompt stands in the inputs, once
_DOWNLOAD = "download_video"  # how the name of a download's span begins
_ZERO_TOKENS = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}


def moment(at: datetime) -> str:
    """Return a time as LangSmith's own client writes it."""
    return at.isoformat(timespec="microseconds")


def outputs(job: Job) -> Json:
    """Return how a job stands and what came of it."""
    return known(
        status=job.state.value,
        video_id=job.provider_job_id,
        progress=job.progress,
        reason=None if job.reason is None else job.reason.value,
        error_code=job.error.code if job.error else None,
        file=file(job) or None,
    )


def call_outputs(span: SpanRecord, job: Job) -> Json:
    """Return what one call learned of a job."""
    return known(
        status=span.status,
        video_id=job.provider_job_id,
        progress=job.progress,
        file=file(job) or None if span.name.startswith(_DOWNLOAD) else None,
    )


def file(job: Job) -> Json:
    """Return what is known of the delivered file."""
    if job.file is None:
        return {}
    return known(
        bytes=job.file.size_bytes,
        sha256=job.file.sha256,
        complete=job.file.complete,
        seconds=job.file.seconds,
        size=job.file.size,
        fps=job.file.fps,
        audio=job.file.audio,
        codec=job.file.codec,
    )


def error(job: Job) -> str | None:
    """Return why there is no video, in one line; `None` while there may be one."""
    if job.state is JobState.COMPLETED or not job.state.terminal:
        return None
    kind = job.reason.value if job.reason is not None else job.state.value
    said = job.error.message or job.error.code if job.error else None
    return f"{kind}: {scrub(said)}" if said else kind


def tags(job: Job) -> list[str]:
    """Return the provider and the job's tags, as flat as LangSmith's are."""
    given = [f"{key}:{job.tags[key]}" for key in list(job.tags)[:MOST_TAGS]]
    return ["vidobs", job.provider, *given]


def events(job: Job) -> list[Json]:
    """Return the steps of a job whose time is known."""
    steps = [
        ("video.submitted", job.submitted_at),
        ("video.started", job.started_at),
        (f"video.{job.state.value}", job.finished_at if job.state.terminal else None),
    ]
    return [{"name": name, "time": moment(at)} for name, at in steps if at is not None]


def as_extra(job: Job, metadata: Mapping[str, object]) -> Json:
    """Return a run's `extra`: metadata, and which software sends it. Nothing of the host."""
    thread = next((job.tags[name] for name in SESSION_TAGS if job.tags.get(name)), None)
    said = {name: value for name, value in metadata.items() if name != _PROMPT}
    return {
        "metadata": {**said, **known(session_id=thread)},
        "runtime": {"sdk": "vidobs", "sdk_version": __version__},
    }


def job_metadata(job: Job) -> Json:
    """Return what the run of the whole job says beside its inputs and outputs."""
    trace = job.trace
    whole = SpanRecord(
        name="video_job",
        kind=SpanKind.INTERNAL,
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        start_ns=0,
        end_ns=0,
        status=job.state.value,
        error_type=None if job.reason is None else job.reason.value,
    )
    return known(
        ls_provider=job.provider,
        ls_model_name=job.served_model or job.model,
        ls_model_type="video",
        usage_metadata=usage(job),
        traceparent=trace.traceparent,
        **span_attributes(whole, job),
    )


def call_metadata(span: SpanRecord, event: VideoEvent) -> Json:
    """Return what the run of one call says."""
    return {
        "traceparent": f"00-{span.trace_id}-{span.span_id}-01",
        "vidobs.event.id": event.id,
        **span_attributes(span, event.job),
    }


def usage(job: Job) -> Json | None:
    """Return the cost of a job that ended as LangSmith adds it up; `None` where it is not known.

    A zero of tokens leaves nothing to be estimated. An amount is only ever given when it is final:
    LangSmith takes no second one.
    """
    usd: Decimal | None = job.cost.usd
    if usd is None or not job.state.terminal:
        return None
    return {
        **_ZERO_TOKENS,
        "output_cost": usd,
        "output_cost_details": {"video": usd},
        "total_cost": usd,
    }
