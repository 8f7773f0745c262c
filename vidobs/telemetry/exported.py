"""What exporters say of spans and events: the same attributes as the spans and records in process.

Needs no OpenTelemetry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.core import names
from vidobs.core.calls import Operation
from vidobs.telemetry import attributes, fields

if TYPE_CHECKING:
    from vidobs.core.events import SpanRecord, VideoEvent
    from vidobs.core.jobs import Job
    from vidobs.telemetry.attributes import Attributes

_OPERATIONS = (attributes.GENERATE, attributes.FETCH, attributes.DOWNLOAD)
_OF_EVERY_CALL = (
    names.PROVIDER_NAME,
    names.DIALECT,
    names.SERVER_ADDRESS,
    names.SERVER_PORT,
    names.JOB_ID,
    names.JOB_STATE,
    names.RESPONSE_ID,
)
_OF_THE_WHOLE_JOB = (  # said once in a trace, on the span of the job
    names.JOB_POLLS_COUNT,
    names.JOB_QUEUE_S,
    names.JOB_RENDER_S,
    names.JOB_REASON,
)
_OUTCOME = ("vidobs.cost.", "vidobs.video.", "vidobs.render.")


def span_attributes(span: SpanRecord, job: Job) -> Attributes:
    """Return the attributes of one of an event's spans; `job` is the event's.

    They are those of the span in process, but for what only the call itself knew: who was named
    for a poll or a download, which of the fetching calls it was, and how fast a download went. The
    span of the whole job says everything that is known of it, and it alone says what it costs.
    """
    operation = next((known for known in _OPERATIONS if span.name.startswith(known)), None)
    if span.name.startswith(attributes.GUARD):
        guardrail = span.name.removeprefix(attributes.GUARD).strip()
        return attributes.of_guard(job, guardrail, span.status or "") | _failed(span)
    out = attributes.of_job(job)
    if operation is None:
        return out | _failed(span)
    if operation == attributes.GENERATE:
        out = _of_create(out)
    else:
        out = {name: out[name] for name in _OF_EVERY_CALL if name in out}
    out[names.OPERATION_NAME] = operation
    if operation == attributes.DOWNLOAD:
        out |= _of_download(span, job)
    if span.status:
        out[names.RESPONSE_STATUS] = attributes.text(span.status)
    return out | _failed(span)


def _of_create(whole: Attributes) -> Attributes:
    """What was asked for, and what came of asking."""
    out = {
        name: value
        for name, value in whole.items()
        if name not in _OF_THE_WHOLE_JOB and not name.startswith(_OUTCOME)
    }
    out[names.OUTPUT_TYPE] = attributes.OUTPUT_TYPE
    return out


def _of_download(span: SpanRecord, job: Job) -> Attributes:
    out: Attributes = {names.OPERATION: Operation.DOWNLOAD.value}
    if job.model and span.name != attributes.DOWNLOAD:  # the call named one
        out[names.REQUEST_MODEL] = attributes.text(job.model)
    return out if span.error_type else out | attributes.of_delivered(job)


def _failed(span: SpanRecord) -> Attributes:
    return {names.ERROR_TYPE: attributes.text(span.error_type)} if span.error_type else {}


def event_attributes(event: VideoEvent) -> Attributes:
    """Return the attributes of an event, as its log record in process has them."""
    return fields.of_event(event)


def event_level(event: VideoEvent) -> int:
    """Return the level of an event, as the standard library counts them: 10, 20 or 30."""
    return fields.level_of(event.name)
