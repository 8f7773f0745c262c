"""The runs of a job: one for the job, and under it one for each call that says something. Pure.

Ids are made from those of job, span and event, so that a run has the same id on every retry and in
every process. `dotted_order` sorts a trace; LangSmith refuses a child that begins before its
parent, so one that seems to begins with it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vidobs import EventName, SpanKind, event_attributes
from vidobs_exporters._asked import asked
from vidobs_exporters._ids import job_uuid, uuid7
from vidobs_exporters.langsmith import fields
from vidobs_exporters.langsmith.run import Attachment, Core, Run

if TYPE_CHECKING:
    from uuid import UUID

    from vidobs import Job, SpanRecord, VideoEvent

THUMBNAIL = "thumbnail"
MOST_ATTACHED_BYTES = 4 * 1024 * 1024

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOLD_BY_NO_CALL = frozenset(
    {
        EventName.THUMBNAIL,
        EventName.MISMATCH,
        EventName.EXPIRING,
        EventName.STUCK,
        EventName.BUDGET_WARNING,
        EventName.GUARDRAIL_BLOCKED,
        EventName.GUARDRAIL_FLAGGED,
        EventName.GUARDRAIL_PASSED,
    }
)


def root_run(job: Job, project: str, at: datetime) -> Run:
    """Return the run of a whole job; it has an end when the job has, at the latest at `at`.

    It is of the type `llm`, for which LangSmith shows the model and breaks costs down.
    """
    run_id = job_uuid(job)
    start = _utc(job.created_at)
    ended = job.state.terminal
    return Run(
        core=Core(
            id=run_id,
            trace_id=run_id,
            dotted_order=_segment(start, run_id),
            session_name=project,
            name="video_job" if job.model is None else f"video_job {job.model}",
            run_type="llm",
            start_time=fields.moment(start),
            end_time=fields.moment(max(start, _utc(job.finished_at or at))) if ended else None,
            tags=fields.tags(job),
        ),
        inputs=asked(job),
        outputs=fields.outputs(job) if ended else None,
        events=fields.events(job),
        extra=fields.as_extra(job, fields.job_metadata(job)),
        error=fields.error(job),
    )


def child_runs(event: VideoEvent, root: Core, thumbnail: bytes | None = None) -> list[Run]:
    """Return the runs of the calls that an event carries, or of the event where no call tells it.

    The span of the whole job is the root, so it has no run here. `thumbnail` is attached.
    """
    calls = [span for span in event.spans if span.kind is not SpanKind.INTERNAL]
    if calls or event.name not in _TOLD_BY_NO_CALL:
        return [_call_run(span, event, root) for span in calls]
    return [_event_run(event, root, thumbnail)]


def _call_run(span: SpanRecord, event: VideoEvent, root: Core) -> Run:
    """Return the run of one call, with its true times."""
    job = event.job
    start, end = _of_ns(span.start_ns), _of_ns(span.end_ns)
    operation = span.name.partition(" ")[0]
    return Run(
        core=_child(root, uuid7(start, f"{job.job_id}/{span.span_id}"), span.name, (start, end)),
        inputs={"operation": operation, **_video_id(job)},
        outputs=fields.call_outputs(span, job) if span.error_type is None else None,
        extra=fields.as_extra(job, fields.call_metadata(span, event)),
        error=_call_error(span, event),
    )


def _event_run(event: VideoEvent, root: Core, thumbnail: bytes | None) -> Run:
    """Return the run of a moment; that of a picture carries it."""
    job, at = event.job, _utc(event.at)
    attached = () if thumbnail is None else (Attachment(THUMBNAIL, "image/jpeg", thumbnail),)
    run_id = uuid7(at, f"{job.job_id}/{event.id}")
    return Run(
        core=_child(root, run_id, event.name.value, (at, at)),
        inputs=_video_id(job),
        outputs={"detail": event.detail} if event.detail else fields.file(job),
        extra=fields.as_extra(job, event_attributes(event)),
        attachments=attached,
    )


def _call_error(span: SpanRecord, event: VideoEvent) -> str | None:
    if span.error_type is None:
        return None
    raised = event.name is not EventName.MISMATCH and event.detail
    return event.detail if raised else span.error_type


def _video_id(job: Job) -> dict[str, object]:
    return {"video_id": job.provider_job_id} if job.provider_job_id else {}


def _child(root: Core, run_id: UUID, name: str, times: tuple[datetime, datetime]) -> Core:
    first = datetime.fromisoformat(root.start_time)
    start = max(first, times[0])
    return Core(
        id=run_id,
        trace_id=root.id,
        parent_run_id=root.id,
        dotted_order=f"{root.dotted_order}.{_segment(start, run_id)}",
        session_name=root.session_name,
        name=name,
        run_type="tool",
        start_time=fields.moment(start),
        end_time=fields.moment(max(start, times[1])),
    )


def _segment(start: datetime, run_id: UUID) -> str:
    return f"{start:%Y%m%dT%H%M%S%f}Z{run_id}"


def _of_ns(ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ns // 1000)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
