"""A job of the sandbox and where it stands at a given time.

The state is a function of the clock: nothing runs in the background, and a frozen clock freezes
every job.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from vidobs.core.calls import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

NS = 1_000_000_000


class Status(StrEnum):
    """The states of a Video object."""

    QUEUED = "queued"  # accepted, waiting
    IN_PROGRESS = "in_progress"  # rendering
    COMPLETED = "completed"  # the content can be downloaded
    FAILED = "failed"  # ended with an error
    CANCELLED = "cancelled"  # only by a scenario: other servers of the protocol have it
    EXPIRED = "expired"  # the same

    @property
    def is_final(self) -> bool:
        """Whether the job will not change any more."""
        return self not in {Status.QUEUED, Status.IN_PROGRESS}


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a video in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        """Write it as the API does: `720x1280`."""
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed, as the Video object says it."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a job stands; times are nanoseconds since 1970, `None` while unknown."""

    status: Status
    progress: int
    completed_ns: int | None = None
    expires_ns: int | None = None

    def is_expired(self, now_ns: int) -> bool:
        """Whether the content of a completed job is gone."""
        return self.expires_ns is not None and now_ns >= self.expires_ns


class Plan(Protocol):
    """How a job will go, from its creation to its end."""

    @property
    def failure(self) -> Failure | None:
        """Why it fails, `None` when it does not."""
        ...

    def state(self, created_ns: int, now_ns: int) -> State:
        """Return where a job that was created at one time stands at another."""
        ...

    def end(self, created_ns: int) -> tuple[int, Status] | None:
        """Return when a job completes or fails, and which; `None` when it never does."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a job will go: its durations, and how it ends.

    `stops_at` is the share of the rendering after which the job ends, below 1 for one that fails;
    one that is `stuck` stays there for ever.
    """

    queued_s: float = 0.3
    rendering_s: float = 1.5
    kept_s: float = 86_400.0  # from the end of the job to the expiry of its content
    stops_at: float = 1.0
    failure: Failure | None = None
    stuck: bool = False

    @classmethod
    def scaled(cls, time_scale: float) -> Course:
        """Return the usual course with every duration multiplied."""
        usual = cls()
        return cls(
            queued_s=usual.queued_s * time_scale,
            rendering_s=usual.rendering_s * time_scale,
            kept_s=usual.kept_s * time_scale,
        )

    def state(self, created_ns: int, now_ns: int) -> State:
        """Return where a job stands at a time."""
        rendering_ns = round(self.rendering_s * NS)
        rendered_ns = now_ns - created_ns - round(self.queued_s * NS)
        if rendered_ns < 0:
            return State(status=Status.QUEUED, progress=0)
        if rendered_ns < round(rendering_ns * self.stops_at):
            progress = 100 * rendered_ns // rendering_ns
            return State(status=Status.IN_PROGRESS, progress=progress)
        if self.stuck:
            return State(status=Status.IN_PROGRESS, progress=int(self.stops_at * 100))
        if self.failure is not None:
            return State(status=Status.FAILED, progress=int(self.stops_at * 100))
        completed_ns = created_ns + round(self.queued_s * NS) + rendering_ns
        return State(
            status=Status.COMPLETED,
            progress=100,
            completed_ns=completed_ns,
            expires_ns=completed_ns + round(self.kept_s * NS),
        )

    def end(self, created_ns: int) -> tuple[int, Status] | None:
        """Return when a job ends and how; `None` for one that is stuck."""
        if self.stuck:
            return None
        rendered_ns = round(round(self.rendering_s * NS) * self.stops_at)
        status = Status.COMPLETED if self.failure is None else Status.FAILED
        return created_ns + round(self.queued_s * NS) + rendered_ns, status


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJob:
    """One job as accepted: what was asked for and how it will go."""

    id: str
    operation: Operation
    model: str
    prompt: str
    seconds: int
    size: Size
    created_ns: int
    course: Plan
    source_id: str | None = None  # the video that was remixed, edited or extended
    fault: str | None = None
    file_seconds: int | None = None  # how long the file is; `None` is as it was asked for
    idempotency_key: str | None = None
    digests: Mapping[str, str]  # of every parameter as sent, to recognise a repeated request
    replays: int = 0  # how often the key was used again
    deleted: bool = False

    @property
    def remixed_from(self) -> str | None:
        """The id that the API shows as `remixed_from_video_id`."""
        return self.source_id if self.operation is Operation.REMIX else None

    def state(self, now_ns: int) -> State:
        """Return where the job stands at a time."""
        return self.course.state(self.created_ns, now_ns)
