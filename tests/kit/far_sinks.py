"""HTTP servers in a process of their own, for exporters to send to: up, down, slow, flapping.

    with FarSinks("shop", "audit") as sinks:
        ... exporters send to sinks.url("shop") ...
        sinks.set("shop", "refuse")
        sinks.seen("shop").ids       # of webhooks, how often each arrived
        sinks.seen("shop").videos    # every "video_" and 32 digits in any body

A sink is `up`, or `slow`, or answers 503 (`error`), or never (`hang`), or closes its port
(`refuse`), or is `flapping` between up, error and refuse. Only what was answered with 200 counts as
seen. The process ends when its standard input does.
"""

import asyncio
import gzip
import json
import re
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SLOW_S = 0.01
FLAP_S = 0.2
_VIDEO = re.compile(rb"video_[0-9a-f]{32}")
_OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
_ERROR = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
_FLAPS = ("up", "error", "up", "refuse")


class Seen(NamedTuple):
    """What a sink took."""

    ids: dict[str, int]
    videos: set[str]
    first: dict[str, float]  # when each id arrived first, on `time.monotonic()`
    requests: int  # all of them, also those that were not taken


class FarSinks:
    """The process, and what one asks it."""

    def __init__(self, *names):
        self._names = names

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__), *self._names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ports = json.loads(self._process.stdout.readline())
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def url(self, name):
        """Where a sink listens, if it does."""
        return f"http://127.0.0.1:{self._ports[name]}"

    def set(self, name, mode):
        """Change what a sink does; when this returns it does it."""
        self._ask(name, mode)

    def seen(self, name):
        """Return what a sink took so far."""
        found = self._ask(name, "tell")
        return Seen(found["ids"], set(found["videos"]), found["first"], found["requests"])

    def forget(self, name):
        """Let a sink forget what it took."""
        self._ask(name, "forget")

    def _ask(self, name, what):
        self._process.stdin.write(f"{name} {what}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class Sink:
    """One port."""

    def __init__(self):
        self.mode = "up"
        self.port = 0
        self.connections = set()
        self.forget()
        self._server = None
        self._flapping = None

    def forget(self):
        """Start over."""
        self.ids = Counter()
        self.first = {}
        self.videos = set()
        self.requests = 0

    async def set(self, mode):
        """Do something else from now on."""
        if self._flapping is not None:
            self._flapping.cancel()
            self._flapping = None
        if mode == "flapping":
            self._flapping = asyncio.create_task(self._flap())
        else:
            await self._go(mode)

    async def _go(self, mode):
        self.mode = mode
        if mode == "refuse" and self._server is not None:
            self._server.close()
            for connection in list(self.connections):
                connection.abort()
            await self._server.wait_closed()
            self._server = None
        elif mode != "refuse" and self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(
                lambda: Connection(self), "127.0.0.1", self.port, reuse_address=True
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def _flap(self):
        while True:
            for mode in _FLAPS:
                await self._go(mode)
                await asyncio.sleep(FLAP_S)

    def take(self, head, body):
        """Note what was taken."""
        low = head.lower()
        at = low.find(b"\r\nwebhook-id:")
        if at >= 0:
            event = head[at + 13 :].partition(b"\r\n")[0].strip().decode()
            self.ids[event] += 1
            self.first.setdefault(event, time.monotonic())
        if b"\r\ncontent-encoding: gzip" in low:
            body = gzip.decompress(body)
        self.videos.update(_VIDEO.findall(body))


class Connection(asyncio.Protocol):
    """One keep-alive connection; answers in order."""

    def __init__(self, sink):
        self._sink = sink
        self._seen = b""

    def connection_made(self, transport):
        """Keep the way back."""
        self._transport = transport
        self._sink.connections.add(transport)

    def connection_lost(self, _exc):
        """Forget it."""
        self._sink.connections.discard(self._transport)

    def data_received(self, data):
        """Answer every request that is complete."""
        seen = self._seen + data
        while (end := seen.find(b"\r\n\r\n") + 4) > 3:
            head = seen[: end - 2]
            body, after = _body(head, seen, end)
            if body is None:
                break
            seen = seen[after:]
            self._answer(head, body)
        self._seen = seen

    def _answer(self, head, body):
        sink = self._sink
        sink.requests += 1
        if sink.mode == "error":
            self._transport.write(_ERROR)
        elif sink.mode == "slow":
            asyncio.get_running_loop().call_later(SLOW_S, self._take, head, body)
        elif sink.mode != "hang":
            self._take(head, body)

    def _take(self, head, body):
        if not self._transport.is_closing():
            self._sink.take(head, body)
            self._transport.write(_OK)


def _body(head, seen, start):
    """Return the body of a request and where the next begins; no body when it is not all there."""
    low = head.lower()
    if b"\r\ntransfer-encoding: chunked" in low:
        stop = seen.find(b"\r\n0\r\n\r\n", start - 2)
        return (None, 0) if stop < 0 else (_unchunked(seen[start : stop + 2]), stop + 7)
    at = low.find(b"\r\ncontent-length:")
    size = int(low[at + 17 :].partition(b"\r\n")[0]) if at >= 0 else 0
    after = start + size
    return (None, 0) if len(seen) < after else (seen[start:after], after)


def _unchunked(raw):
    body = b""
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        body += raw[: int(size, 16)]
        raw = raw[int(size, 16) + 2 :]
    return body


async def _serve(names):
    sinks = {name: Sink() for name in names}
    for sink in sinks.values():
        await sink.set("up")
    _say({name: sink.port for name, sink in sinks.items()})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        name, _, what = line.strip().partition(" ")
        sink = sinks[name]
        if what == "tell":
            videos = [video.decode() for video in sink.videos]
            _say({"ids": sink.ids, "videos": videos, "first": sink.first,
                  "requests": sink.requests})  # fmt: skip
            continue
        if what == "forget":
            sink.forget()
        else:
            await sink.set(what)
        _say({})


def _say(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(sys.argv[1:]))
