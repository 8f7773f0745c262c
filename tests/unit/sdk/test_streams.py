"""The stream in front of a body: it sees what passes, and changes nothing."""

import asyncio
import gzip

import httpx
import pytest

from vidobs._guard import Guard
from vidobs.sdk import _openai_answers as answers
from vidobs.sdk._streams import Collected, watch

httpx2 = pytest.importorskip("httpx2")
CHUNKS = [b"one", b"two", b"three"]


class Reader:
    """Writes down what it is told."""

    def __init__(self):
        self.told = []

    def feed(self, chunk):
        """Note a chunk."""
        self.told.append(chunk)

    def end(self, *, exhausted):
        """Note the end."""
        self.told.append(exhausted)

    def broke(self, error):
        """Note an exception."""
        self.told.append(error)


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def flavour(request):
    """Either package."""
    return request.param


@pytest.fixture(params=["sync", "async"])
def body(request, flavour):  # noqa: C901 - twins, line by line
    """Make a watched response of some chunks, one of which may be an exception; and read it."""

    class Sync(flavour.SyncByteStream):
        def __init__(self, chunks):
            self.chunks = chunks
            self.closed = 0

        def __iter__(self):
            for chunk in self.chunks:
                if isinstance(chunk, BaseException):
                    raise chunk
                yield chunk

        def close(self):
            self.closed += 1

    class Async(flavour.AsyncByteStream):
        def __init__(self, chunks):
            self.inner = Sync(chunks)

        async def __aiter__(self):
            for chunk in self.inner:
                yield chunk

        async def aclose(self):
            self.inner.close()

    class Watched:
        def __init__(self, chunks, reader):
            self.stream = (Sync if request.param == "sync" else Async)(chunks)
            self.response = flavour.Response(200, stream=self.stream)
            watch(self.response, reader, Guard())

        @property
        def closed(self):
            return getattr(self.stream, "inner", self.stream).closed

        def read(self, most=None):
            if request.param == "sync":
                return self._read(most)
            return asyncio.run(self._aread(most))

        def _read(self, most):
            got = []
            for chunk in self.response.iter_raw():
                got.append(chunk)
                if len(got) == most:
                    break
            self.response.close()
            return got

        async def _aread(self, most):
            got = []
            iterator = self.response.aiter_raw()
            async for chunk in iterator:
                got.append(chunk)
                if len(got) == most:
                    await iterator.aclose()
                    break
            await self.response.aclose()
            return got

    return Watched


def test_a_body_read_to_its_end(body):
    """Every chunk passes, then the end; the inner stream is closed once."""
    reader = Reader()
    one = body(CHUNKS, reader)
    assert reader.told == []
    assert one.read() == CHUNKS
    assert reader.told[:4] == [*CHUNKS, True]
    assert one.closed == 1


def test_a_body_left_early(body):
    """The reader hears that it was not read to its end."""
    reader = Reader()
    one = body(CHUNKS, reader)
    assert one.read(most=2) == CHUNKS[:2]
    assert reader.told[:3] == [*CHUNKS[:2], False]
    assert one.closed == 1


def test_a_body_that_breaks(body, flavour):
    """The very exception reaches the caller, and the reader."""
    error = flavour.ReadError("cut")
    reader = Reader()
    with pytest.raises(flavour.ReadError) as caught:
        body([b"one", error], reader).read()
    assert caught.value is error
    assert reader.told[:2] == [b"one", error]


def test_a_reader_that_fails_is_not_felt(body, guard_trips):
    """The caller reads on."""

    class Failing(Reader):
        def feed(self, _chunk):
            raise LookupError

    assert body(CHUNKS, Failing()).read() == CHUNKS
    guard_trips.expected = {"stream: LookupError"}


def test_a_small_body_is_collected_once(body):
    """It is handed over when it ends, also when it is closed afterwards."""
    got = []
    body(CHUNKS, Collected(got.append)).read()
    assert got == [b"onetwothree"]


def test_a_body_that_was_left_or_is_too_large_is_not_whole(body):
    """What could not be read in it is no fault of the server's."""
    collected = [Collected(lambda _read: None) for _ in range(3)]
    whole, left, large = collected
    body(CHUNKS, whole).read()
    body(CHUNKS, left).read(most=1)
    body([b"x" * 200_000, b"y" * 200_000], large).read()
    assert [one.whole for one in collected] == [True, False, False]


def test_a_large_body_is_not_kept(body):
    """An answer is small; what is larger is not one, and is not held in memory."""
    got = []
    body([b"x" * 200_000, b"y" * 200_000, b"z"], Collected(got.append)).read()
    assert [len(one) for one in got] == [200_000]


def test_a_packed_body_is_unpacked(flavour):
    """By the decoders of the package itself; one that is damaged is no answer."""
    response = flavour.Response(200, headers={"content-encoding": "gzip"}, stream=None)
    packed = gzip.compress(b'{"id": "video_1"}')
    assert answers.decoded(response, packed) == b'{"id": "video_1"}'
    assert answers.decoded(response, b"no gzip at all") == b""
    plain = flavour.Response(200)
    assert answers.decoded(plain, b"as it is") == b"as it is"


def test_subclasses_of_responses_are_known(flavour):
    """A response class of the user's own belongs to the package of its base."""

    class Mine(flavour.Response):
        pass

    assert answers.flavour_of(Mine(200)) == flavour.__name__
    assert answers.shape_of(Mine) is answers.Shape.RESPONSE
