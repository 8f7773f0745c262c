"""What is fuzzed: each target takes any bytes and raises only when a promise is broken."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

from starlette.requests import Request

from vidobs.core.mp4 import Mp4Reader, probe
from vidobs.core.mp4_tracks import MOST_FPS, MOST_SECONDS
from vidobs.core.tiers import _PAIR
from vidobs.sandbox.body import read_body
from vidobs.sandbox.errors import ApiError

if TYPE_CHECKING:
    from vidobs.core.mp4 import VideoProbe

MAX_BODY_BYTES = 1 << 16
_KINDS = (
    b"application/json",
    b"multipart/form-data; boundary=B",
    b"application/x-www-form-urlencoded",
    b"multipart/form-data",
    b"",
)


def mp4(data: bytes) -> None:
    """The box parser raises nothing, says only what a video can be, and pieces do not matter."""
    whole = Mp4Reader()
    whole.feed(data)
    pieces = Mp4Reader()
    step = 1 + (data[-1] if data else 0) % 61
    for start in range(0, len(data), step):
        pieces.feed(data[start : start + step])
    assert whole.probe == pieces.probe == probe(data)
    assert whole.cut == pieces.cut
    if whole.probe is not None:
        _plausible(whole.probe)


def _plausible(said: VideoProbe) -> None:
    assert said.seconds is None or 0 < said.seconds <= MOST_SECONDS
    assert said.fps is None or 0 < said.fps <= MOST_FPS
    assert said.size is None or _PAIR.fullmatch(said.size)
    assert said.codec is None or (said.codec.isascii() and said.codec.isprintable())
    for figure in (said.seconds, said.fps):
        assert figure is None or Decimal(str(figure)) == figure


def form(data: bytes) -> None:
    """The sandbox's body parser answers with fields that JSON can hold, or with an error 4xx."""
    kind = _KINDS[data[0] % len(_KINDS)] if data else b""
    if kind == _KINDS[3]:  # the content type is fuzzed too
        header, _, data = data[1:].partition(b"\n")
        kind += header
    else:
        data = data[1:]
    try:
        body = _parsed(kind, data)
    except ApiError as error:
        _of_the_caller(error)
        return
    assert isinstance(body.fields, dict)
    json.dumps(body.fields, ensure_ascii=False).encode()
    assert all(isinstance(upload, bytes) for upload in body.uploads.values())


def _of_the_caller(error: ApiError) -> None:
    assert 400 <= error.status < 500
    json.dumps(error.envelope(), ensure_ascii=False).encode()


def _parsed(kind: bytes, data: bytes) -> object:
    """Parse a body that comes at once: nothing waits, so no event loop is needed."""
    messages = iter([{"type": "http.request", "body": data, "more_body": False}])

    async def receive() -> dict[str, object]:
        return next(messages)

    headers = [(b"content-type", kind)] if kind else []
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    reading = read_body(request, MAX_BODY_BYTES)
    try:
        reading.send(None)
    except StopIteration as done:
        return done.value
    reading.close()
    raise AssertionError("the parser waited for something")


TARGETS = {"mp4": mp4, "form": form}
