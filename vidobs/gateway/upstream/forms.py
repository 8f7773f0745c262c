"""Multipart bodies that are sent while they are read from disk, and can be sent again."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vidobs.gateway.wire.forms import Upload

_BYTES = "application/octet-stream"
_PIECE_BYTES = 256 << 10
_ESCAPED = {code: f"%{code:02X}" for code in (*range(0x20), ord('"'), 0x7F)}


class Form:
    """A form with fields and files, `multipart/form-data` (RFC 7578)."""

    def __init__(self, pairs: Iterable[tuple[str, str]], uploads: Iterable[Upload]) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._between = f"--{boundary}\r\n".encode()
        self._end = f"--{boundary}--\r\n".encode()
        self._fields = b"".join(
            b"%b%b%b\r\n" % (self._between, _head_of_field(name), value.encode())
            for name, value in pairs
        )
        self._files = [(_head_of_file(upload), upload) for upload in uploads]
        files = sum(
            len(self._between) + len(head) + upload.size_bytes + len(b"\r\n")
            for head, upload in self._files
        )
        self.size_bytes = len(self._fields) + files + len(self._end)

    def pieces(self) -> Iterator[bytes]:
        """Read it from its start."""
        before = self._fields
        for head, upload in self._files:
            yield b"%b%b%b" % (before, self._between, head)
            upload.content.seek(0)
            while piece := upload.content.read(_PIECE_BYTES):
                yield piece
            before = b"\r\n"
        yield before + self._end


def _head_of_field(name: str) -> bytes:
    return f'Content-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n'.encode()


def _head_of_file(upload: Upload) -> bytes:
    kind = upload.content_type
    fit = kind.isascii() and kind.isprintable() and kind.strip()
    return (
        f'Content-Disposition: form-data; name="{_quoted(upload.field)}"; '
        f'filename="{_quoted(upload.filename)}"\r\nContent-Type: {kind if fit else _BYTES}\r\n\r\n'
    ).encode()


def _quoted(text: str) -> str:
    """Write a name as browsers do: UTF-8 as it is, and escaped what would end it."""
    return text.translate(_ESCAPED)
