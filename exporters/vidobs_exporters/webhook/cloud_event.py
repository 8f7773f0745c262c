"""The body of a webhook: the event in an envelope of CloudEvents 1.0, as JSON.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vidobs import Job, event_to_json

if TYPE_CHECKING:
    from vidobs import VideoEvent

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
TYPE_PREFIX = "vidobs."
SCHEMA = "urn:vidobs:event:"  # and the version of the event's schema


class CloudEvent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The envelope. `traceparent` and `tracestate` are those of its extension for tracing."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str
    dataschema: str
    traceparent: str
    tracestate: str | None = None
    data: msgspec.Raw


def body_of(event: VideoEvent, *, source: str, most_bytes: int) -> bytes:
    """Return the body for an event; it is the same whenever it is made.

    One that has more than `most_bytes` is made anew of what nobody can do without: ids, state,
    times, user and cost, with `truncated` beside them.
    """
    body = _enveloped(event, source, event_to_json(event))
    if len(body) <= most_bytes:
        return body
    return _enveloped(event, source, b'{"truncated":true,' + event_to_json(thin(event))[1:])


def thin(event: VideoEvent) -> VideoEvent:
    """Return the event without spans and detail, and with a job of the most needed only."""
    job = event.job
    kept = Job(
        job_id=job.job_id,
        provider=job.provider,
        dialect=job.dialect,
        operation=job.operation,
        created_at=job.created_at,
        trace=job.trace,
        state=job.state,
        provider_job_id=job.provider_job_id,
        model=job.model,
        reason=job.reason,
        submitted_at=job.submitted_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        expires_at=job.expires_at,
        asset=job.asset,
        cost=msgspec.structs.replace(job.cost, lines=()),
        attribution=msgspec.structs.replace(job.attribution, tags={}),
    )
    return msgspec.structs.replace(event, job=kept, spans=(), detail=None)


def _enveloped(event: VideoEvent, source: str, data: bytes) -> bytes:
    job = event.job
    return msgspec.json.encode(
        CloudEvent(
            specversion="1.0",
            id=event.id,
            source=source,
            type=TYPE_PREFIX + event.name,
            subject=job.provider_job_id or job.job_id,
            time=event.at,
            datacontenttype="application/json",
            dataschema=f"{SCHEMA}{event.schema_version}",
            traceparent=job.trace.traceparent,
            tracestate=job.trace.tracestate,
            data=msgspec.Raw(data),
        )
    )
