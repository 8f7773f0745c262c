"""Servers that say exactly what a test wants, byte by byte, in the loop of the test.

async with talking(talk) as server:      # `talk(reader, writer)` is one connection
    ... server.origin, server.connections
"""

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import pytest

from vidobs.gateway.client.addresses import Origin
from vidobs.gateway.client.answers import CallError

ASKED = b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n"


class Talking(NamedTuple):
    """A server that listens."""

    origin: Origin
    connections: list  # that were made to it

    @property
    def port(self):
        """Its port."""
        return self.origin.port


@asynccontextmanager
async def talking(talk, *, tls=None, tls_name=None):
    """Listen on the loopback; every connection is ended at the end."""
    connections, tasks = [], set()

    def come(reader, writer):
        connections.append(writer)
        tasks.add(asyncio.create_task(served(reader, writer)))

    async def served(reader, writer):
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await talk(reader, writer)
        with suppress(OSError, asyncio.CancelledError):
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(come, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Talking(Origin("127.0.0.1", port, tls_name), connections)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def request(reader):
    """Read a request; return its head and its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            size = int(line.partition(b":")[2])
    return head, await reader.readexactly(size)


def answer(body=b"ok", *headers, status=200):
    """Write a plain answer."""
    lines = "".join(f"{each}\r\n" for each in headers)
    return f"HTTP/1.1 {status} X\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def always(*answers):
    """Give these answers, one to a request; then hang up."""

    async def talk(reader, writer):
        for each in answers:
            await request(reader)
            writer.write(each)
            await writer.drain()

    return talk


async def failing(client, origin, **options):
    """Ask; return what is raised."""
    with pytest.raises(CallError) as caught:
        await client.ask(origin, ASKED, **{"read_s": 5, **options})
    return caught.value


async def leaving(client_of, origin_of):
    """Ask through somebody who never answers, and leave; return once the connection is closed."""
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def talk(reader, _writer):
        await request(reader)
        arrived.set()
        assert await reader.read() == b""
        ended.set()

    async with talking(talk) as other:
        client = client_of(other)
        waiting = asyncio.create_task(client.ask(origin_of(other), ASKED, read_s=5))
        await arrived.wait()
        waiting.cancel()
        await ended.wait()
        await client.close()
        return waiting.cancelled()
