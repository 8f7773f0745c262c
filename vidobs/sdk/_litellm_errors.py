"""What an exception that LiteLLM tells its loggers of means for a create, a poll or a download.

LiteLLM raises exceptions of its own, whose status it sometimes makes up: 500 where nothing
answered, 429 because a message speaks of it. What happened stands in the chain behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.jobs import AssetState, JobSnapshot, JobState, Reason
from vidobs.dialects.openai import expired, failed_body, rejected
from vidobs.observer.outcome import UNKNOWN_OUTCOME, Failure
from vidobs.sdk._openai_errors import NEVER_SENT, answered, failure

if TYPE_CHECKING:
    from vidobs.sdk._openai_errors import Private

_NOT_SENT = JobSnapshot(state=JobState.FAILED, reason=Reason.NOT_SENT)

# LiteLLM tries once more on a fresh connection; what was on its way before may have arrived.
_ON_ITS_WAY = frozenset(
    {"RemoteProtocolError", "ReadError", "ReadTimeout", "WriteError", "WriteTimeout", "CloseError"}
)
_MOST = 20  # exceptions of a chain
_REFUSALS = range(400, 500)
_IN_THE_AIR = frozenset({408, 409, 425})  # LiteLLM's own word for a timeout is 408


class Answer(msgspec.Struct, frozen=True):
    """The HTTP answer behind an exception."""

    status: int
    content: bytes
    headers: Mapping[str, str]


def of_create(error: BaseException, private: Private) -> Failure:
    """Say what became of a create that raised: refused, never sent, or unknown."""
    return failure(error, private, _create_outcome(error, private))


def not_sent(error: BaseException, private: Private) -> Failure:
    """Say that LiteLLM refused a create before it sent anything."""
    return failure(error, private, _NOT_SENT)


def of_poll(error: BaseException, private: Private) -> Failure:
    """Say what a poll that raised means: nothing, unless the answer is the failed job."""
    answer = answer_behind(error, private)
    body = None if answer is None else failed_body(answer.content, prompt=private.prompt)
    return failure(error, private, body)


def of_download(error: BaseException, private: Private, *, overdue: bool) -> Failure:
    """Say what a download that raised means for the file; `overdue`: it should be gone by now."""
    answer = answer_behind(error, private)
    gone = answer is not None and expired(answer.status, answer.content, overdue=overdue)
    return failure(error, private, JobSnapshot(asset=AssetState.EXPIRED) if gone else None)


def answer_behind(error: BaseException, private: Private) -> Answer | None:
    """Return the provider's answer; LiteLLM's own exceptions carry an empty one."""
    for link in _chain(error):
        response: Any = getattr(link, "response", None)
        if response is None:
            continue
        try:
            content = response.content
        except RuntimeError:  # streamed and not read
            continue
        if isinstance(content, bytes) and content:
            text = private.without_key(content.decode("utf-8", "replace"))
            return Answer(response.status_code, text.encode(), response.headers)
    return None


def _create_outcome(error: BaseException, private: Private) -> JobSnapshot:
    answer = answer_behind(error, private)
    if answer is not None:
        return answered(answer.status, answer.content, private, headers=answer.headers)
    kinds = {type(link).__name__ for link in _chain(error)}
    if kinds & NEVER_SENT and not kinds & _ON_ITS_WAY:
        return _NOT_SENT
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status in _REFUSALS and status not in _IN_THE_AIR:
        return rejected(status, str(getattr(error, "message", "")), prompt=private.prompt)
    return UNKNOWN_OUTCOME


def _chain(error: BaseException) -> list[BaseException]:
    """The exception, and those during which it was raised."""
    found: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in found and len(found) < _MOST:
        found.append(link)
        link = link.__cause__ or link.__context__
    return found
