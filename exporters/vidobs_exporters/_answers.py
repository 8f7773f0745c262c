"""What receivers answer, and what of it may be shown."""

from __future__ import annotations

import math
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx
import msgspec

from vidobs import scrub

if TYPE_CHECKING:
    from collections.abc import Mapping

EXCERPT = 200  # characters of an answer that an error quotes

_SUCCESS = range(200, 300)
_NO_KEYS = frozenset(
    {"accept", "accept-encoding", "content-encoding", "content-length", "content-type", "host"}
    | {"user-agent", "webhook-id", "webhook-timestamp"}
)
_KEY = re.compile(r"[^\s/?&=;,:\"'<>]{8,}")  # what may be a key, in a header or a query
_KEY_IN_PATH = re.compile(r"[^/]{16,}")


class Answer(msgspec.Struct, frozen=True):
    """What a receiver said: status, headers, and the beginning of the body."""

    status: int
    headers: httpx.Headers
    body: bytes
    whole: bool = True  # False: the body broke off, came too slowly or is too long
    request: httpx.Request | None = None  # what it is the answer to

    def __repr__(self) -> str:
        return f"Answer({self.status})"

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return self.status in _SUCCESS

    @property
    def excerpt(self) -> str:
        """The body in one short line without secrets, those of the request included."""
        text = self.body.decode("utf-8", "replace").strip()
        for key in _keys(self.request) if self.request else ():
            text = text.replace(key, "[secret]")
        return scrub(text, EXCERPT)


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Return the wait that a `Retry-After` header asks for: seconds, or a date.

    https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
    """
    given = headers.get("retry-after", "").strip()
    try:
        seconds = float(given)
    except ValueError:
        seconds = _seconds_until(given, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: float) -> float:
    """Return how long it is until a date of HTTP; infinite when it is none."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return math.inf
    if moment.tzinfo is None:  # dates of HTTP are in UTC
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() - now


def _keys(request: httpx.Request) -> list[str]:
    """Return what in headers and URL of a request may be a key, the longest first."""
    url = request.url
    texts = [value for name, value in request.headers.items() if name not in _NO_KEYS]
    texts += [url.query.decode("ascii"), str(url.params), *url.params.values()]
    found = {key for text in texts for key in _KEY.findall(text)}
    found.update(_KEY_IN_PATH.findall(url.path))
    return sorted(found, key=len, reverse=True)
