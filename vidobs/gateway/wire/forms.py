"""Reads forms while they come: fields into memory, files onto disk once they are large."""

from __future__ import annotations

import hashlib
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from vidobs.gateway.seams import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

IN_MEMORY_BYTES = 1 << 20  # of a file; a larger one goes to disk
MOST_PARTS = 1000


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a form; its content is read from the start."""

    field: str
    filename: str
    content_type: str
    content: IO[bytes]
    size_bytes: int
    digest: bytes  # SHA-256

    def close(self) -> None:
        """Give the disk back."""
        self.content.close()


def urlencoded(whole: bytes) -> tuple[tuple[str, str], ...]:
    """Return the fields of a form without files.

    Raises:
        Refusal: 400, it is none.
    """
    try:
        return tuple(parse_qsl(whole.decode(), keep_blank_values=True, max_num_fields=MOST_PARTS))
    except (ValueError, UnicodeDecodeError):
        raise _malformed("the form cannot be read") from None


async def read(
    chunks: AsyncIterator[bytes], content_type: bytes, *, most_bytes: int
) -> tuple[tuple[tuple[str, str], ...], tuple[Upload, ...]]:
    """Return the fields and the files of a multipart form; all fields take `most_bytes` at most.

    Raises:
        Refusal: 400 or 413.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise _malformed("the form names no boundary")
    parts = _Parts(most_bytes)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": parts.begin,
                "on_part_data": parts.data,
                "on_part_end": parts.end,
                "on_header_field": parts.header_name,
                "on_header_value": parts.header_value,
                "on_header_end": parts.header_end,
                "on_headers_finished": parts.headers_finished,
                "on_end": parts.whole,
            },
        )
        async for chunk in chunks:
            parser.write(chunk)
        parser.finalize()
        parts.check_complete()
    except FormParserError as error:
        parts.close()
        raise _malformed(f"the form cannot be read: {error}") from None
    except BaseException:
        parts.close()
        raise
    return tuple(parts.pairs), tuple(parts.uploads)


class _Parts:
    """What the parser tells, part by part."""

    def __init__(self, most_bytes: int) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.uploads: list[Upload] = []
        self._complete = False
        self._most_bytes = most_bytes
        self._field_bytes = 0
        self._parts = 0
        self._file: IO[bytes] | None = None
        self.begin()
        self._parts = 0

    def begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise _malformed("the form has too many parts")
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._field = ""
        self._filename: str | None = None
        self._text = bytearray()
        self._digest = hashlib.sha256()
        self._size = 0

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        name = options.get(b"name")
        if name is None:
            raise _malformed("a part of the form has no name")
        self._field = _decoded(name)
        filename = options.get(b"filename")
        if filename is not None:
            self._filename = _decoded(filename)
            self._file = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed by `Upload`

    def data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._file is not None:
            self._file.write(piece)
            self._digest.update(piece)
            self._size += len(piece)
            return
        self._field_bytes += len(piece)
        if self._field_bytes > self._most_bytes:
            raise Refusal(
                413,
                f"the fields of the form are larger than {self._most_bytes} bytes",
                code="request_too_large",
                headers={"connection": "close"},
            )
        self._text += piece

    def end(self) -> None:
        if self._file is None:
            self.pairs.append((self._field, _decoded(bytes(self._text))))
            return
        self._file.seek(0)
        kind = self._headers.get(b"content-type", b"application/octet-stream")
        self.uploads.append(
            Upload(
                field=self._field,
                filename=self._filename or "upload",
                content_type=kind.decode("latin-1"),
                content=self._file,
                size_bytes=self._size,
                digest=self._digest.digest(),
            )
        )
        self._file = None

    def whole(self) -> None:
        self._complete = True

    def check_complete(self) -> None:
        """Refuse a form that ends before its last boundary."""
        if not self._complete:
            raise _malformed("the form ends in the middle")

    def close(self) -> None:
        """Give back what was read so far."""
        for upload in self.uploads:
            upload.close()
        if self._file is not None:
            self._file.close()


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise _malformed("a field of the form is no UTF-8") from None


def _malformed(message: str) -> Refusal:
    return Refusal(400, message, code="invalid_form")
