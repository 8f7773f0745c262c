"""Answers of all kinds, as servers write them: good ones, odd ones, and some that are none."""

import gzip
import zlib

import pytest
from talk_kit import always, answer, request, talking

from vidobs.gateway.client.answers import MALFORMED, CallError
from vidobs.gateway.client.client import Client

ASKED = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
MANY = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % number for number in range(20_000))
CHUNKED = "Transfer-Encoding: chunked"
RAW_DEFLATE = zlib.compressobj(wbits=-15)
RAW_DEFLATED = RAW_DEFLATE.compress(b"packed") + RAW_DEFLATE.flush()


def told(run, *answers, most_bytes=1000, pieces=None):
    """Ask once for each answer; return what came, and how many connections it took."""

    async def asking():
        talk = always(*answers) if pieces is None else _in_pieces(answers[0], pieces)
        async with talking(talk) as server:
            client = Client()
            try:
                found = [
                    await client.ask(server.origin, ASKED, read_s=5, most_bytes=most_bytes)
                    for _ in answers
                ]
                return found, len(server.connections)
            finally:
                await client.close()

    return run(asking())


def _in_pieces(whole, size):
    async def talk(reader, writer):
        await request(reader)
        for at in range(0, len(whole), size):
            writer.write(whole[at : at + size])
            await writer.drain()

    return talk


def test_an_answer_is_read_whole(run):
    """Status, headers by their names in lower case, and the body; the connection is used again."""
    (first, second), connections = told(run, answer(b"one", "X-Name: Some thing"), answer(b"two"))

    assert (first.status, first.body, second.body) == (200, b"one", b"two")
    assert first.headers == {"x-name": "Some thing", "content-length": "3"}
    assert connections == 1


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize(
    "whole",
    [
        answer(b"a body of some length", "X-Empty:", "X-Name: Some thing"),
        (
            b"HTTP/1.1 200 OK\r\nX-Empty:\r\nX-Name: Some thing\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
            b"6\r\na body\r\n9;a=b\r\n of some \r\n6\r\nlength\r\n0\r\nX-Trailer: 1\r\n\r\n"
        ),
        b"HTTP/1.1 200 OK\r\nX-Empty:\r\nX-Name: Some thing\r\n\r\na body of some length",
    ],
    ids=["length", "chunked", "until the end"],
)
def test_answers_come_in_any_pieces(run, whole, size):
    """However the bytes are cut, it is the same answer; trailers are no headers."""
    [reply], _ = told(run, whole, pieces=size)

    assert (reply.status, reply.body) == (200, b"a body of some length")
    assert (reply.headers["x-name"], reply.headers["x-empty"]) == ("Some thing", "")
    assert "x-trailer" not in reply.headers


@pytest.mark.parametrize(
    ("whole", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 20\r\n\r\n", 304, b""),
        (answer(b"", status=503), 503, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + answer(), 200, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * 3 + answer(), 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (f"HTTP/1.1 200 OK\r\n{CHUNKED}\r\n\r\n2\r\nok\r\n0\r\n\r\n".encode(), 200, b"ok"),
    ],
    ids=["204", "304", "503", "100", "103", "upgrade", "chunked"],
)
def test_the_connection_is_used_again_after(run, whole, status, body):
    """Every answer with an end of its own; nothing of it is in the next one."""
    (first, second), connections = told(run, whole, answer(b"next"))

    assert (first.status, first.body) == (status, body)
    assert (second.body, second.headers) == (b"next", {"content-length": "4"})
    assert connections == 1


@pytest.mark.parametrize(
    "whole",
    [
        answer(b"ok", "Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        answer() + answer(b"unasked"),
        answer() + b"HTT",
        answer() + b"\x00garbage",
        answer(b"ok", "Connection: close") + b"garbage",
    ],
    ids=["close", "1.0", "two answers", "half an answer", "garbage", "garbage after close"],
)
def test_the_connection_is_not_used_again_after(run, whole):
    """What came counts, but what comes next on it would not be what it seems."""

    async def asking():
        async with talking(always(whole, answer(b"wrong"))) as server:
            client = Client()
            bodies = [(await client.ask(server.origin, ASKED, read_s=5)).body for _ in range(2)]
            await client.close()
            return bodies, len(server.connections)

    assert run(asking()) == ([b"ok", b"ok"], 2)


@pytest.mark.parametrize(
    "whole",
    [
        b"garbage",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2\r\n\r\nxxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 140_000,
        MANY + b"Content-Length: 2\r\n\r\nok",
        b"HTTP/1.1 102 P\r\n\r\n" * 10_000,
        answer(b"a" * 1001),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 120_000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 400_000,
        answer(gzip.compress(bytes(1001)), "Content-Encoding: gzip"),
        answer(b"no gzip", "Content-Encoding: gzip"),
        answer(gzip.compress(b"cut off")[:-4], "Content-Encoding: gzip"),
    ],
    ids=[
        "garbage", "http 2", "no status", "101", "two lengths", "lengths differ", "below zero",
        "no chunk", "null byte", "a header too long", "headers too long", "only hints", "too long",
        "chunks too long", "never ends", "a bomb", "no gzip", "half a gzip",
    ],
)  # fmt: skip
def test_what_is_no_answer(run, whole):
    """Broken, ambiguous or too large: said so, and never waited for to its end."""
    with pytest.raises(CallError) as caught:
        told(run, whole)

    assert (caught.value.kind, caught.value.sent, caught.value.late) == (MALFORMED, True, False)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"packed"), "gzip"),
        (gzip.compress(b"packed"), "X-GZIP"),
        (zlib.compress(b"packed"), "deflate"),
        (RAW_DEFLATED, "deflate"),
        (b"packed", "identity"),
        (b"packed", "br"),
    ],
    ids=["gzip", "GZIP", "deflate", "bare deflate", "identity", "unknown"],
)
def test_packed_answers_are_unpacked(run, body, encoding):
    """Though nobody asked for them; what nobody knows stays as it is."""
    [reply], _ = told(run, answer(body, f"Content-Encoding: {encoding}"))

    assert reply.body == b"packed"


def test_an_answer_with_headers_just_small_enough(run):
    """Headers of nearly 128 KiB are read."""
    [reply], _ = told(run, answer(b"ok", "X: " + "a" * 120_000))

    assert len(reply.headers["x"]) == 120_000
