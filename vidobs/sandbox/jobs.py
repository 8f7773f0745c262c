"""A job of the sandbox and where it stands at a given time.

The state is a function of the clock: nothing runs in the background, and a frozen clock freezes
every job.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from vidobs.core.calls import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

NS = 1_000_000_000


class Status(StrEnum):
    """The states of OpenAI's Video object."""

    QUEUED = "queued"  # accepted, waiting
    IN_PROGRESS = "in_progress"  # rendering
    COMPLETED = "completed"  # the content can be downloaded
    FAILED = "failed"  # ended with an error

    @property
    def is_final(self) -> bool:
        """Whether the job will not change any more."""
        return self in {Status.COMPLETED, Status.FAILED}


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
class Course:
    """How a job will go: its durations, and how it ends.

    `stops_at` is the share of the rendering after which the job ends, below 1 for one that fails.
    """

    queued_s: float = 0.3
    rendering_s: float = 1.5
    kept_s: float = 86_400.0  # from the end of the job to the expiry of its content
    stops_at: float = 1.0
    failure: Failure | None = None

    @classmethod
    def scaled(cls, time_scale: float) -> Course:
        """Return the usual course with every duration multiplied."""
        usual = cls()
        return cls(
            queued_s=usual.queued_s * time_scale,
            rendering_s=usual.rendering_s * time_scale,
            kept_s=usual.kept_s * time_scale,
        )


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
    course: Course
    source_id: str | None = None  # the video that was remixed, edited or extended
    fault: str | None = None
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
        course = self.course
        queued_ns, rendering_ns = round(course.queued_s * NS), round(course.rendering_s * NS)
        rendered_ns = now_ns - self.created_ns - queued_ns
        if rendered_ns < 0:
            return State(status=Status.QUEUED, progress=0)
        if rendered_ns < round(rendering_ns * course.stops_at):
            progress = 100 * rendered_ns // rendering_ns
            return State(status=Status.IN_PROGRESS, progress=progress)
        if course.failure is not None:
            return State(status=Status.FAILED, progress=int(course.stops_at * 100))
        completed_ns = self.created_ns + queued_ns + rendering_ns
        return State(
            status=Status.COMPLETED,
            progress=100,
            completed_ns=completed_ns,
            expires_ns=completed_ns + round(course.kept_s * NS),
        )
