"""What a test can read of a sandbox: its jobs and the requests it received."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.core.calls import Operation
    from vidobs.sandbox.jobs import Status, StoredJob

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"

NS = 1_000_000_000
_GOOD = range(200, 300)
_EMPTY: Mapping[str, JsonValue] = MappingProxyType({})


def utc(time_ns: int) -> datetime:
    """Return nanoseconds since 1970 as an aware time."""
    return datetime.fromtimestamp(time_ns / NS, tz=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxJob:
    """A job as it stood when `Sandbox.jobs` was read."""

    id: str
    operation: Operation
    model: str
    prompt: str
    seconds: int
    size: str
    status: Status
    progress: int
    created_at: datetime
    source_id: str | None  # the video that was remixed, edited or extended
    fault: str | None  # the scripted fault it met
    idempotency_key: str | None
    replays: int  # how often the key was used again, without a second job
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxRequest:
    """One HTTP request; keys are masked in the headers, whose names are in lower case.

    `status` and `answered_after_s` are `None` until the answer began, and for ever when the
    connection was cut. `fields` are the parsed body; an uploaded file is described by its name,
    type, size and sha256, and a very long text is cut.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    received_at: datetime
    fields: Mapping[str, JsonValue] = field(default_factory=lambda: _EMPTY)
    status: int | None = None
    answered_after_s: float | None = None

    @property
    def idempotency_key(self) -> str | None:
        """The key that the client sent."""
        return self.headers.get("idempotency-key")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAttempt:
    """One time that a webhook was sent: the answer's status, or the kind of error without one."""

    at: datetime
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxWebhook:
    """A webhook as it stood when `Sandbox.webhooks` was read; its `id` is that of the event."""

    id: str
    type: str  # video.completed or video.failed
    video_id: str
    created_at: datetime
    attempts: tuple[WebhookAttempt, ...] = ()

    @property
    def delivered(self) -> bool:
        """Whether the receiver answered 2xx."""
        return any(attempt.status in _GOOD for attempt in self.attempts)


def view(job: StoredJob, *, now_ns: int) -> SandboxJob:
    """Return the record of a job as it stands at a time."""
    state = job.state(now_ns)
    return SandboxJob(
        id=job.id,
        operation=job.operation,
        model=job.model,
        prompt=job.prompt,
        seconds=job.seconds,
        size=str(job.size),
        status=state.status,
        progress=state.progress,
        created_at=utc(job.created_ns),
        source_id=job.source_id,
        fault=job.fault,
        idempotency_key=job.idempotency_key,
        replays=job.replays,
        deleted=job.deleted,
    )
