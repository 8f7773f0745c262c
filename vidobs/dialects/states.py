"""What a provider's word for a state or an error means.

One map for every server that speaks the OpenAI Videos protocol or something close to it; a word
that is not in it leaves the state open and is kept as it came.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from vidobs.core.jobs import JobState, Reason

_WORDS = {
    JobState.QUEUED: (
        "queued pending submitted not_start notstarted preparing preprocessing starting created "
        "waiting "
        "PENDING THROTTLED IN_QUEUE SUSPENDED NOT_START SUBMITTED"
    ),
    JobState.IN_PROGRESS: (
        "in_progress processing running generating dreaming requires_action requires_continuation "
        "RUNNING IN_PROGRESS InProgress"
    ),
    JobState.COMPLETED: (
        "completed complete succeeded succeed success done finished "
        "SUCCEEDED SUCCESS COMPLETED Completed"
    ),
    JobState.FAILED: "failed fail failure error incomplete budget_exceeded FAILED FAILURE Failed",
    JobState.CANCELLED: "cancelled canceled deleted CANCELED CANCELLED",
    JobState.EXPIRED: "expired EXPIRED UNKNOWN",  # UNKNOWN: DashScope, 24 h later
}
STATES = MappingProxyType(
    {word: state for state, words in _WORDS.items() for word in words.split()}
)


def state_of(raw: str) -> JobState | None:
    """Return what a raw status means; `None` where nobody told us."""
    state = STATES.get(raw)
    return state if state is not None else STATES.get(raw.lower())


_MODERATION_CODE = re.compile(
    r"moderat|sentinel|content_?filter|content_?policy|policy_?violation|responsible_?ai|sensitive"
    r"|^safety|unsafe|nsfw|guardrail|data_?inspection|prohibited|inappropriate|rai_?filter",
    re.IGNORECASE,
)
_MODERATION_TEXT = re.compile(
    r"moderation|content polic|content filter|usage polic|safety (?:system|filter|guardrail)"
    r"|guardrail|sensitive content|inappropriate content|responsible ?ai|flagged as unsafe",
    re.IGNORECASE,
)
_SIDE = re.compile(
    r"(?P<output>output|generated|result)|input|prompt|upload|sentinel", re.IGNORECASE
)
_CODES = (
    (Reason.QUOTA, r"quota|billing|budget|credit|balance|arrear|insufficient_funds|payment"),
    (Reason.RATE_LIMITED, r"rate_?limit|too_?many|throttl|concurren|exhausted"),
    (Reason.TIMEOUT, r"time_?d?_?out|deadline"),
    (
        Reason.AUTH,
        r"api_?key|authenticat|unauthori|permission|forbidden|access_?denied|not_verified",
    ),
    (
        Reason.INVALID_REQUEST,
        r"invalid|unsupported|missing|bad_?request|not_?found|unprocessable|validation|too_?(?:large|long)",
    ),
)
_BY_CODE = tuple((reason, re.compile(words, re.IGNORECASE)) for reason, words in _CODES)
_BY_STATUS = MappingProxyType(
    {
        "400": Reason.INVALID_REQUEST,
        "401": Reason.AUTH,
        "402": Reason.QUOTA,
        "403": Reason.AUTH,
        "404": Reason.INVALID_REQUEST,
        "408": Reason.TIMEOUT,
        "413": Reason.INVALID_REQUEST,
        "415": Reason.INVALID_REQUEST,
        "422": Reason.INVALID_REQUEST,
        "429": Reason.RATE_LIMITED,
        "504": Reason.TIMEOUT,
    }
)


def reason_of(
    code: str | int | None, message: str | None = None, raw_status: str | None = None
) -> Reason:
    """Return why a job failed, from the provider's code, its message and its status.

    A filter that stops an accepted job is taken to have seen the output, unless the code or the
    message speaks of the input. What is not known is the provider's error.
    """
    if code is None and message and " " not in message:
        code = message  # some servers have one field for both
    word = "" if code is None else str(code)
    if _MODERATION_CODE.search(word) or (message and _MODERATION_TEXT.search(message)):
        return _moderated(word, message or "")
    if word in _BY_STATUS:
        return _BY_STATUS[word]
    for reason, words in _BY_CODE:
        if words.search(word):
            return reason
    return Reason.QUOTA if raw_status == "budget_exceeded" else Reason.PROVIDER_ERROR


def _moderated(code: str, message: str) -> Reason:
    """Which side of the model the filter stood on: the first word that says it, the code first."""
    side = _SIDE.search(code) or _SIDE.search(message)
    if side is None or side["output"]:
        return Reason.MODERATION_OUTPUT
    return Reason.MODERATION_INPUT
