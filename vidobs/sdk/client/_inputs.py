"""Reference images and source videos in every form that people have them in."""

from __future__ import annotations

import io
import mimetypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

from vidobs.core.errors import ConfigError

Upload: TypeAlias = (
    "bytes | str | os.PathLike[str] | IO[bytes] | tuple[str | None, bytes | IO[bytes]] | "
    "tuple[str | None, bytes | IO[bytes], str] | Mapping[str, str]"
)
"""A file, its bytes, its path, `(name, content[, type])`, a URL, or `{"file_id": ...}`."""

_URLS = ("https://", "http://", "data:")
_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (b"RIFF", "image/webp", ".webp"),
    (b"GIF8", "image/gif", ".gif"),
)
_FTYP = b"ftyp"  # at byte 4 of an MP4 file
_HEAD = 12  # bytes that tell what a file is


def placed(name: str, given: Upload) -> tuple[dict[str, object], list[tuple[str, object]]]:
    """Return what an input becomes: fields that refer to it, or file parts that carry it.

    Raises:
        ConfigError: it is none of the forms, or there is no such file.
    """
    if isinstance(given, Mapping):
        return {name: dict(given)}, []
    if isinstance(given, str) and given.startswith(_URLS):
        return {name: {"image_url": given}}, []
    return {}, [(name, _part(name, given))]


def _part(name: str, given: object) -> tuple[str, object, str]:
    """Return a file part as httpx takes it: name, content, type."""
    if isinstance(given, tuple):
        return _of_tuple(name, given)
    if isinstance(given, bytes | bytearray):
        kind, ending = _kind_of(bytes(given[:_HEAD]))
        return f"{name}{ending}", bytes(given), kind
    if isinstance(given, str | os.PathLike):
        return _of_path(name, Path(given))
    if hasattr(given, "read") and not isinstance(given, io.TextIOBase):
        return _of_file(name, given)
    raise ConfigError(
        f"{name}: got {type(given).__name__}; give a file opened with 'rb', bytes, a path, "
        "(name, content, type), a URL, or {'file_id': ...}"
    )


def _of_tuple(name: str, given: tuple[object, ...]) -> tuple[str, object, str]:
    if not 2 <= len(given) <= 4:  # noqa: PLR2004 - (name, content[, type[, headers]])
        raise ConfigError(f"{name}: a tuple must be (name, content) or (name, content, type)")
    file_name, content = str(given[0] or name), given[1]
    if len(given) > 2 and given[2]:  # noqa: PLR2004
        return file_name, content, str(given[2])
    if isinstance(content, bytes):
        return file_name, content, _guess(file_name) or _kind_of(content[:_HEAD])[0]
    return file_name, content, _guess(file_name) or _kind_of(_head_of(content))[0]


def _of_path(name: str, path: Path) -> tuple[str, object, str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{name}: cannot read {str(path)!r}: {error.strerror or error}"
        ) from error
    return path.name, content, _guess(path.name) or _kind_of(content[:_HEAD])[0]


def _of_file(name: str, given: object) -> tuple[str, object, str]:
    """Return the part of an open file; one without a name gets one by how it begins."""
    file_name = Path(str(getattr(given, "name", "") or "")).name
    known = _guess(file_name)
    if known is not None:
        return file_name, given, known
    kind, ending = _kind_of(_head_of(given))
    return file_name or f"{name}{ending}", given, kind


def _head_of(given: Any) -> bytes:
    """Return how a file goes on from where it stands, without moving it; empty for a stream."""
    seekable = getattr(given, "seekable", None)
    if seekable is None or not seekable():
        return b""
    place = given.tell()
    head = given.read(_HEAD)
    given.seek(place)
    return head if isinstance(head, bytes) else b""


def _guess(file_name: str) -> str | None:
    return mimetypes.guess_type(file_name)[0]


def _kind_of(head: bytes) -> tuple[str, str]:
    """Return type and ending of some bytes, by how they begin."""
    for magic, kind, ending in _MAGIC:
        if head.startswith(magic):
            return kind, ending
    if head[4:8] == _FTYP:
        return "video/mp4", ".mp4"
    return "application/octet-stream", ".bin"
