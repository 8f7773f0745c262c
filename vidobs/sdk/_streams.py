"""Watches a response's body while the user reads it; nothing is read early or twice."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from vidobs._guard import Guard

FLAVOURS = ("httpx", "httpx2")


class Reader(Protocol):
    """Told what passes by."""

    def feed(self, chunk: bytes) -> None:
        """A chunk goes to the reader."""
        ...

    def end(self, *, exhausted: bool) -> None:
        """The stream came to its end, or was closed before."""
        ...

    def broke(self, error: BaseException) -> None:
        """Reading raised."""
        ...


def flavour_of(response: Any) -> str:
    """Return the package a response comes from, httpx or httpx2, also where it was subclassed."""
    roots = (base.__module__.partition(".")[0] for base in type(response).__mro__)
    return next(root for root in roots if root in FLAVOURS)


def watch(response: Any, reader: Reader, guard: Guard) -> None:
    """Put a watching stream in front of the body of an httpx or httpx2 response."""
    sync_class, async_class = _classes(flavour_of(response))
    wrapper = async_class if hasattr(response.stream, "__aiter__") else sync_class
    response.stream = wrapper(response.stream, reader, guard)


class Collected:
    """A reader that keeps a small body, and hands it to `done` once the user has read it."""

    MOST_BYTES = 256 * 1024

    def __init__(self, done: Callable[[bytes], None]) -> None:
        self._done = done
        self._chunks: list[bytes] = []
        self._size = 0
        self._open = True
        self.whole = False  # the answer was read to its end, and all of it is kept

    def feed(self, chunk: bytes) -> None:
        """Keep a chunk, unless there is far more than an answer can hold."""
        self._size += len(chunk)
        if self._size <= self.MOST_BYTES:
            self._chunks.append(chunk)

    def end(self, *, exhausted: bool) -> None:
        """Hand over what was read, once."""
        if self._open:
            self._open = False
            self.whole = exhausted and self._size <= self.MOST_BYTES
            self._done(b"".join(self._chunks))

    def broke(self, error: BaseException) -> None:  # noqa: ARG002 - the user sees it
        """Hand over what was read until then."""
        self.end(exhausted=False)


@cache
def _classes(flavour: str) -> tuple[type, type]:  # noqa: C901 - twins, line by line
    """Make the two stream classes for a flavour of httpx: it checks their bases."""
    module = import_module(flavour)

    class Watched(_Watching, module.SyncByteStream):  # type: ignore[misc, name-defined]  # a module found at run time
        def __iter__(self) -> Iterator[bytes]:
            try:
                for chunk in self.inner:
                    self.passes(chunk)
                    yield chunk
            except GeneratorExit:
                raise
            except BaseException as error:
                self.breaks(error)
                raise
            self.ends(exhausted=True)

        def close(self) -> None:
            try:
                self.inner.close()
            finally:
                self.ends(exhausted=False)

    class AsyncWatched(_Watching, module.AsyncByteStream):  # type: ignore[misc, name-defined]  # a module found at run time
        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for chunk in self.inner:
                    self.passes(chunk)
                    yield chunk
            except GeneratorExit:
                raise
            except BaseException as error:
                self.breaks(error)
                raise
            self.ends(exhausted=True)

        async def aclose(self) -> None:
            try:
                await self.inner.aclose()
            finally:
                self.ends(exhausted=False)

    return Watched, AsyncWatched


class _Watching:
    """What the two stream classes share: telling the reader, behind the guard."""

    def __init__(self, inner: Any, reader: Reader, guard: Guard) -> None:
        self.inner = inner
        self.reader = reader
        self._guard = guard

    def passes(self, chunk: bytes) -> None:
        self._guard.run("stream", self.reader.feed, chunk)

    def ends(self, *, exhausted: bool) -> None:
        self._guard.run("stream", self.reader.end, exhausted=exhausted)

    def breaks(self, error: BaseException) -> None:
        self._guard.run("stream", self.reader.broke, error)
