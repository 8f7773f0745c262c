"""`GET /videos/{id}/content`: bytes pass through as they come, and are counted on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.core.calls import Operation
from vidobs.core.jobs import AssetState, JobSnapshot
from vidobs.dialects.openai import expired
from vidobs.dialects.outgoing import path_of
from vidobs.gateway.client.addresses import as_target
from vidobs.gateway.client.answers import CallError, Reply
from vidobs.gateway.guardrails.guards import refuse_withheld
from vidobs.gateway.observing import call_about
from vidobs.gateway.routes.failing import answer_of_error, answer_of_silence
from vidobs.gateway.routes.feeding import Feeding
from vidobs.gateway.seams import Refusal
from vidobs.gateway.upstream.elsewhere import Elsewhere
from vidobs.gateway.upstream.http import NoAnswer
from vidobs.observer.downloads import Download
from vidobs.observer.outcome import Failure

if TYPE_CHECKING:
    import asyncio

    from vidobs.core.jobs import Job
    from vidobs.gateway.client.stream import Stream
    from vidobs.gateway.core import Core
    from vidobs.gateway.videos.book import Video
    from vidobs.gateway.wire.answers import Answer
    from vidobs.gateway.wire.asked import Asked

VARIANTS = ("video", "thumbnail", "spritesheet")
_ENDINGS = {
    "video/mp4": "mp4", "video/webm": "webm", "image/webp": "webp", "image/jpeg": "jpg",
    "image/png": "png",
}  # fmt: skip
_KINDS = {"video": "video/mp4", "thumbnail": "image/webp", "spritesheet": "image/jpeg"}
_PASSED_ON = ("content-length", "content-range", "accept-ranges", "etag", "last-modified")
_FILES = (200, 206)
_PART = 206
_BAD_REQUEST = 400
READ_S = 120.0  # without a byte


async def content(core: Core, asked: Asked, *, head: bool = False) -> Answer | None:
    """Send a file; `None` once it was sent."""
    video = core.finder.video(asked, asked.video_id or "")
    await _check(core, asked, video)
    return await _Delivery(core, asked, video).run(head=head)


async def _check(core: Core, asked: Asked, video: Video) -> None:
    """Let guards look at a finished job before its file is handed out, once.

    What they held back stays so, also after the file stopped naming any.
    """
    if video.checked is True:
        return
    if isinstance(video.checked, Refusal):
        raise video.checked
    job: Job | None = core.observing.job_of(video.upstream, video.raw)
    if job is None:
        return
    guards = core.parts.guards
    try:
        if guards is None:
            refuse_withheld(job)
        else:
            await guards.after(asked.principal, job)
    except Refusal as refusal:
        if refusal.status == _BAD_REQUEST:  # else it could not be looked at just now
            video.checked = refusal
        raise
    if job.state.terminal:
        video.checked = True


async def _opened(core: Core, asked: Asked, video: Video) -> Stream:
    """Ask for a file, and follow to where its server keeps it."""
    headers = {"Accept": "*/*"}
    for name, known in ((b"range", "Range"), (b"if-range", "If-Range")):
        given = asked.header(name)
        if given is not None:
            headers[known] = given
    path = path_of(video.raw, "/content")
    query = "&".join(
        part
        for part in as_target(asked.query).split("&")
        if part and not part.startswith(("custom_llm_provider=", "video_id="))
    )
    response = await core.http.open(
        video.upstream, path, query=query, headers=headers, timeout_s=READ_S
    )
    elsewhere = Elsewhere(core.http, video.upstream)
    return await elsewhere.followed(response, headers, timeout_s=READ_S)


class _Delivery:
    """One file on its way, and what watches it."""

    def __init__(self, core: Core, asked: Asked, video: Video) -> None:
        self._core = core
        self._asked = asked
        self._video = video
        self._guard = core.observing.guard
        self._variant = asked.parameter("variant")
        self._feeding: Feeding | None = None
        call = call_about(video.upstream, Operation.DOWNLOAD, video.raw, variant=self._variant)
        self._seen = self._guard.run("download", Download, core.observing.observer, call)

    async def run(self, *, head: bool) -> Answer | None:
        """Send the file; `None` once it was sent."""
        try:
            response = await _opened(self._core, self._asked, self._video)
        except NoAnswer as error:
            self._fail(error.error_type, str(error))
            return answer_of_silence(error)
        finally:
            if self._seen is not None:
                self._guard.run("download", self._seen.detach)
        try:
            if response.status not in _FILES:
                return await self._refused(response)
            await self._stream(response, head=head)
        finally:
            response.close()
        return None

    async def _refused(self, response: Stream) -> Answer:
        upstream, seen = self._video.upstream, self._seen
        body = await self._core.http.small_body(upstream, response)
        reply = Reply(response.status, response.headers, body)
        gone = expired(response.status, body, overdue=seen is not None and seen.overdue)
        snapshot = JobSnapshot(asset=AssetState.EXPIRED) if gone else None
        self._fail(f"HTTP{response.status}", f"HTTP {response.status}", snapshot)
        return answer_of_error(reply, upstream)

    async def _stream(self, response: Stream, *, head: bool) -> None:
        guard, seen, send = self._guard, self._seen, self._asked.send
        if seen is not None:
            guard.run("download", _expect, seen, response)
        headers = _headers(self._video, response, self._variant or "video")
        start = {"type": "http.response.start", "status": response.status}
        await send({**start, "headers": [*headers, *self._asked.told]})
        if head:
            self._end(exhausted=False)
            await send({"type": "http.response.body", "body": b""})
            return
        gone = self._core.loop.create_task(self._gone())
        try:
            whole = await self._passed_on(response, gone)
        except CallError as error:
            self._fail(error.kind, f"the file broke off ({error.kind})")
            raise BrokenOffError from error  # the connection is cut, as the server cut it
        except BaseException:
            self._end(exhausted=False)
            raise
        finally:
            gone.cancel()
        self._end(exhausted=whole)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _passed_on(self, response: Stream, gone: asyncio.Task[None]) -> bool:
        """Hand the file on; tell whether it was all of it, and somebody was there to take it."""
        send, feeding = self._asked.send, self._fed()
        self._feeding = feeding
        while pieces := await response.pieces():
            if gone.done():
                return False
            if feeding is not None:
                await feeding.take(pieces)
            for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        if feeding is not None:
            await feeding.rest()
        return True

    async def _gone(self) -> None:
        """Wait until nobody is there any more."""
        while (await self._asked.receive())["type"] != "http.disconnect":
            pass

    def _fed(self) -> Feeding | None:
        """Return what lets a thread count and hash the file."""
        seen = self._seen
        if seen is None:
            return None
        guard = self._guard
        return Feeding(lambda piece: guard.run("download", seen.feed, piece), self._core.loop)

    def _fail(self, kind: str, detail: str, snapshot: JobSnapshot | None = None) -> None:
        if self._feeding is not None:
            self._feeding.finish()
        if self._seen is not None:
            failure = Failure(kind, f"{kind}: {detail}", snapshot)
            self._guard.run("download", self._seen.fail, failure)

    def _end(self, *, exhausted: bool) -> None:
        if self._feeding is not None:
            self._feeding.finish()
        if self._seen is not None:
            self._guard.run("download", self._seen.end, exhausted=exhausted)


class BrokenOffError(Exception):
    """A file ended before its end; what was sent of it cannot be taken back."""


def _expect(seen: Download, response: Stream) -> None:
    if response.status == _PART:
        seen.part(response.headers.get("content-range", ""))
    seen.expect(response.length)
    if response.headers.get("content-encoding"):
        seen.packed()


def _headers(video: Video, response: Stream, variant: str) -> list[tuple[bytes, bytes]]:
    """Say what the file is: by what its server says, where that is a kind of file."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.startswith(("video/", "image/")):
        kind = _KINDS.get(variant, "application/octet-stream")
    name = f"{video.id[:80]}.{_ENDINGS.get(kind, 'bin')}"
    headers = [
        (b"content-type", kind.encode("latin-1", "replace")),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    packed = response.headers.get("content-encoding")
    for known in _PASSED_ON:
        given = response.headers.get(known)
        if given is not None and not (packed and known == "content-length"):
            headers.append((known.encode(), given.encode("latin-1", "replace")))
    return headers
