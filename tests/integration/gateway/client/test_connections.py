"""Connections: which are used again, what is sent twice, and who is told that nobody answers."""

import asyncio
import contextlib
import gc
import ssl
from pathlib import Path

import pytest
from talk_kit import ASKED, always, answer, failing, leaving, request, talking

from vidobs.gateway.client.addresses import Origin
from vidobs.gateway.client.answers import (
    ENDED,
    NOT_CONNECTED,
    NOT_CONNECTED_IN_TIME,
    SILENT,
    CallError,
)
from vidobs.gateway.client.client import Client
from vidobs.gateway.client.connection import Connection
from vidobs.gateway.client.stream import Stream

HOST = "hooks.example.com"
CERTIFICATE = Path(__file__).parents[3] / "fixtures" / f"{HOST}.pem"  # for that host, until 2126


async def one_by_one(reader, writer):
    """Answer everything with the number of the request on its connection."""
    number = 0
    while True:
        await request(reader)
        number += 1
        writer.write(answer(str(number).encode()))


async def silent(reader, writer):
    """Take everything, and say nothing."""
    while await reader.read(65536):
        pass


def test_the_last_connection_is_used_first(run):
    """As many as requests at once; afterwards one is enough."""

    async def asking():
        async with talking(one_by_one) as server:
            client = Client()
            await asyncio.gather(*(client.ask(server.origin, ASKED, read_s=5) for _ in range(5)))
            bodies = [(await client.ask(server.origin, ASKED, read_s=5)).body for _ in range(3)]
            await client.close()
            return len(server.connections), bodies

    assert run(asking()) == (5, [b"2", b"3", b"4"])


def test_unused_connections_are_closed(run):
    """After a time, by us, so that no request runs into a server that does the same."""

    async def asking():
        ended = asyncio.Event()

        async def talk(reader, writer):
            await request(reader)
            writer.write(answer())
            assert await reader.read() == b""
            ended.set()

        async with talking(talk) as server:
            client = Client(keep_alive_s=0.01)
            await client.ask(server.origin, ASKED, read_s=5)
            await ended.wait()
            await client.close()

    run(asking())


def test_an_old_connection_is_not_used(run):
    """Even where nobody has closed it yet."""

    async def asking():
        async with talking(one_by_one) as server:
            client = Client(keep_alive_s=0.0)
            bodies = [(await client.ask(server.origin, ASKED, read_s=5)).body for _ in range(2)]
            await client.close()
            return bodies

    assert run(asking()) == [b"1", b"1"]


@pytest.mark.parametrize("late", [b"", answer(b"unasked"), b"\x00"], ids=["end", "answer", "junk"])
def test_what_a_server_does_to_an_unused_connection(run, late):
    """It hangs up, or says something nobody asked for: the connection is used no more."""

    async def asking():
        go_on, done = asyncio.Event(), asyncio.Event()

        async def talk(reader, writer):
            await request(reader)
            writer.write(answer())
            await go_on.wait()
            writer.write(late)
            if not late:
                writer.write_eof()
            await reader.read()
            done.set()

        async with talking(talk) as server:
            client = Client()
            await client.ask(server.origin, ASKED, read_s=5)
            go_on.set()
            await done.wait()  # the client has hung up
            await client.ask(server.origin, ASKED, read_s=5)
            await client.close()
            return len(server.connections)

    assert run(asking()) == 2


@pytest.mark.parametrize("again", [False, True])
def test_a_connection_that_ends_under_a_request(run, again):
    """It may have arrived: it is sent once more only where that is harmless."""

    async def asking():
        seen = []

        async def talk(reader, writer):
            await request(reader)
            writer.write(answer())
            if not seen:
                seen.append(await request(reader))
                return  # it hangs up at the second request
            await request(reader)

        async with talking(talk) as server:
            client = Client()
            await client.ask(server.origin, ASKED, read_s=5)
            try:
                if again:
                    reply = await client.ask(server.origin, ASKED, read_s=5, again=True)
                    assert reply.body == b"ok"
                else:
                    error = await failing(client, server.origin)
                    assert (error.kind, error.sent, error.stale) == (ENDED, True, True)
                return len(server.connections)
            finally:
                await client.close()

    assert run(asking()) == 1 + again


def test_what_is_harmless_is_not_repeated_for_ever(run):
    """A server that always hangs up is asked once on a new connection, not twice."""

    async def asking():
        async with talking(always(answer())) as server:
            client = Client()
            for _ in range(2):
                await client.ask(server.origin, ASKED, read_s=5, again=True)
            await client.close()
        async with talking(always()) as server:
            client = Client()
            error = await failing(client, server.origin, again=True)
            await client.close()
            return error.kind, error.stale, len(server.connections)

    assert run(asking()) == (ENDED, False, 1)


