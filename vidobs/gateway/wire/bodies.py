"""Reads bodies: JSON, a form, with a limit of size and of time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from vidobs.gateway.seams import Refusal
from vidobs.gateway.wire import forms
from vidobs.gateway.wire.forms import Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vidobs.gateway.config import Sizes
    from vidobs.gateway.seams import Receive
    from vidobs.gateway.wire.asked import Asked

_decode = msgspec.json.Decoder().decode
_MULTIPART = b"multipart/form-data"
_FORM = b"application/x-www-form-urlencoded"
_LONGEST_LENGTH = 20  # digits


class Gone(Exception):  # noqa: N818 - not an error: nobody is there to be answered
    """The client went away before its request was whole."""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a request, as its sender encoded them."""

    fields: Mapping[str, object] = {}  # of a form by their names; the last of each
    pairs: tuple[tuple[str, str], ...] | None = None  # of a form, all of them; None: it was JSON
    uploads: tuple[Upload, ...] = ()

    @property
    def is_form(self) -> bool:
        """Whether it came as a form."""
        return self.pairs is not None

    def text(self, name: str) -> str | None:
        """Return a field that is a text and not empty."""
        found = self.fields.get(name)
        return found if isinstance(found, str) and found else None

    def close(self) -> None:
        """Give back what uploads took."""
        for upload in self.uploads:
            upload.close()


async def read_body(asked: Asked, sizes: Sizes) -> Body:
    """Read the body of a request.

    Raises:
        Refusal: 400, 413 or 415.
        Gone: the client hung up.
    """
    kind = asked.headers.get(b"content-type", b"").lower()
    if kind.startswith(_MULTIPART):
        limit = sizes.max_upload_bytes
        _check_announced(asked.headers, limit)
        pairs, uploads = await forms.read(
            chunks(asked.receive, limit),
            asked.headers[b"content-type"],
            most_bytes=sizes.max_json_bytes,
        )
        return Body(fields=dict(pairs), pairs=pairs, uploads=uploads)
    _check_announced(asked.headers, sizes.max_json_bytes)
    whole = await _whole(asked.receive, sizes.max_json_bytes)
    if kind.startswith(_FORM):
        pairs = forms.urlencoded(whole)
        return Body(fields=dict(pairs), pairs=pairs)
    if not whole:
        return Body()
    if kind and b"json" not in kind:
        # curl's own default for --data is the form above; anything else is no request of this API
        raise Refusal(
            415, "send application/json or multipart/form-data", code="unsupported_media_type"
        )
    return Body(fields=json_object(whole))


def json_object(whole: bytes) -> Mapping[str, object]:
    """Decode a JSON object.

    Raises:
        Refusal: 400, it is something else.
    """
    try:
        value = _decode(whole)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, f"the body is no JSON: {error}", code="invalid_json") from None
    if not isinstance(value, dict):
        raise Refusal(400, "the body must be a JSON object", code="invalid_json")
    return value


async def chunks(receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """Yield a body as it comes. The protocol ends a connection on which nothing comes for long.

    Raises:
        Refusal: 413, it is larger than `limit` bytes.
        Gone: the client hung up.
    """
    size = 0
    more = True
    while more:
        piece, more = await _piece(receive)
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        if piece:
            yield piece


async def _piece(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    return message.get("body", b""), message.get("more_body", False)


async def _whole(receive: Receive, limit: int) -> bytes:
    """Read a body that is kept in memory; mostly it is one piece, and there already."""
    whole, more = await _piece(receive)
    if not more and len(whole) <= limit:
        return whole
    pieces, size = [whole], len(whole)
    while more and size <= limit:
        piece, more = await _piece(receive)
        pieces.append(piece)
        size += len(piece)
    if size > limit:
        raise _too_large(limit)
    return b"".join(pieces)


def _check_announced(headers: Mapping[bytes, bytes], limit: int) -> None:
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced[:_LONGEST_LENGTH]) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> Refusal:
    return Refusal(
        413,
        f"the body is larger than {limit} bytes",
        code="request_too_large",
        headers={"connection": "close"},
    )
