"""What one log line or log record says: the same attributes, whichever way they leave."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vidobs.core import names
from vidobs.core.events import GUARDRAIL_EVENTS, NO_EXCEPTION, EventName, VideoEvent
from vidobs.core.money import plain
from vidobs.core.verdicts import guardrail_of
from vidobs.telemetry import attributes

if TYPE_CHECKING:
    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Happening
    from vidobs.telemetry.attributes import Attributes

_WARN = frozenset(
    {
        EventName.FAILED,
        EventName.EXPIRED,
        EventName.UNKNOWN,
        EventName.STUCK,
        EventName.EXPIRING,
        EventName.MISMATCH,
        EventName.CALL_FAILED,
        EventName.BUDGET_EXCEEDED,
        EventName.BUDGET_WARNING,
        EventName.GUARDRAIL_BLOCKED,
        EventName.GUARDRAIL_FLAGGED,
        EventName.EXPORTER_DOWN,
    }
)
_COST = names.LOG_FIELD_OF[names.COST_USD]
_POSSIBLE = names.LOG_FIELD_OF[names.COST_POSSIBLE_USD]
_MILLISECOND = 3  # decimal places of seconds in a line; attributes keep them all


_LEVEL_OF = {name: logging.WARNING if name in _WARN else logging.INFO for name in EventName}
_LEVEL_OF[EventName.PROGRESS] = logging.DEBUG


def level_of(name: EventName) -> int:
    """Return the stdlib level of an event."""
    return _LEVEL_OF[name]


def of_event(event: VideoEvent) -> Attributes:
    """Return the attributes of an event."""
    job = event.job
    out = attributes.of_state(job)
    out[names.EVENT_ID] = event.id
    if job.progress is not None and not event.name.terminal:
        out[names.JOB_PROGRESS] = job.progress
    if event.name.terminal:
        _of_job_error(job, out)
    if event.name in GUARDRAIL_EVENTS:
        out[names.GUARDRAIL], out[names.GUARDRAIL_SAID] = guardrail_of(event.detail)
    if event.name in NO_EXCEPTION:
        return out  # of a mismatch, it stands with the file
    return out | of_exception(event.detail)


def identity(job: Job) -> Attributes:
    """Return what finds a job: our id and the provider's."""
    out: Attributes = {names.JOB_ID: job.job_id}
    if job.provider_job_id:
        out[names.RESPONSE_ID] = attributes.text(job.provider_job_id)
    return out


def of_failure(seen: Happening) -> Attributes:
    """Return the attributes of a call that raised."""
    out: Attributes = {
        names.OPERATION_NAME: attributes.OPERATION_NAME_OF[seen.operation],
        names.OPERATION: seen.operation.value,
        names.PROVIDER_NAME: attributes.text(seen.provider),
    }
    if seen.model:
        out[names.REQUEST_MODEL] = attributes.text(seen.model)
    if seen.error_type:
        out[names.ERROR_TYPE] = attributes.text(seen.error_type)
    return out | of_exception(seen.detail)


def of_exception(detail: str | None) -> Attributes:
    """Return the attributes of an exception's scrubbed `Type: message`."""
    if not detail:
        return {}
    kind, _, message = detail.partition(": ")
    out: Attributes = {names.EXCEPTION_TYPE: attributes.text(kind)}
    if message:
        out[names.EXCEPTION_MESSAGE] = attributes.text(message)
    return out


def line_of(event: VideoEvent) -> Attributes:
    """Return the fields of an event's log line: short names, exact amounts, and the trace."""
    out = shortened(of_event(event))
    cost = event.job.cost
    if cost.usd is not None:
        out[_COST] = plain(cost.usd)
    if cost.possible_usd is not None:
        out[_POSSIBLE] = plain(cost.possible_usd)
    out[names.LOG_TRACE_ID] = event.trace_id
    out[names.LOG_SPAN_ID] = event.job.trace.span_id
    return out


def line_of_failure(seen: Happening) -> Attributes:
    """Return the fields of the line of a call that raised, and whose job nobody knows."""
    out = shortened(of_failure(seen))
    out[names.LOG_DURATION_S] = round((seen.end_ns - seen.start_ns) / 1e9, _MILLISECOND)
    return out


def shortened(full: Attributes) -> Attributes:
    """Return attributes under their short names; what has none is left out."""
    out: Attributes = {}
    for name, value in full.items():
        field = names.LOG_FIELD_OF.get(name)
        if field is None and name.startswith(names.TAG_PREFIX):
            field = names.LOG_TAG_PREFIX + name.removeprefix(names.TAG_PREFIX)
        if field is not None:
            out[field] = round(value, _MILLISECOND) if isinstance(value, float) else value
    return out


def _of_job_error(job: Job, out: Attributes) -> None:
    """What the provider said of a job that failed: an error, but no exception of anybody's."""
    error_type = attributes.job_error(job)
    if error_type is not None:
        out[names.ERROR_TYPE] = error_type
    if job.error is not None and job.error.code:
        out[names.JOB_ERROR_CODE] = attributes.text(job.error.code)
    if job.error is not None and job.error.message:
        out[names.JOB_ERROR_MESSAGE] = attributes.text(job.error.message)
