"""The gateway's side of a connection, with raw bytes on a real socket, on both kinds of loop."""

import asyncio
import logging
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import uvloop
from uvicorn.server import ServerState

from vidobs.gateway.front.exchange import ANSWER
from vidobs.gateway.front.front import Front, Limits
from vidobs.gateway.wire.answers import envelope

GET = b"GET /a?b=1 HTTP/1.1\r\nhost: h\r\n\r\n"
PROMPT = "a cat in the rain"
FAULT = envelope(500, "failed inside", code="internal")
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def run(request):
    """Run a coroutine on a loop of each kind."""

    def running(coroutine):
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(asyncio.wait_for(coroutine, 30))

    return running


@asynccontextmanager
async def served(app, **limits):
    """Serve an application; yields what opens a connection, and the front."""
    front = Front(Limits(**limits), on_fault=FAULT)
    state = ServerState()
    config = SimpleNamespace(loaded=True, loaded_app=app)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: front(config, state, {}), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    writers = []

    async def connect():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    connect.front, connect.state = front, state
    try:
        yield connect
    finally:
        for writer in writers:
            writer.close()
        server.close()


async def until(true):
    """Let the loop turn until something is so."""
    while not true():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0.001)


async def settled(size):
    """Let the loop turn until a size has stayed the same for many turns."""
    turns, last = 0, size()
    while turns < 50:
        await asyncio.sleep(0.001)
        turns, last = (turns + 1, last) if size() == last else (0, size())


async def whole_body(receive):
    """Read a body to its end."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        if not message["more_body"]:
            return body


async def asked(connect, *pieces):
    """Send pieces on a connection of their own; return all that comes until it is closed."""
    reader, writer = await connect()
    for piece in pieces:
        writer.write(piece)
    return await reader.read()


async def echo(scope, receive, send):
    """Answer at once with what came."""
    body = await whole_body(receive)
    if body is None:
        return
    said = b"%b %b ?%b %b" % (
        scope["method"].encode(), scope["path"].encode(), scope["query_string"], body
    )  # fmt: skip
    scope[ANSWER](200, ((b"content-type", b"text/plain"),), said)


CLOSE = b"POST %b HTTP/1.1\r\nhost: h\r\nconnection: close\r\n"


def test_a_request_and_its_answer(run):
    """Path, query and body arrive; the answer has its length, and says that it is the last one."""

    async def story():
        async with served(echo) as connect:
            request = CLOSE % b"/v1/%76ideos?a=b" + b"content-length: 3\r\n\r\nabc"
            return await asked(connect, request)

    head, _, body = run(story()).partition(b"\r\n\r\n")
    assert body == b"POST /v1/videos ?a=b abc"
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert {b"content-type: text/plain", b"content-length: 24", b"connection: close"} < {*lines}


@pytest.mark.parametrize("at", range(1, 90, 11))
def test_a_request_may_come_in_pieces(run, at):
    """However it is cut."""
    request = (
        CLOSE % b"/a" + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nx: y\r\n\r\n"
    )

    async def story():
        async with served(echo) as connect:
            reader, writer = await connect()
            writer.write(request[:at])
            await until(lambda: connect.front.open)
            writer.write(request[at:])
            return await reader.read()

    assert run(story()).endswith(b"POST /a ? abc")


def test_trailers_are_no_headers(run):
    """What comes behind a body changes nothing of what was decided by the headers."""
    seen = []

    async def app(scope, receive, send):
        await whole_body(receive)
        seen.extend(name for name, _ in scope["headers"])
        scope[ANSWER](200, (), b"")

    async def story():
        async with served(app) as connect:
            body = b"0\r\nauthorization: Bearer stolen\r\n\r\n"
            await asked(connect, CLOSE % b"/" + b"transfer-encoding: chunked\r\n\r\n" + body)

    run(story())
    assert seen == [b"host", b"connection", b"transfer-encoding"]


def test_requests_that_come_too_early_wait_for_their_turn(run):
    """Three in one packet are answered in their order, one after the other."""
    busy = []

    async def app(scope, receive, send):
        busy.append(scope["path"])
        await asyncio.sleep(0)
        assert busy == [scope["path"]]
        busy.clear()
        scope[ANSWER](200, (), scope["path"].encode())

    async def story():
        async with served(app) as connect:
            several = b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % one for one in range(3))
            return await asked(connect, several + CLOSE % b"/3" + b"\r\n")

    answers = run(story()).split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert [one[-2:] for one in answers] == [b"/0", b"/1", b"/2", b"/3"]


def test_a_client_that_waits_is_told_to_go_on(run):
    """Only once somebody wants to have the body."""

    async def story():
        async with served(echo) as connect:
            reader, writer = await connect()
            writer.write(CLOSE % b"/" + b"content-length: 2\r\nexpect: 100-continue\r\n\r\n")
            told = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"ok")
            return told, await reader.read()

    told, answer = run(story())
    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.endswith(b"POST / ? ok")


def test_head_has_the_headers_of_a_body_and_none(run):
    """The next request on the connection is understood."""

    async def story():
        async with served(echo) as connect:
            return await asked(connect, b"HEAD /a HTTP/1.1\r\n\r\n", CLOSE % b"/b" + b"\r\n")

    first, _, rest = run(story()).partition(b"\r\n\r\n")
    assert b"content-length: 10" in first
    assert rest.startswith(b"HTTP/1.1 200 OK")


def test_an_upgrade_that_is_not_offered_is_answered_as_it_is(run):
    """As Java's client asks with its first request."""
    more = (
        b"host: h\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: A\r\n"
    )

    async def story():
        async with served(echo) as connect:
            reader, writer = await connect()
            writer.write(b"GET /a HTTP/1.1\r\n" + more + b"\r\n")
            first = await reader.readuntil(b"GET /a ? ")
            writer.write(CLOSE % b"/b" + b"\r\n")
            return first, await reader.read()

    first, second = run(story())
    assert first.startswith(b"HTTP/1.1 200 OK")
    assert second.endswith(b"POST /b ? ")


