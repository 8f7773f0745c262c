"""What Google's APIs say went wrong: `google.rpc.Status`, by number or by word.

https://cloud.google.com/apis/design/errors
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import JobError, JobSnapshot, Reason
from vidobs.dialects.codec import items, mapping
from vidobs.dialects.failures import error_of, reason_of_error
from vidobs.dialects.failures import rejected as refused
from vidobs.dialects.values import text

if TYPE_CHECKING:
    from vidobs.dialects.codec import Fields

CANCELLED = "CANCELLED"
_CODES = (
    "OK", CANCELLED, "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
_LONGEST = 1 << 20
_FILTER = re.compile(
    r"usage guidelines|responsible ai|prohibited use|sensitive words"
    r"|safety (?:filter|setting|polic)|blocked[^.]*(?:safety|polic)"
    r"|violat\w+[^.]*(?:polic|guideline)",
    re.IGNORECASE,
)
_INPUT = re.compile(r"input|prompt|upload|reference", re.IGNORECASE)


def told(given: object, prompt: str | None) -> JobError | None:
    """Return code and message of an error, scrubbed; the code is the word for a number."""
    if isinstance(given, str):
        return error_of(given, prompt)
    error = mapping(given)
    code, message = _code(error), text(error.get("message"), _LONGEST)
    return error_of({"code": code, "message": message}, prompt)


def reason(error: JobError | None) -> Reason:
    """Return why a job failed: Google's filters say so in their messages only."""
    found = reason_of_error(error)
    message = error.message if error is not None else None
    if found.moderation or not message or not _FILTER.search(message):
        return found
    return Reason.MODERATION_INPUT if _INPUT.search(message) else Reason.MODERATION_OUTPUT


def rejected(status_code: int, body: bytes, prompt: str | None) -> JobSnapshot:
    """Return what an HTTP error says of the job that a create should have made."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return refused(status_code, body, prompt=prompt)
    if isinstance(answer, list):  # by what stands in front of the API
        answer = next(iter(items(answer)), None)
    given = mapping(mapping(answer).get("error"))
    error = told({**given, "code": given.get("status") or given.get("code")}, prompt)
    if error is None:
        return refused(status_code, body, prompt=prompt)
    seen = refused(status_code, {"code": error.code, "message": error.message}, prompt=prompt)
    if reason(error).moderation:
        return msgspec.structs.replace(seen, reason=Reason.MODERATION_INPUT)
    return seen


def _code(error: Fields) -> str | None:
    code = error.get("code")
    if type(code) is int and 0 <= code < len(_CODES):
        return _CODES[code]
    return text(code)
