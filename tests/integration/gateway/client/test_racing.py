"""Hosts with several addresses, some of which do not answer."""

import asyncio
import contextlib
import errno
import socket
import sys

import pytest
from talk_kit import answer, request, talking

from vidobs.gateway.client.addresses import Origin
from vidobs.gateway.client.answers import NOT_CONNECTED, NOT_CONNECTED_IN_TIME, CallError
from vidobs.gateway.client.client import Client
from vidobs.gateway.client.racing import interleaved

ASKED = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ORIGIN = Origin("videos.example.com", 80, None)


def info(port, family=socket.AF_INET):
    """Return an address on the loopback, as name servers would."""
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))


def known(*ports):
    """Find every name at these ports."""

    async def resolve(_host, _port):
        return [info(port) for port in ports]

    return resolve


@contextlib.contextmanager
def mute():
    """Yield a port that takes no connection, and refuses none: its queue is full."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            assert waiting.connect_ex(listener.getsockname()) in (0, errno.EINPROGRESS)
        yield listener.getsockname()[1]


@pytest.fixture
def closed():
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


async def talk(reader, writer):
    """Answer once."""
    await request(reader)
    writer.write(answer())
    await reader.read()


async def failing(client):
    """Ask; return what is raised."""
    with pytest.raises(CallError) as caught:
        await client.ask(ORIGIN, ASKED, read_s=5)
    await client.close()
    return caught.value


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses")
def test_the_next_address_is_tried_while_one_is_silent(run):
    """Long before the whole attempt is given up."""

    async def asking():
        with mute() as silent:
            async with talking(talk) as server:
                client = Client(resolve=known(silent, server.port, silent))
                reply = await client.ask(ORIGIN, ASKED, read_s=5)
                await client.close()
                return reply.status, len(server.connections)

    assert run(asking()) == (200, 1)


def test_the_next_address_is_tried_once_one_refuses(run, closed):
    """Without waiting for anything."""

    async def asking():
        async with talking(talk) as server:
            client = Client(resolve=known(closed, closed, server.port))
            reply = await client.ask(ORIGIN, ASKED, read_s=5)
            await client.close()
            return reply.status

    assert run(asking()) == 200


def test_no_address_answers(run, closed):
    """The last is told of; a name without any is too."""

    async def asking():
        return [
            await failing(Client(resolve=known(closed, closed))),
            await failing(Client(resolve=known())),
        ]

    refused, nowhere = run(asking())
    assert (refused.kind, refused.sent, nowhere.kind) == (NOT_CONNECTED, False, NOT_CONNECTED)
    assert isinstance(refused.__cause__, ConnectionRefusedError)
    assert str(nowhere) == "the host has no address"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses")
def test_nothing_is_left_of_attempts_that_were_given_up(run):
    """Their sockets are closed; an open one would warn, which fails the test."""

    async def asking():
        with mute() as silent:
            error = await failing(Client(resolve=known(silent, silent), connect_s=0.3))
            await asyncio.sleep(0)
            return error.kind, error.sent

    assert run(asking()) == (NOT_CONNECTED_IN_TIME, False)


def test_families_take_turns():
    """The first that the system names, then the other."""
    six, four = socket.AF_INET6, socket.AF_INET
    given = [info(1, six), info(2, six), info(3, six), info(4, four)]

    assert [each[4][1] for each in interleaved(given)] == [1, 4, 2, 3]
    assert [each[4][1] for each in interleaved(given[::-1])] == [4, 3, 2, 1]
    assert interleaved([]) == []
