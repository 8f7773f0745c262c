"""Bodies that are too large for memory, in both directions."""

import asyncio
import hashlib
from math import inf

import pytest
from talk_kit import answer, request, talking

from vidobs.gateway.client.answers import ENDED, CallError
from vidobs.gateway.client.client import Client
from vidobs.gateway.client.stream import MOST_HELD_BYTES

ASKED = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
FILE = hashlib.sha256(b"").digest() * 200_000  # 6.4 MB
HEAD = f"HTTP/1.1 200 OK\r\nContent-Length: {len(FILE)}\r\n\r\n".encode()
POST = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(FILE)}\r\n\r\n".encode()


class Body:
    """A body in pieces, which counts what was read of it."""

    def __init__(self, whole=FILE, size=256 << 10):
        self.whole, self.size, self.read = whole, size, 0

    def pieces(self):
        """Read it from its start."""
        for at in range(0, len(self.whole), self.size):
            self.read += 1
            yield self.whole[at : at + self.size]


def chunked(whole, size=100_000):
    """Write a body in chunks."""
    for at in range(0, len(whole), size):
        piece = whole[at : at + size]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


@pytest.mark.parametrize("how", ["length", "chunked", "until the end"])
def test_a_file_is_read_while_it_comes(run, how):
    """Every byte in its order; the connection is used again where the end was plain."""
    start = {
        "length": HEAD,
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "until the end": b"HTTP/1.1 200 OK\r\n\r\n",
    }[how]

    async def asking():
        async def talk(reader, writer):
            for _ in range(2):
                await request(reader)
                writer.write(start)
                for piece in chunked(FILE) if how == "chunked" else [FILE]:
                    writer.write(piece)
                    await writer.drain()
                if how == "until the end":
                    return

        async with talking(talk) as server:
            client = Client()
            found = []
            for _ in range(2):
                stream = await client.open(server.origin, ASKED, read_s=5)
                whole = b""
                while pieces := await stream.pieces():
                    whole += b"".join(pieces)
                stream.close()
                found.append((stream.status, whole == FILE))
            await client.close()
            return found, len(server.connections)

    assert run(asking()) == ([(200, True)] * 2, 2 if how == "until the end" else 1)


def test_what_nobody_reads_is_not_read(run):
    """The server has to wait, and memory stays as it is; silence of ours is no silence of its."""

    async def asking():
        async def talk(reader, writer):
            await request(reader)
            writer.write(HEAD)
            for at in range(0, len(FILE), 65536):
                writer.write(FILE[at : at + 65536])
                await writer.drain()

        async with talking(talk) as server:
            client = Client()
            stream = await client.open(server.origin, ASKED, read_s=5)
            [connection] = client._open
            while not stream._paused:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)
            held, deadline = stream._held, connection.deadline
            size = 0
            while pieces := await stream.pieces():
                size += sum(map(len, pieces))
            await client.close()
            return held, deadline, size

    held, deadline, size = run(asking())
    assert deadline == inf
    assert MOST_HELD_BYTES < held < 2 * MOST_HELD_BYTES
    assert size == len(FILE)


def test_a_file_that_breaks_off(run):
    """What came is handed over first."""

    async def asking():
        async def talk(reader, writer):
            await request(reader)
            writer.write(HEAD + FILE[:1000])
            await writer.drain()

        async with talking(talk) as server:
            client = Client()
            stream = await client.open(server.origin, ASKED, read_s=5)
            whole = b"".join(await stream.pieces())
            with pytest.raises(CallError) as caught:
                await stream.pieces()
            stream.close()
            await client.close()
            return whole, caught.value.kind

    assert run(asking()) == (FILE[:1000], ENDED)


def test_a_file_that_is_longer_than_announced(run):
    """Only as much of it as was announced, and nothing more from that connection."""

    async def asking():
        async def talk(reader, writer):
            await request(reader)
            writer.write(HEAD + FILE[:10])
            await writer.drain()
            writer.write(FILE[10:] + answer(b"unasked"))
            await writer.drain()
            await reader.read()

        async with talking(talk) as server:
            client = Client()
            whole = [
                await (await client.open(server.origin, ASKED, read_s=5)).read() for _ in range(2)
            ]
            await client.close()
            return [each == FILE for each in whole], len(server.connections)

    assert run(asking()) == ([True, True], 2)


def test_a_file_that_is_given_up(run):
    """The server is told by the end of the connection."""

    async def asking():
        ended = asyncio.Event()

        async def talk(reader, writer):
            await request(reader)
            writer.write(HEAD + FILE[:1000])
            assert await reader.read() == b""
            ended.set()

        async with talking(talk) as server:
            client = Client()
            stream = await client.open(server.origin, ASKED, read_s=5)
            await stream.pieces()
            stream.close()
            await ended.wait()
            await client.close()

    run(asking())


def test_an_upload_is_sent_as_fast_as_it_is_read(run):
    """Piece by piece, never far ahead of the server."""

    async def asking():
        got, go_on, body = [], asyncio.Event(), Body(FILE * 4)
        head = POST.replace(str(len(FILE)).encode(), str(4 * len(FILE)).encode())

        async def talk(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            await go_on.wait()
            got.append(await reader.readexactly(4 * len(FILE)))
            writer.write(answer())
            await request(reader)
            writer.write(answer(b"again"))

        async with talking(talk) as server:
            client = Client()
            sending = asyncio.create_task(client.ask(server.origin, head, body, read_s=5))
            while not any(each._paused for each in client._open):  # noqa: ASYNC110 - see above
                await asyncio.sleep(0)
            ahead = body.read * body.size
            go_on.set()
            bodies = [(await sending).body, (await client.ask(server.origin, ASKED, read_s=5)).body]
            await client.close()
            return ahead < len(body.whole), got == [body.whole], bodies, len(server.connections)

    assert run(asking()) == (True, True, [b"ok", b"again"], 1)


def test_an_answer_before_the_whole_upload(run):
    """Nothing more is sent then, and the connection is not used again."""

    async def asking():
        body = Body(FILE * 10)

        async def talk(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer(b"too large", status=413))
            await writer.drain()
            await asyncio.Event().wait()

        async with talking(talk) as server:
            client = Client()
            replies = [await client.ask(server.origin, POST, body, read_s=5) for _ in range(2)]
            await client.close()
            return [each.status for each in replies], len(server.connections)

    assert run(asking()) == ([413, 413], 2)


def test_an_upload_that_nobody_takes(run):
    """A server that stops to read is waited for only so long."""

    async def asking():
        async def talk(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.pause_reading()
            await asyncio.Event().wait()

        async with talking(talk) as server:
            client = Client()
            with pytest.raises(CallError) as caught:
                await client.ask(server.origin, POST, Body(FILE * 10), read_s=0.1)
            await client.close()
            return caught.value.late, caught.value.sent

    assert run(asking()) == (True, True)


def test_an_upload_that_cannot_be_read(run):
    """Its error comes through, and the connection ends."""

    class Broken:
        def pieces(self):
            yield b"a"
            raise OSError("the disk is gone")

    async def asking():
        ended = asyncio.Event()

        async def talk(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            await reader.read()
            ended.set()

        async with talking(talk) as server:
            client = Client()
            with pytest.raises(OSError, match="the disk is gone"):
                await client.ask(server.origin, POST, Broken(), read_s=5)
            await ended.wait()
            await client.close()

    run(asking())
