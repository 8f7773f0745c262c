"""One poller for each video that has not ended, whatever number of clients ask about it.

It asks as often as the server wants, else the less often the longer a video takes, and seldom while
nobody wants to know. Every answer is recorded, so that a job settles though its client is gone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import Operation
from vidobs.core.errors import ConfigError
from vidobs.core.jobs import JobSnapshot, JobState, Reason
from vidobs.dialects.openai import decode_video, failed_body, status_key
from vidobs.dialects.outgoing import path_of
from vidobs.gateway.observing import call_about
from vidobs.gateway.seams import Refusal
from vidobs.gateway.upstream.http import NoAnswer, Reply
from vidobs.gateway.upstream.outcomes import retry_after_s, told_error, without_key
from vidobs.gateway.videos.wheel import Wheel
from vidobs.observer.outcome import Failure
from vidobs.observer.polls import Poll

if TYPE_CHECKING:
    from vidobs.gateway.observing import Observing
    from vidobs.gateway.upstream.http import Http
    from vidobs.gateway.videos.book import Book, Video

TIMEOUT_S = 30.0  # of a poll
SHORTEST_S, LONGEST_S = 0.1, 30.0
WANTED_MOST_S = 600.0  # however long a server wants to be left alone while nobody asks
FIRST_S, TENTH, USUAL_MOST_S = 0.5, 0.1, 10.0  # without a word of the server
UNASKED_S, UNASKED_TIMES = 60.0, 3  # nobody has asked for so long: that much slower
FAILED_MOST_S = 120.0
FRESH_S = 3600.0  # what is known of a video that has ended is good for so long
REPEAT_S = 5.0  # a failure is told again for so long, without asking
_OK, _NOT_FOUND, _GONE = 200, 404, 410
_decode = msgspec.json.Decoder().decode


class Poller:
    """Asks servers about videos. Lives in the event loop."""

    def __init__(
        self, http: Http, observing: Observing, book: Book, *, lost_after_s: float
    ) -> None:
        """`lost_after_s`: a video that its server does not know for so long is lost."""
        self._http = http
        self._observing = observing
        self._book = book
        self._lost_after_s = lost_after_s
        self._loop = asyncio.get_running_loop()
        self._wheel = Wheel(self._loop, self._due)
        self._closed = False

    def watch(self, video: Video, after_s: float | None = None) -> None:
        """Ask about a video from now on, until it has ended."""
        if self._closed or video.ended or video.place or video.polling is not None:
            return
        rest = self._rest_s(video, None) if after_s is None else after_s
        self._again(video, rest)

    async def fresh(self, video: Video) -> None:
        """Return when something is known of a video; asks now unless that is under way.

        Raises:
            Refusal: the server knows nothing of it, or cannot be asked.
        """
        if video.failure is not None and self._loop.time() < video.next_at:
            if video.body is None:
                raise video.failure
            return
        running = video.polling or self._start(video)
        await asyncio.shield(running)
        if video.body is None and video.failure is not None:
            raise video.failure

    def refresh(self, video: Video, now_s: float) -> None:
        """Ask about a video now where what is known is old: somebody wants to know."""
        if now_s - video.taken_at > LONGEST_S and not video.failures and video.place:
            self._start(video)

    def hurry(self, video: Video) -> None:
        """Ask about a video now: something was heard of it."""
        if video.polling is not None:  # what it says may be older than the news
            video.hurried = True
        elif video.place:
            self._start(video)

    async def close(self) -> None:
        """Stop asking."""
        self._closed = True
        running = [video.polling for video in self._book.open if video.polling is not None]
        self._wheel.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    # -- inside ------------------------------------------------------------------------------------

    def _again(self, video: Video, rest_s: float) -> None:
        video.next_at = self._loop.time() + rest_s
        video.place = self._wheel.add(video, rest_s)

    def _due(self, video: Video, place: int) -> None:
        if video.place == place:  # else it was asked about meanwhile, or is wanted no more
            self._start(video)

    def _start(self, video: Video) -> asyncio.Task[None]:
        video.place = 0
        if video.polling is None:
            video.polling = self._loop.create_task(self._ask(video))
        return video.polling

    async def _ask(self, video: Video) -> None:
        asked_s: float | None = None
        try:
            async with video.upstream.gate:
                asked_s = await self._poll(video)
        finally:
            video.polling = None
            self._go_on(video, asked_s)

    def _go_on(self, video: Video, asked_s: float | None) -> None:
        """Ask again later, where there is something to wait for."""
        if self._closed:
            return
        known = video.body is not None or self._observing.job_of(video.upstream, video.raw)
        if video.ended or not known:
            video.next_at = self._loop.time() + REPEAT_S
        else:
            self._again(video, 0.0 if video.hurried else self._rest_s(video, asked_s))
            video.hurried = False
        if not known:  # somebody asked for what there is not
            self._book.forget(video)

    async def _poll(self, video: Video) -> float | None:
        """Ask once; return when the server wants to be asked again, where it says so."""
        start_ns = self._observing.runtime.clock.time_ns()
        try:
            path = path_of(video.raw)
            reply = await self._http.send(video.upstream, "GET", path, timeout_s=TIMEOUT_S)
        except (NoAnswer, ConfigError) as error:
            self._failed(video, start_ns, type(error).__name__, str(error))
            video.failure = Refusal(
                502, str(error), code="upstream_unreachable", error_type="server_error"
            )
            return None
        if reply.status == _OK or failed_body(reply.body) is not None:
            self._taken(video, reply, start_ns)
        else:
            self._refused(video, reply, start_ns)
        return wanted_s(reply)

    def _taken(self, video: Video, reply: Reply, start_ns: int) -> None:
        guard = self._observing.guard
        body = without_key(reply.body, video.upstream)
        video.taken_at = video.upstream.shown_at = self._loop.time()
        video.missing_since = None
        if body == video.raw_body:
            self._unchanged(video, body, start_ns)
            return
        answer = _object(body)
        if answer is None:
            self._failed(video, start_ns, "UnreadableAnswer", "the answer is not JSON")
            video.failure = Refusal(
                502,
                f"{video.upstream.address} does not say how the video is doing",
                code="upstream_unreadable",
                error_type="server_error",
            )
            return
        video.failures, video.failure, video.raw_body = 0, None, body
        guard.run("poll", self._record, video, body, start_ns)
        job = self._observing.job_of(video.upstream, video.raw)
        self._book.take(video, answer, job)
        if video.ended and job is not None:
            self._observing.tell(job)

    def _unchanged(self, video: Video, body: bytes, start_ns: int) -> None:
        """Count a poll that says what the last one said."""
        video.failures, video.failure = 0, None
        self._observing.guard.run("poll", self._record, video, body, start_ns)

    def _record(self, video: Video, body: bytes, start_ns: int) -> None:
        observing, observer = self._observing, self._observing.observer
        provider = video.upstream.deployment.provider
        key = status_key(body)
        call = call_about(video.upstream, Operation.RETRIEVE, video.raw)
        if observer.polls.same((provider, video.raw), key):
            if observing.runtime.counts_calls:
                observer.tell(call, start_ns, observing.runtime.clock.time_ns())
            return
        prompt = observer.prompts.get((provider, video.raw))
        snapshot = decode_video(body, prompt=prompt)
        if snapshot is not None:
            Poll(observer, call, start_ns).answer(snapshot, key)

    def _refused(self, video: Video, reply: Reply, start_ns: int) -> None:
        told = told_error(reply, video.upstream)
        self._failed(video, start_ns, told.code or f"HTTP{reply.status}", told.message)
        video.failure = Refusal(
            told.status,
            told.message,
            code=told.code or "upstream_error",
            error_type=told.error_type,
        )
        if reply.status in (_NOT_FOUND, _GONE):
            video.body = None  # the server says that there is no such video, and so do we
            self._missed(video, start_ns)

    def _missed(self, video: Video, start_ns: int) -> None:
        """Give a video up that its server does not know for long.

        Only where the same key shows other videos meanwhile: else it may be the key of another
        account, in which this one never was.
        """
        now_s = self._loop.time()
        if video.missing_since is None:
            video.missing_since = now_s
        elif now_s - video.missing_since >= self._lost_after_s and (
            video.upstream.shown_at >= video.missing_since
        ):
            self._observing.guard.run("poll", self._lose, video, start_ns)

    def _lose(self, video: Video, start_ns: int) -> None:
        call = call_about(video.upstream, Operation.RETRIEVE, video.raw)
        lost = JobSnapshot(provider_job_id=video.raw, state=JobState.FAILED, reason=Reason.LOST)
        Poll(self._observing.observer, call, start_ns).answer(lost, None)
        video.state = JobState.FAILED
        self._book.forget(video)

    def _failed(self, video: Video, start_ns: int, kind: str, message: str) -> None:
        video.failures += 1
        if video.failures == 1:
            self._observing.guard.run("poll", self._record_failure, video, start_ns, kind, message)

    def _record_failure(self, video: Video, start_ns: int, kind: str, message: str) -> None:
        call = call_about(video.upstream, Operation.RETRIEVE, video.raw)
        poll = Poll(self._observing.observer, call, start_ns)
        poll.fail(Failure(kind[:64], f"{kind}: {message}"))

    def _rest_s(self, video: Video, wanted_s: float | None) -> float:
        now_s = self._loop.time()
        if video.failures:
            return float(min(FAILED_MOST_S, 2.0 ** min(video.failures - 1, 10)))
        if wanted_s is not None:
            rest = wanted_s
        else:
            rest = min(max(FIRST_S, TENTH * (now_s - video.watched_since)), USUAL_MOST_S)
        most = max(LONGEST_S, rest)
        if now_s - video.asked_at > UNASKED_S:
            rest *= UNASKED_TIMES
        return min(max(rest, SHORTEST_S), most)


def wanted_s(reply: Reply) -> float | None:
    """Return when a server wants to be asked again, where it says so."""
    given = reply.headers.get("openai-poll-after-ms", "")
    if given.isascii() and given.isdigit():
        return min(int(given[:9]) / 1000, WANTED_MOST_S)
    after_s = retry_after_s(reply.headers)
    return None if after_s is None else min(after_s, WANTED_MOST_S)


def _object(body: bytes) -> dict[str, object] | None:
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("status"), str) else None
