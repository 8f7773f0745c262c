"""Download an asset: into memory, or to a file in pieces, going on where a broken body stopped."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from vidobs.core.api_errors import APIConnectionError, APIError
from vidobs.dialects import outgoing
from vidobs.sdk.client import _calls as calls
from vidobs.sdk.client._options import Body
from vidobs.sdk.client._results import VideoContent
from vidobs.sdk.client._steps import Next, Pause

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from vidobs.sdk.client._steps import Call

PART = ".part"  # behind the name of a file that is not whole yet
_PARTIAL = 206
_PAST_THE_END = 416
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_PAUSES_S = (0.1, 0.2, 0.4, 0.8)  # between the tries of a body that breaks off


class Sink(Protocol):
    """Where the bytes go."""

    size: int

    def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        ...

    def start_over(self) -> None:
        """Forget what came so far."""
        ...


class Filled(msgspec.Struct, frozen=True):
    """What is known of a sink that has everything."""

    content_type: str | None
    sha256: str | None  # where it was made on the way


class Memory:
    """Keeps the bytes."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        """Keep some."""
        self._pieces.append(piece)
        self.size += len(piece)

    def start_over(self) -> None:
        """Forget them."""
        self._pieces.clear()
        self.size = 0

    @property
    def data(self) -> bytes:
        """All of them."""
        return b"".join(self._pieces)


class File:
    """Writes to `NAME.part`, going on with an earlier one; it becomes `NAME` once it is whole."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._part = self.path.with_name(self.path.name + PART)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._part.open("ab")
        self.size = self._file.tell()

    def write(self, piece: bytes) -> None:
        """Append some."""
        self._file.write(piece)
        self.size += len(piece)

    def start_over(self) -> None:
        """Empty the file."""
        self._file.truncate(0)
        self._file.seek(0)
        self.size = 0

    def finish(self, sha256: str | None) -> str:
        """Give the whole file its name; return its SHA-256, which is read where it is not known."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if sha256 is None:
            with self._part.open("rb") as whole:
                sha256 = hashlib.file_digest(whole, "sha256").hexdigest()
        self._part.replace(self.path)
        return sha256

    def close(self) -> None:
        """Keep what there is, for another time."""
        self._file.close()


def to_memory(
    video_id: str, *, variant: str | None, extras: calls.Extras = calls.NO_EXTRAS
) -> Call[VideoContent]:
    """Download an asset into memory."""
    sink = Memory()
    filled = yield from _fill(sink, video_id, variant, extras)
    data = sink.data
    return VideoContent(
        video_id=video_id,
        size_bytes=len(data),
        sha256=filled.sha256 or hashlib.sha256(data).hexdigest(),
        content_type=filled.content_type,
        data=data,
    )


def to_file(
    video_id: str,
    path: str | os.PathLike[str],
    *,
    variant: str | None,
    extras: calls.Extras = calls.NO_EXTRAS,
) -> Call[VideoContent]:
    """Download an asset to a file, in pieces; the file appears when it is whole.

    Raises:
        OSError: the file cannot be written.
    """
    sink = File(path)
    try:
        filled = yield from _fill(sink, video_id, variant, extras)
        digest = sink.finish(filled.sha256)
    finally:
        sink.close()
    return VideoContent(
        video_id=video_id,
        size_bytes=sink.size,
        sha256=digest,
        content_type=filled.content_type,
        path=str(sink.path),
    )


def _fill(sink: Sink, video_id: str, variant: str | None, extras: calls.Extras) -> Call[Filled]:
    """Fill a sink; a body that breaks off is asked for from there on, a few times."""
    for pause_s in (*_PAUSES_S, None):
        try:
            return (yield from _once(sink, video_id, variant, extras))
        except APIConnectionError as error:
            if error.status_code is not None or pause_s is None:
                raise
            yield Pause(pause_s)
        except APIError as error:
            if error.status_code != _PAST_THE_END or not sink.size:
                raise
            sink.start_over()  # what was kept is not a part of what is there now
    raise AssertionError  # the last turn returns or raises


def _once(sink: Sink, video_id: str, variant: str | None, extras: calls.Extras) -> Call[Filled]:
    options = extras.on(
        "GET",
        outgoing.path_of(video_id, "/content"),
        params={} if variant is None else {"variant": variant},
        stream=True,
    )
    if sink.size:
        options.headers = {**options.headers, "Range": f"bytes={sink.size}-"}
    answer = yield options
    body = Body(answer)
    if not _goes_on(answer, sink):
        sink.start_over()
    while (piece := (yield Next(body))) is not None:
        sink.write(piece)
    whole = _whole_bytes(answer)
    if whole is not None and sink.size < whole:
        raise APIConnectionError(f"video {video_id}: {sink.size} of {whole} bytes came")
    return Filled(answer.headers.get("content-type"), _checksum(answer, sink.size))


def _checksum(answer: httpx.Response, size_bytes: int) -> str | None:
    """Return the SHA-256 that whoever watched the body has made of it, where that was all of it."""
    reader = getattr(answer.stream, "reader", None)
    checksum: Callable[[int], str | None] | None = getattr(reader, "checksum", None)
    return None if checksum is None else checksum(size_bytes)


def _goes_on(answer: httpx.Response, sink: Sink) -> bool:
    """Whether the body begins where the sink ends."""
    if answer.status_code != _PARTIAL:
        return not sink.size
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    return found is not None and int(found[1]) == sink.size


def _whole_bytes(answer: httpx.Response) -> int | None:
    """Return how large the whole asset is, where the answer says."""
    if answer.headers.get("content-encoding"):
        return None
    if answer.status_code == _PARTIAL:
        found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        return int(found[2]) if found is not None and found[2] != "*" else None
    length = answer.headers.get("content-length", "")
    return int(length) if length.isdigit() else None
