"""What our client returns: typed, frozen, with the whole answer beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import JobError, JobState, Reason
from vidobs.core.money import Cost
from vidobs.dialects import openai as dialect
from vidobs.dialects.values import moment, positive, text

if TYPE_CHECKING:
    from vidobs.core.jobs import Job


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """A video as a server describes it. `None` means that it did not say.

    `status` is the server's own word, `state` what it means. `cost` and `job_id` come from the
    ledger, where it knows the job. `raw` is the whole answer.
    """

    id: str
    status: str = ""
    state: JobState | None = None
    model: str | None = None
    progress: int | None = None  # per cent
    seconds: Decimal | None = None
    size: str | None = None
    prompt: str | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    remixed_from_video_id: str | None = None
    reason: Reason | None = None
    error: JobError | None = None
    cost: Cost | None = None
    job_id: str | None = None
    raw: Mapping[str, object] = {}

    @property
    def done(self) -> bool:
        """Whether the job has ended, well or not."""
        return self.state is not None and self.state.terminal


class VideoDeleted(msgspec.Struct, frozen=True):
    """The answer to a deletion."""

    id: str
    deleted: bool
    raw: Mapping[str, object] = {}


class VideoPage(msgspec.Struct, frozen=True):
    """One page of a list; `last_id` is where the next one begins."""

    data: tuple[Video, ...]
    has_more: bool = False
    first_id: str | None = None
    last_id: str | None = None


class Character(msgspec.Struct, frozen=True):
    """A reusable character."""

    id: str
    name: str | None = None
    created_at: datetime | None = None
    raw: Mapping[str, object] = {}


class VideoContent(msgspec.Struct, frozen=True, kw_only=True):
    """A download: the bytes, or the file they were written to, and what is known of them."""

    video_id: str
    size_bytes: int
    sha256: str
    content_type: str | None = None
    data: bytes | None = None
    path: str | None = None

    def __repr__(self) -> str:
        place = f" in {self.path}" if self.path is not None else ""
        return f"VideoContent({self.video_id!r}, {self.size_bytes} bytes{place})"


def video_of(raw: Mapping[str, object], *, job: Job | None = None, video_id: str = "") -> Video:
    """Read a video from an answer, leniently.

    `video_id` is the id that was asked for. It stands in for one that is missing, and for another
    text that names the same job.
    """
    prompt = text(raw.get("prompt"), 1 << 20)
    seen = dialect.read_video(raw, prompt=prompt)
    asked = seen.request
    return Video(
        id=_id(raw, video_id),
        status=text(raw.get("status")) or "",
        state=seen.state,
        model=seen.model,
        progress=seen.progress,
        seconds=asked.seconds if asked is not None else positive(raw.get("seconds")),
        size=asked.size if asked is not None else text(raw.get("size")),
        prompt=prompt,
        created_at=seen.created_at,
        completed_at=moment(raw.get("completed_at")),
        expires_at=seen.expires_at,
        remixed_from_video_id=text(raw.get("remixed_from_video_id")),
        reason=seen.reason,
        error=seen.error,
        cost=None if job is None else job.cost,
        job_id=None if job is None else job.job_id,
        raw=raw,
    )


def _id(raw: Mapping[str, object], asked: str) -> str:
    told = text(raw.get("id")) or text(raw.get("task_id")) or asked
    return asked if asked and dialect.plain_id(told) == dialect.plain_id(asked) else told


def deleted_of(raw: Mapping[str, object], video_id: str) -> VideoDeleted:
    """Read the answer to a deletion; a server that says nothing has deleted."""
    said = raw.get("deleted")
    return VideoDeleted(text(raw.get("id")) or video_id, said is not False, raw)


def character_of(raw: Mapping[str, object]) -> Character:
    """Read a character."""
    return Character(
        text(raw.get("id")) or "", text(raw.get("name")), moment(raw.get("created_at")), raw
    )
