"""What the answers of a server say: waits, and errors."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from vidobs.core.api_errors import APIError, class_of_status
from vidobs.core.scrub import scrub
from vidobs.dialects.failures import error_of as told_of
from vidobs.dialects.openai import reason_of

if TYPE_CHECKING:
    import httpx

_SAID = 500  # characters of a server's message that an error repeats
_REQUEST_IDS = ("x-request-id", "apim-request-id", "x-litellm-call-id", "request-id")


def error_of(answer: httpx.Response, provider: str, *, hint: str = "") -> APIError:
    """Return the error for an answer that is no success, with what the server said, scrubbed.

    `hint` is what we know about it.
    """
    told = told_of(answer.content)
    code = None if told is None else told.code
    message = None if told is None else told.message
    reason = reason_of(code, message)
    kind = class_of_status(answer.status_code, code=code, reason=reason)
    request = answer.request
    said = scrub(message or answer.reason_phrase or "no text", _SAID)
    return kind(
        f"{request.method} {request.url.path}: {answer.status_code} from {provider}: {said}{hint}",
        status_code=answer.status_code,
        provider=provider,
        request_id=request_id_of(answer.headers),
        code=code,
        response=answer,
        retry_after_s=retry_after_s(answer.headers),
    )


def request_id_of(headers: httpx.Headers) -> str | None:
    """Return the id that a server gave to a request, under any of its names."""
    return next((headers[name] for name in _REQUEST_IDS if name in headers), None)


def retry_after_s(headers: httpx.Headers) -> float | None:
    """Return the wait that `retry-after-ms` or `Retry-After` asks for, in seconds."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    given = headers.get("retry-after")
    seconds = _number(given)
    if seconds is not None or given is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def poll_after_s(headers: httpx.Headers) -> float | None:
    """Return the wait before the next poll that `openai-poll-after-ms` asks for, in seconds."""
    milliseconds = _number(headers.get("openai-poll-after-ms"))
    return None if milliseconds is None else milliseconds / 1000


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