async def streaming(scope, receive, send):
    """Send a head, wait until the client has it, send pieces."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await whole_body(receive)
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    await send({"type": "http.response.body", "body": b"two"})


def test_a_stream_of_unknown_length_begins_at_once(run):
    """Its head does not wait for its first piece."""

    async def story():
        async with served(streaming) as connect:
            reader, writer = await connect()
            writer.write(CLOSE % b"/" + b"content-length: 1\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"a")
            return head, await reader.read()

    head, body = run(story())
    assert b"transfer-encoding: chunked" in head
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


def test_an_old_client_gets_no_chunks(run):
    """The end of the connection is the end of the body."""

    async def story():
        async with served(streaming) as connect:
            return await asked(connect, b"GET / HTTP/1.0\r\n\r\n")

    head, _, body = run(story()).partition(b"\r\n\r\n")
    assert (body, b"chunked" in head, b"connection: close" in head) == (b"onetwo", False, True)


@pytest.mark.parametrize("fault", ["before", "within", "line", "short", "long", "silent"])
def test_faults_of_the_application(run, fault, caplog):
    """Before an answer the client is told; within one the connection ends. No text is logged."""

    async def app(scope, receive, send):
        if fault == "before":
            raise ValueError(PROMPT)
        if fault == "line":
            scope[ANSWER](200, ((b"x", b"a\r\nset-cookie: b"),), b"")
        if fault == "silent":
            return
        headers = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = {"within": b"abc", "short": b"abc", "long": b"abcdefg"}[fault]
        await send({"type": "http.response.body", "body": body, "more_body": fault == "within"})
        raise ValueError(PROMPT)

    async def story():
        async with served(app) as connect:
            return await asked(
                connect, GET if fault in ("within", "short", "long") else CLOSE % b"/" + b"\r\n"
            )

    caplog.set_level(logging.ERROR)
    head, _, body = run(story()).partition(b"\r\n\r\n")
    told = {"before": FAULT.body, "line": FAULT.body, "silent": b"", "long": b""}
    assert body == told.get(fault, b"abc")
    assert head.startswith(b"HTTP/1.1 500") is (fault in ("before", "line"))
    assert b"set-cookie" not in head
    assert PROMPT not in caplog.text
    assert ("test_front.py" in caplog.text) is (fault != "silent")


def test_an_application_is_told_that_nobody_waits(run):
    """While it waits for the body, and after it had it."""
    seen = []

    async def app(scope, receive, send):
        message = await receive()
        if message["type"] == "http.request" and not message["more_body"]:
            seen.append("whole")
            message = await receive()
        seen.append(message["type"])

    async def story():
        async with served(app) as connect:
            for request in (GET, CLOSE % b"/" + b"content-length: 5\r\n\r\n"):
                _, writer = await connect()
                writer.write(request)
                await until(lambda: connect.state.tasks)
                writer.close()
                await until(lambda: not connect.state.tasks)

    run(story())
    assert seen == ["whole", "http.disconnect", "http.disconnect"]


def test_a_body_that_nobody_reads_stays_outside(run):
    """The client has to wait; what is read then is whole."""
    go_on = asyncio.Event()
    size = 8 << 20

    async def app(scope, receive, send):
        await go_on.wait()
        body = await whole_body(receive)
        scope[ANSWER](200, (), b"%d" % len(body))

    async def story():
        async with served(app) as connect:
            reader, writer = await connect()
            writer.write(CLOSE % b"/" + b"content-length: %d\r\n\r\n" % size + bytes(size))
            await until(lambda: connect.front.open)
            (connection,) = connect.front.open
            await until(lambda: connection._paused)
            assert connection._reading._waiting < 1 << 20
            go_on.set()
            return await reader.read()

    assert run(story()).endswith(b"\r\n\r\n%d" % size)


def test_a_client_that_does_not_read_makes_senders_wait(run):
    """And only that; once it reads, it gets everything."""
    sent = []
    piece, count = bytes(1 << 20), 64

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(count):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            sent.append(1)
        await send({"type": "http.response.body"})

    async def story():
        async with served(app) as connect:
            reader, writer = await connect()
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            await until(lambda: connect.front.open)
            (connection,) = connect.front.open
            await until(lambda: connection._writable is not None)
            assert len(sent) < count
            return len(await reader.read())

    assert run(story()) > count * len(piece)


@pytest.mark.parametrize("whole", [False, True])
def test_a_client_that_takes_nothing_is_given_up(run, whole):
    """Amid a file whose sender is told, or behind an answer that was whole long ago."""
    ends = []
    piece = bytes(1 << 20)

    async def app(scope, receive, send):
        if whole:
            scope[ANSWER](200, (), piece * 32)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(64):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        ends.append((await receive())["type"])

    async def story():
        async with served(app, write_timeout_s=0.1) as connect:
            _, writer = await connect()
            writer.write(CLOSE % b"/" + b"content-length: 0\r\n\r\n")
            await until(lambda: connect.front.unsent)
            await until(lambda: not (connect.front.open or connect.state.tasks))
            assert not connect.front.unsent

    run(story())
    assert ends == ([] if whole else ["http.disconnect"])


def test_a_client_that_takes_a_little_is_waited_for(run):
    """Its time begins anew with all that it takes, and ends when it takes no more."""
    piece = bytes(1 << 20)

    async def app(scope, receive, send):
        scope[ANSWER](200, (), piece * 32)

    async def story():
        async with served(app, write_timeout_s=1000) as connect:
            reader, writer = await connect()
            writer.write(GET)
            await until(lambda: connect.front.unsent)
            connection = connect.front.unsent.pop()  # looked at by this test alone
            unsent = connection._transport.get_write_buffer_size
            await settled(unsent)
            before, now_s = unsent(), asyncio.get_running_loop().time()
            connection.look_at_unsent(now_s)
            while unsent() == before:
                await reader.read(1 << 16)
            await settled(unsent)
            connection.look_at_unsent(now_s + 1001)
            connection.look_at_unsent(now_s + 2000)
            assert not connection._transport.is_closing()
            connection.look_at_unsent(now_s + 2001)
            assert connection._transport.is_closing()
            await until(lambda: not connect.front.open)

    run(story())


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"no request at all\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 3000, b"431"),
        (b"GET /" + b"a" * 3000, b"431"),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 600 + b"\r\n", b"431"),
    ],
)
def test_what_is_no_request_is_refused(run, request_, status):
    """With a status, and the end of the connection."""

    async def story():
        async with served(echo, max_header_bytes=1000) as connect:
            return await asked(connect, request_)

    assert run(story()).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(
    ("begun", "told"),
    [
        (b"", b"HTTP/1.1 408"),
        (b"GET / HT", b"HTTP/1.1 408"),
        (b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab", b"HTTP/1.1 408"),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200"),
    ],
)
def test_every_wait_ends(run, begun, told):
    """For headers, for a body, and for a next request, of which nothing is said."""

    async def story():
        limits = dict.fromkeys(("header_timeout_s", "body_timeout_s", "keep_alive_s"), 0.05)
        async with served(echo, **limits) as connect:
            answer = await asked(connect, begun)
            await until(lambda: not connect.front.open)
            return answer

    answer = run(story())
    assert answer.startswith(told)
    assert answer.count(b"HTTP/1.1") == 1


def test_an_end_lets_answers_end(run):
    """A connection at rest is closed; one that is busy says that this was its last answer."""
    go_on = asyncio.Event()

    async def app(scope, receive, send):
        await go_on.wait()
        scope[ANSWER](200, (), b"done")

    async def story():
        async with served(app) as connect:
            resting, _ = await connect()
            busy, writer = await connect()
            writer.write(GET)
            await until(lambda: connect.state.tasks)
            for connection in list(connect.state.connections):
                connection.shutdown()
            ended = await resting.read()
            go_on.set()
            return ended, await busy.read()

    ended, answer = run(story())
    assert ended == b""
    assert answer.endswith(b"done")
    assert b"connection: close" in answer
