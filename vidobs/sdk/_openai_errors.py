"""What an exception of the openai SDK means for a create or a poll.

By duck typing, so that no SDK is imported: a status error has `status_code` and `response`; a
connection error has the transport's exception as its cause.
"""

from __future__ import annotations

import json
from typing import Any

from vidobs.core.jobs import JobSnapshot, JobState, Reason
from vidobs.core.scrub import scrub, scrub_exception
from vidobs.dialects.openai import failed_body, rejected, decode_video
from vidobs.observer.outcome import UNKNOWN_OUTCOME, Failure

_NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol"})
_IN_THE_AIR = frozenset({408, 409, 425})  # the server may have taken it all the same
_OK = range(200, 300)
_CLIENT_ERRORS = range(400, 500)
_TOO_MANY = 429
_UNAVAILABLE = 503


def of_create(error: BaseException, prompt: object) -> Failure:
    """Say what became of a create that raised: refused, never sent, or unknown."""
    return Failure(_type(error), scrub_exception(error, prompt if isinstance(prompt, str) else None), _create_outcome(error))


def of_poll(error: BaseException) -> Failure:
    """Say what a poll that raised means: mostly nothing for the job."""
    response = getattr(error, "response", None)
    snapshot = failed_body(_content(response)) if response is not None else None
    return Failure(_type(error), scrub_exception(error), snapshot)


def may_send_again(error: BaseException) -> bool:
    """Tell whether a create was provably not accepted."""
    if _never_sent(error):
        return True
    status = getattr(error, "status_code", None)
    if status == _TOO_MANY:
        return True
    response = getattr(error, "response", None)
    return status == _UNAVAILABLE and response is not None and "retry-after" in response.headers


def _create_outcome(error: BaseException) -> JobSnapshot:
    if _never_sent(error):
        return JobSnapshot(state=JobState.FAILED, reason=Reason.NOT_SENT)
    status = getattr(error, "status_code", None)
    response = getattr(error, "response", None)
    if isinstance(status, int) and response is not None:
        return _answered(error, status, response)
    if isinstance(error, json.JSONDecodeError) or _is_api_error(error):
        return UNKNOWN_OUTCOME
    if isinstance(error, Exception) and not _in_transport(error):
        return JobSnapshot(state=JobState.FAILED, reason=Reason.NOT_SENT)
    return UNKNOWN_OUTCOME  # cancelled or interrupted while it was under way


def _answered(error: BaseException, status: int, response: Any) -> JobSnapshot:
    if status in _OK:  # accepted, but the SDK could not make sense of the answer
        return decode_video(_content(response)) or UNKNOWN_OUTCOME
    if status in _CLIENT_ERRORS and status not in _IN_THE_AIR:
        return rejected(status, getattr(error, "body", None))
    if may_send_again(error):
        return JobSnapshot(state=JobState.FAILED, reason=Reason.PROVIDER_ERROR)
    return UNKNOWN_OUTCOME


def _never_sent(error: BaseException) -> bool:
    cause = error.__cause__
    return cause is not None and type(cause).__name__ in _NEVER_SENT


def _is_api_error(error: BaseException) -> bool:
    return any(base.__name__ == "APIError" for base in type(error).__mro__)


def _in_transport(error: BaseException) -> bool:
    """Whether the exception, or one it came from, is httpx's."""
    seen: BaseException | None = error
    while seen is not None:
        if type(seen).__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore"):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _content(response: Any) -> bytes:
    try:
        content = response.content
    except RuntimeError:  # streamed and not read
        return b""
    return content if isinstance(content, bytes) else b""


def _type(error: BaseException) -> str:
    code = getattr(error, "code", None)
    if isinstance(code, str) and code and len(code) <= 64 and code.isascii():  # noqa: PLR2004
        return scrub(code, 64)
    return type(error).__name__