@pytest.mark.parametrize(
    "begun",
    [b"", b"HTTP/1.1 200 OK\r\nConte", answer()[:-1], (b"HTTP/1.1 200 OK\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")],
    ids=["nothing", "half a head", "half a body", "half the chunks"],
)  # fmt: skip
@pytest.mark.parametrize("how", ["end", "reset", "silence"])
def test_an_answer_that_never_ends(run, begun, how):
    """Whoever waits is told, and that the request was sent."""

    async def asking():
        async def talk(reader, writer):
            await request(reader)
            writer.write(begun)
            await writer.drain()
            if how == "reset":
                writer.transport.abort()
            elif how == "silence":
                await silent(reader, writer)

        async with talking(talk) as server:
            client = Client()
            error = await failing(client, server.origin, read_s=0.05 if how == "silence" else 5)
            await client.close()
            return error.kind, error.sent, error.late

    late = how == "silence"
    assert run(asking()) == (SILENT if late else ENDED, True, late)


def test_a_server_that_nobody_runs(run):
    """Nothing was sent, and it is known."""

    async def asking():
        async with talking(silent) as server:
            gone = server.origin
        client = Client()
        errors = [
            await failing(client, gone),
            await failing(client, Origin("nobody.invalid", 80, None)),
            await failing(client, Origin("a" * 80, 80, None)),
        ]
        await client.close()
        return [(error.kind, error.sent) for error in errors]

    assert run(asking()) == [(NOT_CONNECTED, False)] * 3


def test_a_server_that_hangs_up_at_once(run):
    """Before the request, while it is written or behind it: there is no answer, and no leak."""

    async def asking():
        async def talk(reader, writer):
            writer.transport.abort()

        async with talking(talk) as server:
            client = Client()
            errors = await asyncio.gather(*(failing(client, server.origin) for _ in range(20)))
            await client.close()
            return {error.kind for error in errors}

    assert run(asking()) <= {ENDED, NOT_CONNECTED}


def test_a_server_that_does_not_let_us_in(run):
    """A handshake that never ends is given up, and its connection closed; nothing was sent."""

    async def asking():
        ended = asyncio.Event()

        async def talk(reader, writer):
            with contextlib.suppress(OSError):
                await silent(reader, writer)
            ended.set()

        async with talking(talk) as server:
            client = Client(connect_s=0.3)
            error = await failing(client, server.origin._replace(tls_name=HOST))
            await ended.wait()
            await client.close()
            return error.kind, error.sent, error.late

    assert run(asking()) == (NOT_CONNECTED_IN_TIME, False, True)


def test_whoever_gives_up_closes_the_connection(run):
    """The answer to a request that was cancelled is nobody else's."""
    assert run(leaving(lambda _: Client(), lambda server: server.origin))


def test_closing_tells_those_who_wait(run):
    """Nobody waits for an answer that cannot come."""

    async def asking():
        arrived = asyncio.Event()

        async def talk(reader, writer):
            await request(reader)
            arrived.set()
            await silent(reader, writer)

        async with talking(talk) as server:
            client = Client()
            waiting = asyncio.create_task(failing(client, server.origin))
            await arrived.wait()
            await client.close()
            return (await waiting).kind

    assert run(asking()) == ENDED


def test_what_has_ended_does_not_wait_for_the_collector(run):
    """The gateway looks for circles seldom; whatever came of a request, it leaves none behind."""

    async def asked(client, origin):
        with contextlib.suppress(CallError):
            await client.ask(origin, ASKED, read_s=5)
        with contextlib.suppress(CallError):
            stream = await client.open(origin, ASKED, read_s=5)
            while await stream.pieces():
                pass

    async def asking():
        async with talking(always(answer(bytes(300_000)), answer()[:-1])) as server:
            client = Client()
            for _ in range(10):
                await asked(client, server.origin)
            await client.close()
            made = len(server.connections)
        async with talking(always(b"garbage")) as server:
            client = Client()
            await asked(client, server.origin)
            await client.close()
            await asyncio.sleep(0)
        return made, sum(isinstance(one, Connection | Stream) for one in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        assert run(asking()) == (10, 0)
    finally:
        gc.enable()


def test_the_certificate_is_that_of_the_host(run, monkeypatch):
    """An address is dialled, but the name is asked for and checked; for another it is refused."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    async def asking():
        async with talking(one_by_one, tls=context, tls_name=HOST) as server:
            client = Client()
            bodies = [(await client.ask(server.origin, ASKED, read_s=5)).body for _ in range(2)]
            error = await failing(client, server.origin._replace(tls_name="other.example.com"))
            await client.close()
            return bodies, error.kind, error.sent, "not valid for" in str(error)

    assert run(asking()) == ([b"1", b"2"], NOT_CONNECTED, False, True)
    assert names == [HOST, "other.example.com"]
