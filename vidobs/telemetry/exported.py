"""What exporters say of spans and events: the same attributes as the spans and records in process.

Needs no OpenTelemetry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.core import names
from vidobs.telemetry import attributes, fields

if TYPE_CHECKING:
    from vidobs.core.events import SpanRecord, VideoEvent
    from vidobs.core.jobs import Job
    from vidobs.telemetry.attributes import Attributes

_OPERATIONS = (attributes.GENERATE, attributes.FETCH, attributes.DOWNLOAD)


def span_attributes(span: SpanRecord, job: Job) -> Attributes:
    """Return the attributes of one of an event's spans; `job` is the event's.

    The span of the whole job says everything that is known of it. Any other span says which call it
    was, how the job stood, and of creates what was asked for.
    """
    operation = next((known for known in _OPERATIONS if span.name.startswith(known)), None)
    if operation is None or operation == attributes.GENERATE:
        out = attributes.of_job(job)
    else:
        out = fields.identity(job)
        out[names.PROVIDER_NAME] = attributes.text(job.provider)
        if job.model:
            out[names.REQUEST_MODEL] = attributes.text(job.model)
    if operation is not None:
        out[names.OPERATION_NAME] = operation
    if operation == attributes.GENERATE:
        out[names.OUTPUT_TYPE] = attributes.OUTPUT_TYPE
    if span.status:
        out[names.RESPONSE_STATUS] = attributes.text(span.status)
    if span.error_type:
        out[names.ERROR_TYPE] = attributes.text(span.error_type)
    return out


def event_attributes(event: VideoEvent) -> Attributes:
    """Return the attributes of an event, as its log record in process has them."""
    return fields.of_event(event)


def event_level(event: VideoEvent) -> int:
    """Return the level of an event, as the standard library counts them: 10, 20 or 30."""
    return fields.level_of(event.name)
