"""A guardrail: a check, what becomes of what it finds, and for whom it looks."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.verdicts import Ruling, Stage, Verdict
from vidobs.gateway.guardrails.findings import Check, CheckError, Found, Subject

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_CHARS = 32_768  # of a prompt that is looked at; the API takes no longer one


class Mode(StrEnum):
    """What becomes of what is found."""

    BLOCK = "block"  # the prompt is not sent, the video not handed out
    REDACT = "redact"  # it is taken out of the prompt
    LOG = "log"  # it is told, and nothing else


class OnError(StrEnum):
    """What happens where a guardrail could not look."""

    CLOSED = "closed"  # as if it had found something
    OPEN = "open"  # as if it had found nothing


_RULING = {Mode.BLOCK: Ruling.BLOCKED, Mode.REDACT: Ruling.REDACTED, Mode.LOG: Ruling.FLAGGED}


class Guardrail(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the list."""

    name: str
    check: Check
    mode: Mode = Mode.BLOCK
    stages: frozenset[Stage] = frozenset({Stage.PROMPT})
    keys: frozenset[str] = frozenset()  # ids or aliases; none: everybody's
    models: frozenset[str] = frozenset()  # names of `model_list`; none: all
    on_error: OnError = OnError.CLOSED

    def concerns(self, stage: Stage, keys: frozenset[str], model: str | None) -> bool:
        """Whether it looks at what somebody with one of these keys makes of a model."""
        return (
            stage in self.stages
            and (not self.keys or bool(self.keys & keys))
            and (not self.models or model in self.models)
        )


class Looked(msgspec.Struct, frozen=True):
    """What came of looking once."""

    verdict: Verdict
    prompt: str | None = None  # the prompt to go on with
    again: bool = False  # it could not look now, and may in a moment


async def look(
    guardrail: Guardrail,
    subject: Subject,
    stage: Stage,
    *,
    time_ns: Callable[[], int] = time.time_ns,
) -> Looked:
    """Let a guardrail look; whatever goes wrong in it is part of the verdict."""
    start_ns = time_ns()
    found: Found | None = None
    error: CheckError | None = None
    try:
        if subject.text is not None and len(subject.text) > MOST_CHARS:
            raise CheckError("TooLong", passing=False)  # noqa: TRY301 - told as those of the check
        redact = guardrail.mode is Mode.REDACT and stage is Stage.PROMPT
        found = await guardrail.check.look(subject, redact=redact)
    except CheckError as raised:
        error = raised
    verdict = Verdict(
        guardrail=guardrail.name,
        stage=stage,
        ruling=_ruling(guardrail, found, error),
        rule=None if found is None else found.rule,
        start_ns=start_ns,
        end_ns=time_ns(),
        error_type=None if error is None else error.cause,
    )
    redacted = verdict.ruling is Ruling.REDACTED and found is not None
    prompt = found.prompt if redacted and found is not None else subject.text
    return Looked(verdict, prompt, again=error is not None and error.passing)


def _ruling(guardrail: Guardrail, found: Found | None, error: CheckError | None) -> Ruling:
    if error is not None:
        stops = guardrail.on_error is OnError.CLOSED and guardrail.mode is not Mode.LOG
        return Ruling.BLOCKED if stops else Ruling.FLAGGED
    return Ruling.PASSED if found is None else _RULING[guardrail.mode]
