"""The requests that a sandbox received: bounded, readable from any thread."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from vidobs.sandbox.records import SandboxRequest, utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vidobs.sandbox.records import JsonValue

    Pairs = Iterable[tuple[str, str]]

MASKED = "***"
_SECRET = frozenset({"authorization", "proxy-authorization", "api-key", "x-api-key", "cookie"})
_LONGEST_TEXT = 32_000


class Journal:
    """Keeps the newest `limit` requests, from the moment that their headers were read."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: dict[int, SandboxRequest] = {}
        self._opened = 0
        self._lock = threading.Lock()

    def open(self, *, method: str, path: str, query: str, headers: Pairs, now_ns: int) -> int:
        """Note a request that has begun and return its number."""
        request = SandboxRequest(
            method=method,
            path=path,
            query=query,
            headers=MappingProxyType(mask(headers)),
            received_at=utc(now_ns),
        )
        with self._lock:
            self._opened += 1
            self._entries[self._opened] = request
            if len(self._entries) > self._limit:
                del self._entries[next(iter(self._entries))]
            return self._opened

    def parsed(self, number: int, fields: Mapping[str, JsonValue]) -> None:
        """Add the fields of a request's body."""
        shown = {name: _shorten(value) for name, value in fields.items()}
        with self._lock:
            if number in self._entries:
                entry = self._entries[number]
                self._entries[number] = replace(entry, fields=MappingProxyType(shown))

    def answered(self, number: int, status: int, after_s: float) -> None:
        """Add how a request was answered."""
        with self._lock:
            if number in self._entries:
                entry = self._entries[number]
                self._entries[number] = replace(entry, status=status, answered_after_s=after_s)

    def everything(self) -> Sequence[SandboxRequest]:
        """Return every request that is kept, oldest first."""
        with self._lock:
            return tuple(self._entries.values())


def mask(headers: Pairs) -> dict[str, str]:
    """Return headers by lower-case name, without the secrets in them."""
    return {name.lower(): MASKED if name.lower() in _SECRET else value for name, value in headers}


def _shorten(value: JsonValue) -> JsonValue:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]}... ({len(value)} characters)"
    if isinstance(value, list):
        return [_shorten(member) for member in value]
    if isinstance(value, dict):
        return {name: _shorten(member) for name, member in value.items()}
    return value
