"""Servers behind a proxy: what it is asked, and what is said where it does not let us through."""

import asyncio
import ssl
from pathlib import Path

import pytest
from proxy_kit import LOGIN_WANTED, OPENED, proxy
from talk_kit import ASKED, answer, failing, leaving, request, talking

from vidobs.gateway.client.addresses import Origin
from vidobs.gateway.client.answers import ENDED, PROXY, CallError
from vidobs.gateway.client.client import Client
from vidobs.gateway.client.heads import Heads
from vidobs.gateway.client.proxies import Proxies

HOST = "hooks.example.com"
CERTIFICATE = Path(__file__).parents[3] / "fixtures" / f"{HOST}.pem"  # for that host, until 2126
NO_LOGIN = "answered 407: it wants a user and a password; write http://user:password@host:port"
LOGIN = b"Proxy-Authorization: Basic bWU6cEBzcw==\r\n"


@pytest.fixture
def tls(monkeypatch):
    """What a server of that name shows, and clients believe."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def through(port, *, scheme="http", host="127.0.0.1", **environ):
    """Return the proxies of an environment with one."""
    url = f"{scheme}://me:p%40ss@{host}:{port}"
    return Proxies({"HTTPS_PROXY": url, "HTTP_PROXY": url, **environ})


async def at_home(_host, port):
    """Find every name on the loopback."""
    return await asyncio.get_running_loop().getaddrinfo("127.0.0.1", port, type=1)


async def counting(reader, writer):
    """Answer with the number of the request on its connection, and with what was asked."""
    number = 0
    while True:
        head, body = await request(reader)
        number += 1
        writer.write(answer(b"%d %s %s" % (number, head.partition(b"\r\n")[0], body)))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_https_goes_through_a_tunnel(run, tls, scheme):
    """The proxy connects by the name; TLS is with the server, and the connection is kept."""
    seen = []

    async def asking():
        async with (
            talking(counting, tls=tls, tls_name=HOST) as server,
            talking(
                proxy(server.port, seen, login=LOGIN), tls=tls if scheme == "https" else None
            ) as between,
        ):
            proxies = through(between.port, scheme=scheme, host=HOST)
            client = Client(proxies=proxies, resolve=at_home)
            origin = Origin(HOST, server.port, HOST)
            bodies = [(await client.ask(origin, ASKED, read_s=5)).body for _ in range(2)]
            stream = await client.open(origin, ASKED, read_s=5)
            bodies.append(await stream.read())
            await client.close()
            return server.port, bodies

    port, bodies = run(asking())
    assert bodies == [b"%d GET /a?b HTTP/1.1 " % number for number in (1, 2, 3)]
    assert seen == [
        b"CONNECT %(at)s HTTP/1.1\r\nHost: %(at)s\r\nUser-Agent: vidobs-gateway\r\n%(login)s\r\n"
        % {b"at": b"%s:%d" % (HOST.encode(), port), b"login": LOGIN}
    ]


def test_the_certificate_inside_is_that_of_the_server(run, tls):
    """A proxy that leads elsewhere, or reads along, is noticed before anything is sent."""

    async def asking():
        async with (
            talking(counting, tls=tls) as server,
            talking(proxy(server.port, [])) as between,
        ):
            client = Client(proxies=through(between.port))
            error = await failing(client, Origin("api.example.com", 443, "api.example.com"))
            await client.close()
            return error.kind, error.sent, "not valid for 'api.example.com'" in str(error)

    assert run(asking()) == (PROXY, False, True)


def test_plain_http_is_asked_of_the_proxy(run):
    """With the whole address, over one connection for one server; the body stays as it is."""
    seen = []

    async def asking():
        async with (
            talking(counting) as server,
            talking(proxy(server.port, seen, login=LOGIN)) as between,
        ):
            client = Client(proxies=through(between.port))
            bodies = []
            for port in (80, 8000):
                origin = Origin("videos.example.com", port, None)
                head = Heads("videos.example.com", {}).head("POST", "/v1?a=b", size_bytes=4)
                for _ in range(2):
                    reply = await client.ask(origin, head, b"a\r\nb", read_s=5)
                    bodies.append(reply.body)
            await client.close()
            return bodies, len(between.connections)

    number_of = b"%d POST /v1?a=b HTTP/1.1 a\r\nb"
    assert run(asking()) == ([number_of % number for number in (1, 2, 1, 2)], 2)
    lines = [head.partition(b"\r\n")[0] for head in seen]
    assert lines[1:3] == [
        b"POST http://videos.example.com/v1?a=b HTTP/1.1",
        b"POST http://videos.example.com:8000/v1?a=b HTTP/1.1",
    ]
    assert seen[0].partition(b"\r\n")[2].startswith(LOGIN + b"Host: videos.example.com\r\n")


def test_an_address_that_was_looked_at_is_all_that_is_dialled(run):
    """A proxy would look a name up again: it is given the address, for plain http too."""
    seen = []

    async def asking():
        async with (
            talking(counting) as server,
            talking(proxy(server.port, seen)) as between,
        ):
            client = Client(proxies=through(between.port))
            origin = Origin("192.0.2.7", 80, None, "files.example.com")
            reply = await client.ask(origin, ASKED, read_s=5)
            await client.close()
            return reply.body

    assert run(asking()) == b"1 GET /a?b HTTP/1.1 "
    assert [head.partition(b"\r\n")[0] for head in seen] == [b"CONNECT 192.0.2.7:80 HTTP/1.1"]


def test_what_is_exempt_is_asked_itself(run):
    """The proxy hears nothing of it."""

    async def asking():
        async with talking(counting) as server, talking(proxy(server.port, [])) as between:
            client = Client(proxies=through(between.port, NO_PROXY="127.0.0.0/8"))
            reply = await client.ask(server.origin, ASKED, read_s=5)
            await client.close()
            return reply.status, len(between.connections)

    assert run(asking()) == (200, 0)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (LOGIN_WANTED, NO_LOGIN),
        (b"HTTP/1.0 403 No\r\n\r\n", "answered 403: it does not allow this server"),
        (b"HTTP/1.1 502 Not there\r\n\r\n", "answered 502"),
        (OPENED + b"more", "speaks before the server could"),
        (b"SSH-2.0-x\r\n\r\n", "does not answer as a proxy does"),
        (b"x" * 200_000, "does not answer as a proxy does"),
        (b"HTTP/1.1 200 O", "hung up"),
    ],
    ids=["407", "403", "502", "more", "junk", "flood", "end"],
)  # fmt: skip
def test_a_proxy_that_refuses(run, said, why):
    """Nothing was sent to the server; the proxy is named, without its password."""

    async def asking():
        async def talk(reader, writer):
            await request(reader)
            writer.write(said)

        async with talking(talk) as between:
            client = Client(proxies=through(between.port))
            error = await failing(client, Origin(HOST, 443, HOST))
            await client.close()
            return error, between.port

    error, port = run(asking())
    assert (error.kind, error.sent, error.late) == (PROXY, False, False)
    assert str(error) == f"the proxy 127.0.0.1:{port} {why}"


def test_a_proxy_that_refuses_plain_http(run):
    """407 can only be its own answer: nothing was passed on, whatever else it says."""

    async def asking():
        async with talking(proxy(1, [], login=b"another")) as between:
            client = Client(proxies=through(between.port))
            origin = Origin("videos.example.com", 80, None)
            asked = await failing(client, origin, again=True)
            with pytest.raises(CallError) as opened:
                await client.open(origin, ASKED, read_s=5, again=True)
            await client.close()
            return [asked, opened.value], between.port

    errors, port = run(asking())
    assert [(each.kind, each.sent) for each in errors] == [(PROXY, False)] * 2
    assert {str(each) for each in errors} == {f"the proxy 127.0.0.1:{port} {NO_LOGIN}"}


def test_a_proxy_that_is_not_there(run):
    """For both kinds of server; nothing was sent."""

    async def asking():
        async with talking(counting) as server:
            gone = server.port
        client = Client(proxies=through(gone))
        errors = [
            await failing(client, Origin(HOST, 443, HOST)),
            await failing(client, Origin(HOST, 80, None)),
        ]
        await client.close()
        return errors, gone

    errors, port = run(asking())
    for error in errors:
        assert (error.kind, error.sent) == (PROXY, False)
        assert str(error).startswith(f"the proxy 127.0.0.1:{port} cannot be reached: ")


@pytest.mark.parametrize("opened", [b"", OPENED], ids=["before", "inside"])
def test_a_proxy_that_is_slow(run, opened):
    """It is given up, before the tunnel or in its handshake, and its connection closed."""

    async def asking():
        ended = asyncio.Event()

        async def talk(reader, writer):
            await request(reader)
            writer.write(opened)
            while await reader.read(65536):
                pass
            ended.set()

        async with talking(talk) as between:
            client = Client(proxies=through(between.port), connect_s=0.2)
            error = await failing(client, Origin(HOST, 443, HOST))
            await ended.wait()
            await client.close()
            return error, between.port

    error, port = run(asking())
    assert (error.kind, error.sent, error.late) == (PROXY, False, True)
    assert str(error) == f"the proxy 127.0.0.1:{port} opened no way in 0.2 s"


def test_whoever_gives_up_leaves_no_tunnel(run):
    """One who waited for it closes the connection to the proxy."""
    assert run(
        leaving(
            lambda between: Client(proxies=through(between.port)), lambda _: Origin(HOST, 443, HOST)
        )
    )


def test_a_tunnel_that_is_cut(run, tls):
    """Under a request, which may have arrived; in the handshake of the next nothing has."""

    async def asking():
        cut, seen = asyncio.Event(), []

        async def silent(reader, _writer):
            await request(reader)
            cut.set()
            await reader.read()

        async with (
            talking(silent, tls=tls) as server,
            talking(proxy(server.port, seen, cut=cut)) as between,
        ):
            client = Client(proxies=through(between.port))
            errors = [await failing(client, Origin(HOST, 443, HOST)) for _ in range(2)]
            await client.close()
            return [(error.kind, error.sent) for error in errors], len(seen)

    assert run(asking()) == ([(ENDED, True), (PROXY, False)], 2)


def test_a_server_that_hangs_up_inside_the_tunnel(run, tls):
    """At once, whenever that is noticed: whoever waits is told, and the client can be closed."""

    async def asking():
        async def talk(_reader, writer):
            writer.transport.abort()

        async with (
            talking(talk, tls=tls) as server,
            talking(proxy(server.port, [])) as between,
        ):
            client = Client(proxies=through(between.port))
            origin = Origin(HOST, 443, HOST)
            errors = await asyncio.gather(*(failing(client, origin) for _ in range(10)))
            await client.close()
            return {error.kind for error in errors}

    assert run(asking()) <= {ENDED, PROXY}
