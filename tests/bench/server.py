"""The other end of the wire, in a process of its own: a Videos API that does as little as it can.

Serves on a free loopback port, prints it, and ends when its standard input does. Whatever is no
video call (the exporters of peers) gets `200 {}`, so nothing ever leaves the machine.
"""

import asyncio
import sys
from contextlib import suppress

VIDEO_BYTES = 1 << 20
LAST_POLL = 20  # the poll that finds a job completed; the ones before find it in progress

_CREATED = b'"created_at":1795132800'
_BODY = (
    b'{"id":"%b","object":"video",' + _CREATED + b',"status":"%b","completed_at":%b,'
    b'"error":null,"expires_at":null,"model":"sora-2","progress":%b,"prompt":null,'
    b'"remixed_from_video_id":null,"seconds":"4","size":"720x1280"}'
)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
_LATER = b"\r\nopenai-poll-after-ms: 600000"  # for what is measured with nobody polling beside it
_NOTHING = _HEAD % (b"application/json", 2) + b"{}"
_VIDEO = _HEAD % (b"video/mp4", VIDEO_BYTES) + bytes(VIDEO_BYTES)


class Videos:
    """The jobs: one is completed at its last poll; what is asked for as `steady` never is."""

    def __init__(self) -> None:
        self._count = 0
        self._polls: dict[bytes, int] = {}
        self.strangers = 0  # requests that were no video calls

    def answer(self, method: bytes, path: bytes, body: bytes) -> bytes:
        """Return the whole response to a request."""
        if path == b"/v1/videos" and method == b"POST":
            self._count += 1
            kind = b"steady" if b"steady" in body else b"video"
            made = _video(b"%b_%d" % (kind, self._count), b"queued", b"0")
            return made.replace(b"\r\n", _LATER + b"\r\n", 1) if b"calm" in body else made
        if not path.startswith(b"/v1/videos/"):
            self.strangers += 1
            if path == b"/strangers":
                return _json(b"%d" % self.strangers)
            return _NOTHING
        if path.endswith(b"/content"):
            return _VIDEO
        video_id = path[11:]
        polls = self._polls[video_id] = self._polls.get(video_id, 0) + 1
        if polls < LAST_POLL or video_id.startswith(b"steady"):
            return _video(video_id, b"in_progress", b"40")
        return _video(video_id, b"completed", b"100")


class Connection(asyncio.Protocol):
    """One keep-alive connection; answers in order."""

    def __init__(self, videos: Videos) -> None:
        self._videos = videos
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        seen = self._seen + data
        while (end := seen.find(b"\r\n\r\n")) >= 0:
            head = seen[:end]
            size = _content_length(head)
            if size is None:  # chunked: the last chunk is empty
                stop = seen.find(b"0\r\n\r\n", end)
                after = stop + 5 if stop >= 0 else len(seen) + 1
            else:
                after = end + 4 + size
            if len(seen) < after:
                break
            method, path, _ = head.split(b" ", 2)
            path = path.partition(b"?")[0]
            self._transport.write(self._videos.answer(method, path, seen[end + 4 : after]))
            seen = seen[after:]
        self._seen = seen


def _video(video_id: bytes, status: bytes, progress: bytes) -> bytes:
    completed = b"1795132900" if status == b"completed" else b"null"
    body = _BODY % (video_id, status, completed, progress)
    return _json(body)


def _json(body: bytes) -> bytes:
    return _HEAD % (b"application/json", len(body)) + body


def _content_length(head: bytes) -> int | None:
    """Return the size of the body, `None` when it comes in chunks."""
    low = head.lower()
    at = low.find(b"\r\ncontent-length:")
    if at < 0:
        return None if b"\r\ntransfer-encoding: chunked" in low else 0
    return int(low[at + 17 :].partition(b"\r\n")[0])


async def serve() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    videos = Videos()
    server = await loop.create_server(lambda: Connection(videos), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
