"""What is kept of a call: the capture policy, and the keyed fingerprints that replace content.

The policy works at the door, where a dialect reads a call: what it does not keep is never known to
anything behind it. A fingerprint is an HMAC with a key of the ledger's, because a plain hash of a
short prompt can be guessed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

import msgspec

from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.scrub import scrub_text

PROMPT_BYTES = 32 * 1024  # of a prompt that is kept in full
SAMPLE_BYTES = 32 * 1024  # read at each end of an uploaded file
LONG_TEXT = 64 * 1024  # characters; longer ones are fingerprinted by their ends, as files are
DEPTH = 6
DIGEST_HEX = 32
_BLOCK = 64  # of SHA-256, in bytes


class Content(StrEnum):
    """What is kept of prompts, the least first."""

    NONE = "none"  # their length
    HASH = "hash"  # a keyed HMAC: equal prompts can be told, none can be read
    FULL = "full"  # their text, scrubbed of secrets, up to 32 KiB

    @property
    def rank(self) -> int:
        """0 keeps the least."""
        return list(Content).index(self)


class Media(StrEnum):
    """What is kept of videos."""

    NONE = "none"  # size and checksum
    THUMBNAIL = "thumbnail"  # a small picture
    FULL = "full"  # the file


_E = TypeVar("_E", Content, Media)


class CapturePolicy(msgspec.Struct, frozen=True):
    """What may be kept. By default no content at all."""

    content: Content = Content.NONE
    media: Media = Media.NONE

    @classmethod
    def parse(cls, value: str | Mapping[str, object] | CapturePolicy) -> CapturePolicy:
        """Read the setting: a string sets `content`; a mapping has `content` and `media`.

        Raises `ConfigError` for a name that is not known.
        """
        if isinstance(value, CapturePolicy):
            return value
        if isinstance(value, str):
            return cls(content=_member(Content, "capture.content", value))
        if not isinstance(value, Mapping):
            raise ConfigError(
                f"capture must be one of none, hash, full, or a mapping with 'content' and "
                f"'media'; got {type(value).__name__}"
            )
        for name in value:
            if name not in cls.__struct_fields__:
                raise ConfigError(unknown_name("capture setting", str(name), cls.__struct_fields__))
        return cls(
            content=_member(Content, "capture.content", value.get("content", Content.NONE)),
            media=_member(Media, "capture.media", value.get("media", Media.NONE)),
        )

    def prompt(self, prompt: object, fingerprint: Fingerprint) -> str | None:
        """Return what may be kept of a prompt."""
        if self.content is Content.NONE or not isinstance(prompt, str):
            return None
        if self.content is Content.HASH:
            return shown_hash(fingerprint.prompt_hash(prompt))
        whole = prompt[:PROMPT_BYTES].encode("utf-8", "replace")
        kept = whole[:PROMPT_BYTES].decode("utf-8", "ignore")
        return scrub_text(kept, PROMPT_BYTES)


def shown_hash(prompt_hash: str) -> str:
    """Return what stands for a prompt of which only the hash is kept."""
    return f"hmac:{prompt_hash}"


def _member(kind: type[_E], setting: str, value: object) -> _E:
    try:
        return kind(str(value))
    except ValueError:
        raise ConfigError(unknown_name(setting, str(value), [one.value for one in kind])) from None


class Fingerprint:
    """Keyed HMAC-SHA256 (RFC 2104) of prompts and requests, as 32 hex digits.

    The padded key is hashed once, here: a digest then costs half of what `hmac.digest` takes.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = (key if len(key) <= _BLOCK else hashlib.sha256(key).digest()).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def prompt_hash(self, prompt: str) -> str:
        """Return the fingerprint of a prompt."""
        return self._digest(prompt.encode("utf-8", "surrogatepass"))

    def request_hash(self, fields: Mapping[str, object]) -> str:
        """Return the fingerprint of a parsed request; the order of keys does not matter.

        Files given as bytes count by size and both their ends; streams and paths are never read.
        """
        for value in fields.values():
            if type(value) is not str or len(value) > LONG_TEXT:
                return self._digest(_encode(_canonical(fields, DEPTH)))
        try:
            return self._digest(_encode(fields))
        except (UnicodeEncodeError, TypeError):  # a lone surrogate, or a key that is no text
            return self._digest(_encode(_canonical(fields, DEPTH)))

    def _digest(self, data: bytes) -> str:
        inner = self._inner.copy()
        inner.update(data)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()[:DIGEST_HEX]


_encode = msgspec.json.Encoder(order="sorted").encode


def _canonical(value: object, depth: int) -> object:  # noqa: PLR0911 - one line per shape
    """A plain copy of what is to be fingerprinted: no long text, no file content, no cycle."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else f"{value:x}"
    if isinstance(value, str):
        return _text(str.__str__(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return _ends(memoryview(value).cast("B"))
    if depth == 0:
        return {"unread": "nested"}
    if isinstance(value, Mapping):
        return {_key(key): _canonical(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item, depth - 1) for item in value]
    return {"unread": "object"}  # a stream, a path or anything else: neither read nor named


def _key(key: object) -> str:
    return _text(str.__str__(key)) if isinstance(key, str) else type(key).__name__


def _text(text: str) -> str:
    data = text.encode("utf-8", "backslashreplace")
    if len(text) <= LONG_TEXT:
        return data.decode()
    return _encode(_ends(memoryview(data))).decode()


def _ends(content: memoryview) -> dict[str, object]:
    """Size and digest of at most the first and the last 32 KiB."""
    if len(content) <= 2 * SAMPLE_BYTES:
        digest = hashlib.sha256(content)
    else:
        digest = hashlib.sha256(content[:SAMPLE_BYTES])
        digest.update(content[-SAMPLE_BYTES:])
    return {"bytes": len(content), "sha256": digest.hexdigest()}
