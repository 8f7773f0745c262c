"""What is known of each video: its last answer, ready to be sent, and who may see it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import JobState
from vidobs.core.money import plain
from vidobs.dialects.openai import state_of
from vidobs.gateway.seams import Refusal
from vidobs.gateway.upstream.server import Upstream
from vidobs.gateway.videos.ids import Sealed
from vidobs.gateway.videos.shown import shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from vidobs.core.jobs import Job
    from vidobs.core.money import CostStatus
    from vidobs.gateway.videos.ids import Signer

MOST_ENDED = 20_000  # videos that have ended and are remembered
_encode = msgspec.json.Encoder().encode


class Video(msgspec.Struct, gc=False, kw_only=True, eq=False):
    """One video. Lives in the event loop; only its poller and its routes change it.

    The garbage collector passes it by: a poll that has ended is forgotten, so nothing goes round.
    """

    id: str
    sealed: Sealed
    upstream: Upstream
    watched_since: float  # by the loop's clock, as all times here
    asked_at: float  # when somebody last wanted to know
    owner: str | None = None  # once somebody has shown to be it
    body: bytes | None = None  # what clients are sent; None: nothing is known yet
    raw_body: bytes = b""  # what it was made from
    state: JobState | None = None
    cost: tuple[tuple[bytes, bytes], ...] = ()
    failure: Refusal | None = None  # why the last poll brought nothing
    failures: int = 0  # of polls, in a row
    missing_since: float | None = None  # the server says that there is no such video
    taken_at: float = 0.0  # when the last answer came
    hurried: bool = False  # there is news, and a question of before is under way
    next_at: float = 0.0  # when the server is asked again
    place: int = 0  # in the poller's wheel; 0: it is not waited for
    polling: asyncio.Task[None] | None = None
    checked: Refusal | bool = False  # whether guards have looked at it; what they said

    @classmethod
    def known_as(cls, video_id: str, sealed: Sealed, upstream: Upstream, *, now_s: float) -> Video:
        """Return a video of which nothing is known but its id."""
        return cls(
            id=video_id, sealed=sealed, upstream=upstream, watched_since=now_s, asked_at=now_s
        )

    @property
    def model(self) -> str:
        """What clients call its model."""
        return self.upstream.deployment.model_name

    @property
    def raw(self) -> str:
        """The id at the server."""
        return self.sealed.raw

    @property
    def ended(self) -> bool:
        """Whether it has ended for good, as the server tells it."""
        return self.state is not None and self.state.terminal


class Book:
    """The videos that are followed, and the newest of those that have ended."""

    def __init__(self, signer: Signer, *, most_ended: int = MOST_ENDED) -> None:
        self._signer = signer
        self._most_ended = most_ended
        self._open: dict[str, Video] = {}
        self._ended: OrderedDict[str, Video] = OrderedDict()
        self._of_servers: dict[tuple[str, str], Video] = {}  # those that have not ended

    def get(self, video_id: str) -> Video | None:
        """Return a video by the id that clients use."""
        return self._open.get(video_id) or self._ended.get(video_id)

    @property
    def open(self) -> tuple[Video, ...]:
        """The videos that have not ended."""
        return tuple(self._open.values())

    def add(self, video: Video) -> Video:
        """Remember a video; return the one that is known by this id already, if there is one."""
        known = self.get(video.id)
        if known is not None:
            return known
        self._open[video.id] = video
        self._of_servers[(video.sealed.deployment, video.raw)] = video
        return video

    def of_server(self, deployment: str, raw: str) -> Video | None:
        """Return a video that has not ended, by what its server calls it."""
        return self._of_servers.get((deployment, raw))

    def take(self, video: Video, answer: Mapping[str, object], job: Job | None) -> None:
        """Take over what a server says of a video."""
        owner = video.sealed
        told = shown(
            answer,
            video_id=video.id,
            model=video.model,
            source=lambda raw: self._signer.reseal(owner, raw),
        )
        video.body = _encode(told)
        raw = answer.get("status")
        video.state = state_of(raw) if isinstance(raw, str) else video.state
        video.cost = cost_headers(job)
        if video.ended and self._open.pop(video.id, None) is not None:
            self._of_servers.pop((video.sealed.deployment, video.raw), None)
            self._ended[video.id] = video
            while len(self._ended) > self._most_ended:
                self._ended.popitem(last=False)

    def forget(self, video: Video) -> None:
        """Forget a video: it was deleted."""
        self._open.pop(video.id, None)
        self._ended.pop(video.id, None)
        self._of_servers.pop((video.sealed.deployment, video.raw), None)


def cost_headers(job: Job | None) -> tuple[tuple[bytes, bytes], ...]:
    """Return what a job costs, as far as it is known; an unknown price has no header."""
    return () if job is None else _told(job.cost.status, job.cost.usd)


@lru_cache(maxsize=1024)  # most videos cost what others cost
def _told(status: CostStatus, usd: Decimal | None) -> tuple[tuple[bytes, bytes], ...]:
    said = (b"x-vidobs-cost-status", status.value.encode())
    if usd is None:
        return (said,)
    amount = plain(usd).encode()
    return ((b"x-vidobs-cost-usd", amount), (b"x-litellm-response-cost", amount), said)
