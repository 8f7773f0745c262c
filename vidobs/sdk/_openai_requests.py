"""Prepares a create of the openai SDK: its idempotency key, its retries, its files."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vidobs.core.jobs import TraceRef

IDEMPOTENCY_HEADER = "Idempotency-Key"
_IDEMPOTENCY = IDEMPOTENCY_HEADER.lower()
_RETRY_COUNT_HEADER = "x-stainless-retry-count"
TRACEPARENT, _TRACESTATE = "traceparent", "tracestate"


def given_key(options: Any) -> str | None:
    """Return the caller's own idempotency key."""
    for name, value in headers_of(options).items():
        if name.lower() == _IDEMPOTENCY and isinstance(value, str):
            return value
    given = options.idempotency_key  # known to the SDK, which sends it nowhere
    return given if isinstance(given, str) else None


def headers_of(options: Any) -> Mapping[str, Any]:
    """Return the extra headers of a request; the SDK has a marker for none."""
    headers = options.headers
    return headers if isinstance(headers, dict) else {}


def prepared(options: Any, *, key: str, own_retries: bool) -> Any:
    """Return a copy of a request with the key in it, sent once if the retries are ours."""
    made = copy.copy(options)
    headers = headers_of(options)
    kept = {name: value for name, value in headers.items() if name.lower() != _IDEMPOTENCY}
    made.headers = {**kept, IDEMPOTENCY_HEADER: key}
    if own_retries:
        made.max_retries = 0
    return made


def counted(options: Any, *, retries: int) -> Any:
    """Return the request for another attempt, with the count that the SDK would send."""
    made = copy.copy(options)
    made.headers = {**headers_of(options), _RETRY_COUNT_HEADER: str(retries)}
    return made


def traced(options: Any, trace: TraceRef) -> Any:
    """Return the request with the span that a server's own go under; the caller's own stays."""
    given = headers_of(options)
    if any(name.lower() == TRACEPARENT for name in given):
        return options
    made = copy.copy(options)
    made.headers = {**given, **trace_headers(trace)}
    return made


def trace_headers(trace: TraceRef) -> dict[str, str]:
    """Return the W3C headers that name a span."""
    headers = {TRACEPARENT: trace.traceparent}
    if trace.tracestate:
        headers[_TRACESTATE] = trace.tracestate
    return headers


class Rewind:
    """Puts uploaded files back to where they stood, so that a create can be sent again."""

    def __init__(self, files: object) -> None:
        self._places: list[tuple[Any, int]] = []
        self.possible = True
        for content in _contents(files):
            if isinstance(content, str | bytes | bytearray):
                continue
            try:
                self.possible = self.possible and bool(content.seekable())
                self._places.append((content, content.tell()))
            except (OSError, ValueError, AttributeError):
                self.possible = False

    def rewind(self) -> bool:
        """Seek back; `False` when a stream cannot."""
        if not self.possible:
            return False
        try:
            for stream, place in self._places:
                stream.seek(place)
        except (OSError, ValueError, AttributeError):
            return False
        return True


def _contents(files: object) -> Iterator[Any]:
    """Find the contents of uploads as httpx takes them."""
    if isinstance(files, dict):
        parts = list(files.values())
    elif isinstance(files, (list, tuple)):
        parts = [part[1] for part in files if isinstance(part, (list, tuple)) and len(part) > 1]
    else:
        return
    for part in parts:
        yield part[1] if isinstance(part, tuple) and len(part) > 1 else part
