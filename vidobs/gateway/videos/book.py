"""What is known of each video: its last answer, ready to be sent, and who may see it."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.money import plain
from vidobs.dialects.openai import state_of
from vidobs.gateway.videos.shown import shown

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from vidobs.core.jobs import Job, JobState
    from vidobs.gateway.seams import Refusal
    from vidobs.gateway.upstream.server import Upstream
    from vidobs.gateway.videos.ids import Sealed, Signer

MOST_ENDED = 20_000  # videos that have ended and are remembered
_encode = msgspec.json.Encoder().encode


class Video:
    """One video. Lives in the event loop; only its poller and its routes change it."""

    __slots__ = (
        "asked_at", "body", "checked", "cost", "failure", "failures", "hurried", "id",
        "missing_since", "model", "next_at", "owner", "polling", "raw_body", "sealed", "state",
        "taken_at", "timer", "upstream", "watched_since",
    )  # fmt: skip

    def __init__(self, video_id: str, sealed: Sealed, upstream: Upstream, *, now_s: float) -> None:
        self.id = video_id
        self.sealed = sealed
        self.upstream = upstream
        self.model = upstream.deployment.model_name
        self.owner: str | None = None  # once somebody has shown to be it
        self.body: bytes | None = None  # what clients are sent; None: nothing is known yet
        self.raw_body = b""  # what it was made from
        self.state: JobState | None = None
        self.cost: tuple[tuple[bytes, bytes], ...] = ()
        self.failure: Refusal | None = None  # why the last poll brought nothing
        self.failures = 0  # of polls, in a row
        self.missing_since: float | None = None  # the server says that there is no such video
        self.taken_at = 0.0  # when the last answer came, by the loop's clock
        self.hurried = False  # there is news, and a question of before is under way
        self.asked_at = now_s  # when somebody last wanted to know
        self.watched_since = now_s
        self.next_at = 0.0  # when the server is asked again
        self.timer: asyncio.TimerHandle | None = None
        self.polling: asyncio.Task[None] | None = None
        self.checked: Refusal | bool = False  # whether guards have looked at it; what they said

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
    if job is None:
        return ()
    status = (b"x-vidobs-cost-status", str(job.cost.status).encode())
    if job.cost.usd is None:
        return (status,)
    usd = plain(job.cost.usd).encode()
    return ((b"x-vidobs-cost-usd", usd), (b"x-litellm-response-cost", usd), status)
