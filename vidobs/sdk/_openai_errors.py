"""What an exception of the openai SDK means for a create or a poll.

By duck typing, so that no SDK is imported: a status error has `status_code` and `response`; a
connection error has the transport's exception as its cause.
"""

from __future__ import annotations

from traceback import walk_tb
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.jobs import AssetState, JobSnapshot, JobState, Reason
from vidobs.core.scrub import SECRET, scrub, scrub_error
from vidobs.dialects.openai import decode_video, expired, failed_body, rejected
from vidobs.observer.outcome import UNKNOWN_OUTCOME, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

NEVER_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
)
_ILLEGAL = "Illegal header"  # how h11 refuses a header, such as a key with a line feed at its end
_TRANSPORTS = ("httpx", "httpx2")
_PREPARING = frozenset({"_prepare_options", "_build_request", "_prepare_request"})  # of the SDK
_IN_THE_AIR = frozenset({408, 409, 425})  # the server may have taken it all the same
_OK = range(200, 300)
_CLIENT_ERRORS = range(400, 500)
_TOO_MANY = 429
_UNAVAILABLE = 503
_CODE_CHARS = 64
_SHORTEST_KEY = 6  # a shorter one is a placeholder, and may be part of a word


class Private(msgspec.Struct, frozen=True):
    """What a text about a call may quote and must not: the prompt, and the key of the client."""

    prompt: str | None = None
    key: str | None = None

    def without_key(self, text: str) -> str:
        """Return a text without the key; the patterns of `scrub` know only usual ones."""
        key = self.key
        return text if key is None or len(key) < _SHORTEST_KEY else text.replace(key, SECRET)

    def cleaned(self, snapshot: JobSnapshot) -> JobSnapshot:
        """Return what an answer says of a job, with neither of them in what went wrong."""
        error = snapshot.error
        if error is None or not error.message:
            return snapshot
        message = scrub_error(self.without_key(error.message), self.prompt)
        return msgspec.structs.replace(
            snapshot, error=msgspec.structs.replace(error, message=message)
        )


def of_create(
    error: BaseException, private: Private, *, refused: BaseException | None, sole: bool
) -> Failure:
    """Say what became of a create that raised: refused, never sent, or unknown.

    `refused` is why the attempt before was not accepted, when the pause after it was interrupted.
    `sole` says that the request left at most once inside of the call that raised.
    """
    return failure(error, private, _create_outcome(refused or error, private, sole=sole))


def of_poll(error: BaseException, private: Private) -> Failure:
    """Say what a poll that raised means: mostly nothing for the job."""
    response = getattr(error, "response", None)
    snapshot = None
    if response is not None:
        snapshot = failed_body(_content(response, private), prompt=private.prompt)
    return failure(error, private, snapshot)


def of_download(error: BaseException, private: Private, *, overdue: bool) -> Failure:
    """Say what a download that raised means for the file; `overdue`: it should be gone by now."""
    status = getattr(error, "status_code", None)
    response = getattr(error, "response", None)
    snapshot = None
    if isinstance(status, int) and response is not None:
        gone = expired(status, _content(response, private), overdue=overdue)
        snapshot = JobSnapshot(asset=AssetState.EXPIRED) if gone else None
    return failure(error, private, snapshot)


def answered(
    status: int, content: bytes, private: Private, *, headers: Mapping[str, str]
) -> JobSnapshot:
    """Say what an answer that the SDK did not take for a video means for the create."""
    if status in _OK:  # accepted, but the SDK could not make sense of the answer
        return decode_video(content, prompt=private.prompt) or UNKNOWN_OUTCOME
    if status in _CLIENT_ERRORS and status not in _IN_THE_AIR:
        return rejected(status, content, prompt=private.prompt)
    if _turned_away(status, headers):
        return JobSnapshot(state=JobState.FAILED, reason=Reason.PROVIDER_ERROR)
    return UNKNOWN_OUTCOME


def failure(error: BaseException, private: Private, snapshot: JobSnapshot | None) -> Failure:
    """Say of which kind an error is and what it says, and what that means for the job."""
    return Failure(_type(error, private), _detail(error, private), snapshot)


def may_send_again(error: BaseException) -> bool:
    """Tell whether a create was provably not accepted."""
    if _never_sent(error):
        return True
    status = getattr(error, "status_code", None)
    response = getattr(error, "response", None)
    return _turned_away(status, response.headers if response is not None else {})


def _turned_away(status: object, headers: Mapping[str, str]) -> bool:
    """Whether the server said that it is too busy to take anything."""
    return status == _TOO_MANY or (status == _UNAVAILABLE and "retry-after" in headers)


def _create_outcome(error: BaseException, private: Private, *, sole: bool) -> JobSnapshot:
    if _never_sent(error) or (sole and (_while_preparing(error) or _not_even_begun(error))):
        return JobSnapshot(state=JobState.FAILED, reason=Reason.NOT_SENT)
    status = getattr(error, "status_code", None)
    response = getattr(error, "response", None)
    if isinstance(status, int) and response is not None:
        content = _content(response, private)
        return answered(status, content, private, headers=response.headers)
    return UNKNOWN_OUTCOME  # cut, timed out, cancelled, or an answer nobody could read


def _never_sent(error: BaseException) -> bool:
    cause = error.__cause__
    return cause is not None and type(cause).__name__ in NEVER_SENT


def _while_preparing(error: BaseException) -> bool:
    """Whether the SDK was still making the request: a token provider raised, a file is closed."""
    return isinstance(error, Exception) and any(
        frame.f_code.co_name in _PREPARING for frame, _ in walk_tb(error.__traceback__)
    )


def _not_even_begun(error: BaseException) -> bool:
    """Whether the transport refused to send: its client is closed, a header is no header."""
    cause = error.__cause__ or error
    if type(cause).__name__ == "LocalProtocolError":
        return str(cause).startswith(_ILLEGAL)
    frames = [frame for frame, _ in walk_tb(cause.__traceback__)]
    if not isinstance(cause, RuntimeError) or not frames or frames[-1].f_code.co_name != "send":
        return False
    return frames[-1].f_globals.get("__name__", "").partition(".")[0] in _TRANSPORTS


def _content(response: Any, private: Private) -> bytes:
    try:
        content = response.content
    except RuntimeError:  # streamed and not read
        return b""
    if not isinstance(content, bytes):
        return b""
    return private.without_key(content.decode("utf-8", "replace")).encode()


def _detail(error: BaseException, private: Private) -> str:
    """Return `Type: message`, scrubbed; from `args` only, `str()` of an exception is foreign."""
    said = " ".join(str(part) for part in error.args if isinstance(part, str | int))
    text = scrub_error(private.without_key(said), private.prompt)
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def _type(error: BaseException, private: Private) -> str:
    code = getattr(error, "code", None)
    if isinstance(code, str) and code and len(code) <= _CODE_CHARS and code.isascii():
        return scrub(private.without_key(code), _CODE_CHARS)
    return type(error).__name__
