"""What an endpoint is told, in the shape of OpenAI's webhooks. Pure.

https://platform.openai.com/docs/guides/webhooks
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.events import EventName
from vidobs.gateway.hooks.records import HookEvent
from vidobs.gateway.seams import KEY_TAG

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job

_EVENTS = MappingProxyType(
    {
        EventName.COMPLETED: HookEvent.COMPLETED,
        EventName.FAILED: HookEvent.FAILED,
        EventName.EXPIRED: HookEvent.FAILED,
    }
)


class Message(msgspec.Struct, frozen=True):
    """An event for the endpoints of one owner."""

    event_id: str
    owner: str
    event: HookEvent
    body: bytes


class _Data(msgspec.Struct, frozen=True):
    id: str


class _Body(msgspec.Struct, frozen=True):
    id: str
    object: str
    created_at: int
    type: str
    data: _Data


def message_of(event: VideoEvent, video_id: Callable[[Job], str | None]) -> Message | None:
    """Return what to tell of an event; `None` of one that concerns no client.

    `video_id` returns the id by which clients know a job. A create that was refused has none: its
    client knows already.
    """
    kind, job = _EVENTS.get(event.name), event.job
    owner = job.attribution.tags.get(KEY_TAG)
    if kind is None or owner is None or job.provider_job_id is None:
        return None
    shown = video_id(job)
    if shown is None:
        return None
    event_id = "evt_" + event.id.replace("-", "")
    body = _Body(event_id, "event", int(event.at.timestamp()), kind.value, _Data(shown))
    return Message(event_id, owner, kind, msgspec.json.encode(body))
