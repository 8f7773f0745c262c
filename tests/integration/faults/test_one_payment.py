"""Whatever goes wrong with a create: one job on the server, or the ledger says that nobody knows.

The server takes each create for a job and then misbehaves, as those in front of GPUs do. Every way
in is tried against every misbehaviour.
"""

import asyncio
import contextlib
import json
import socket
import threading
import warnings

import httpx
import openai
import pytest

import vidobs
from vidobs.testing import isolated

pytestmark = pytest.mark.slow

VIDEO = json.dumps(
    {"id": "video_1", "object": "video", "status": "queued", "model": "sora-2", "progress": 0}
).encode()
ERROR = b'{"error": {"message": "upstream", "code": "bad"}}'
ASKED = {"model": "sora-2", "prompt": "a cat", "seconds": "4"}
TIMEOUT_S = 0.5


def answer(status, body=ERROR, headers=()):
    """Write an answer as HTTP has it."""
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join([*lines, "content-type: application/json", "", ""]).encode() + body


# name: what the server sends (None: nothing, and it waits), whether it made a job
CASES = {
    "cut before headers": (b"", True),
    "cut in the body": (answer(200, VIDEO)[:-20], True),
    "too slow": (None, True),
    "500": (answer(500), True),
    "502 of a gateway": (answer(502), True),
    "409": (answer(409), True),
    "plain 503": (answer(503), True),
    "429": (answer(429, headers=["retry-after-ms: 1"]), False),
}
REFUSED = {"429"}


class Server:
    """Misbehaves once, and behaves ever after."""

    def __init__(self, case):
        self._first, self._takes_it = CASES[case]
        self.jobs = 0
        self.posts = 0
        self._done = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        """Stop."""
        self._done.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection, contextlib.suppress(OSError):
                    self._answer(connection)

    def _answer(self, connection):
        if not _read(connection):
            return
        self.posts += 1
        if self.posts > 1:
            self.jobs += 1
            connection.sendall(answer(200, VIDEO))
            return
        self.jobs += self._takes_it
        if self._first is None:
            self._done.wait(10)
            return
        connection.sendall(self._first)


def _read(connection):
    """Read a request to its end."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = connection.recv(65536)
        if not piece:
            return False
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return True


def by_client(kind, base_url):
    """Create with our own client."""
    if kind == "sync":
        with vidobs.Client(base_url=base_url, api_key="k") as client:
            return client.videos.create(**ASKED, extras=vidobs.Extras(timeout=TIMEOUT_S))

    async def run():
        async with vidobs.AsyncClient(base_url=base_url, api_key="k") as client:
            return await client.videos.create(**ASKED, extras=vidobs.Extras(timeout=TIMEOUT_S))

    return asyncio.run(run())


def by_function(kind, base_url):
    """Create with a function."""
    given = {**ASKED, "api_base": base_url, "api_key": "k", "timeout": TIMEOUT_S}
    if kind == "sync":
        return vidobs.video_generation(**given)
    return asyncio.run(vidobs.avideo_generation(**given))


def by_openai(kind, base_url):
    """Create with a wrapped client of the openai SDK."""
    given = {"api_key": "k", "base_url": base_url, "timeout": TIMEOUT_S}
    if kind == "sync":
        with vidobs.wrap(openai.OpenAI(**given)) as client:
            return client.videos.create(**ASKED)

    async def run():
        async with vidobs.wrap(openai.AsyncOpenAI(**given)) as client:
            return await client.videos.create(**ASKED)

    return asyncio.run(run())


def by_httpx(kind, base_url):
    """Create with a wrapped client of httpx."""
    given = {"base_url": base_url, "timeout": TIMEOUT_S}
    if kind == "sync":
        with vidobs.wrap(httpx.Client(**given)) as client:
            return client.post("/videos", json=ASKED)

    async def run():
        async with vidobs.wrap(httpx.AsyncClient(**given)) as client:
            return await client.post("/videos", json=ASKED)

    return asyncio.run(run())


WAYS = {"client": by_client, "function": by_function, "openai": by_openai, "httpx": by_httpx}


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES)
def test_one_job_or_unknown(case, way, kind):
    """Never a second job, and what is not known is said with a warning event."""
    server = Server(case)
    try:
        with isolated() as seen, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            with contextlib.suppress(openai.APIError, httpx.HTTPError, vidobs.exceptions.APIError):
                WAYS[way](kind, server.base_url)
            vidobs.flush(5)
            [job], names = seen.jobs, seen.events.names
    finally:
        server.close()

    assert server.jobs <= 1
    if case in REFUSED:
        assert job.state == ("failed" if way == "httpx" else "queued")
    else:
        assert (job.state, names, server.posts) == ("unknown", ["video.unknown"], 1)
