"""Read what a provider says went wrong: with a job, or with the call that should have made one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import JobError, JobSnapshot, JobState, Reason
from vidobs.core.quotes import MARK
from vidobs.core.scrub import scrub, scrub_error
from vidobs.dialects.states import reason_of
from vidobs.dialects.values import text
from vidobs.dialects.wire import field

if TYPE_CHECKING:
    from vidobs.dialects.wire import WireVideo

_CODE_CHARS = 128
_MESSAGE_CHARS = 1 << 20  # before scrubbing
_NESTED = 3  # an error in an error in an error is unpacked, no further
_BARE = (str, int, list, tuple, type(None))
_NO_ERROR = frozenset({"0", "200", "ok", "success"})
_NOT_FOUND, _GONE, _SERVER_ERROR = 404, 410, 500
_BY_HTTP = MappingProxyType(
    {
        401: Reason.AUTH,
        402: Reason.QUOTA,
        403: Reason.AUTH,
        408: Reason.TIMEOUT,
        429: Reason.RATE_LIMITED,
        504: Reason.TIMEOUT,
    }
)
_decode = msgspec.json.Decoder().decode


def failure_of(wire: WireVideo, prompt: str | None) -> JobError | None:
    """Return what an answer says went wrong with its job; `None` when it says nothing."""
    given = wire.error or wire.failure_reason or wire.fail_reason
    if not given:
        if not wire.detail:
            return None
        given = {"detail": wire.detail}
    return error_of(given, prompt)


def error_of(given: object, prompt: str | None = None) -> JobError | None:
    """Return code and message of an error in any of its shapes, scrubbed and without the prompt.

    `given` is a text, `{code, message}`, `{error: ...}` around one of them, or FastAPI's
    `{detail: ...}`; bytes are decoded first. `None` when there is nothing in it.
    """
    code, message = _parts(_decoded(given) if isinstance(given, bytes) else given)
    if code is not None and code.lower() in _NO_ERROR:
        return None
    if code is None and message is None:
        return None
    return JobError(
        code=None if code is None else scrub(code, _CODE_CHARS),
        message=None if message is None else scrub_error(message, prompt),
    )


def reason_of_error(error: JobError | None, raw_status: str | None = None) -> Reason:
    """Return why a job failed; what the prompt says in a message is no evidence."""
    if error is None:
        return reason_of(None, None, raw_status)
    message = error.message.replace(MARK, "") if error.message else None
    return reason_of(error.code, message, raw_status)


def rejected(status_code: int, error_body: object, *, prompt: str | None = None) -> JobSnapshot:
    """Return what an HTTP error says of the job that a create should have made.

    `error_body` is the answer's body, as bytes or decoded, with or without its outer `error`.
    """
    error = error_of(error_body, prompt)
    reason = _refusal(status_code, reason_of_error(error))
    return JobSnapshot(state=JobState.FAILED, reason=reason, error=error)


def expired(status_code: int, error_body: object, *, overdue: bool) -> bool:
    """Tell whether the HTTP error of a download says that the provider threw the file away.

    `overdue`: the provider said that it would by now; then a bare 404 says so too.
    """
    if status_code != _NOT_FOUND:
        return status_code == _GONE
    error = error_of(error_body)
    said = "" if error is None else f"{error.code} {error.message}"
    return overdue or "expired" in said.lower()


def _refusal(status_code: int, told: Reason) -> Reason:
    """The reason that code and message told, where they know better than the HTTP status."""
    if status_code >= _SERVER_ERROR:
        return _BY_HTTP.get(status_code, Reason.PROVIDER_ERROR)
    if told.moderation:
        return Reason.MODERATION_INPUT  # there is no output yet
    if told is Reason.QUOTA:
        return told
    return _BY_HTTP.get(status_code, Reason.INVALID_REQUEST)


def _decoded(body: bytes) -> object:
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode("utf-8", "replace")


def _parts(given: object) -> tuple[str | None, str | None]:
    """Code and message, unscrubbed."""
    for _ in range(_NESTED):
        inner = None if isinstance(given, _BARE) else field(given, "error")
        if not inner:
            break
        given = inner
    if isinstance(given, _BARE):
        return None, _detail(given)
    code = _filters_code(given) or text(field(given, "code")) or text(field(given, "type"))
    message = text(field(given, "message"), _MESSAGE_CHARS) or _detail(field(given, "detail"))
    return code, message


def _filters_code(given: object) -> str | None:
    """Azure's code in `innererror`, where it says of a filter what the outer one may not say."""
    inner = text(field(field(given, "innererror"), "code"))
    outer = text(field(given, "code"))
    told = inner is not None and reason_of(inner).moderation and not reason_of(outer).moderation
    return inner if told else None


def _detail(detail: object) -> str | None:
    """FastAPI's text, or its list of complaints, of which `input` would quote the request."""
    if isinstance(detail, list | tuple):
        told = [field(item, "msg") for item in detail]
        return "; ".join(one for one in told if isinstance(one, str)) or None
    if isinstance(detail, Mapping):
        return text(detail.get("message"), _MESSAGE_CHARS) or text(
            detail.get("msg"), _MESSAGE_CHARS
        )
    return text(detail, _MESSAGE_CHARS)
