"""Multipart bodies that are sent while they are read from disk, and can be sent again."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from aiohttp import MultipartWriter, payload
from aiohttp.hdrs import CONTENT_DISPOSITION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp.abc import AbstractStreamWriter

    from vidobs.gateway.wire.forms import Upload

_BYTES = "application/octet-stream"
_PIECE_BYTES = 256 << 10
_ESCAPED = {code: f"%{code:02X}" for code in (*range(0x20), ord('"'), 0x7F)}


class _File(payload.Payload):
    """A file that stays open when it has been sent."""

    _autoclose = True

    def __init__(self, upload: Upload) -> None:
        kind = upload.content_type
        fit = kind.isascii() and kind.isprintable() and kind.strip()
        super().__init__(upload, content_type=kind if fit else _BYTES, filename=upload.filename)
        self._size = upload.size_bytes
        self._content: IO[bytes] = upload.content

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        self._content.seek(0)
        return self._content.read().decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        self._content.seek(0)
        while piece := self._content.read(_PIECE_BYTES):
            await writer.write(piece)


def multipart(pairs: Iterable[tuple[str, str]], uploads: Iterable[Upload]) -> MultipartWriter:
    """Return a form with fields and files."""
    writer = MultipartWriter("form-data")
    for name, value in pairs:
        field = payload.StringPayload(value, content_type="text/plain; charset=utf-8")
        field.headers.pop("Content-Type")
        field.headers[CONTENT_DISPOSITION] = f'form-data; name="{_quoted(name)}"'
        writer.append_payload(field)
    for upload in uploads:
        part = _File(upload)
        part.headers[CONTENT_DISPOSITION] = (
            f'form-data; name="{_quoted(upload.field)}"; filename="{_quoted(upload.filename)}"'
        )
        writer.append_payload(part)
    return writer


def _quoted(text: str) -> str:
    """Write a name as browsers do: UTF-8 as it is, and escaped what would end it.

    aiohttp writes names with letters beyond ASCII in a way that it then refuses to send.
    """
    return text.translate(_ESCAPED)
