"""What guardrails say of a prompt, and of the job that came of it. Pure.

A verdict names the guardrail and its rule, never the text that matched.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.events import EventName, SpanRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.core.jobs import Job

_OF = ": "


class Stage(StrEnum):
    """When a guardrail looks."""

    PROMPT = "prompt"  # before anything is sent
    RESULT = "result"  # after the job ended


class Ruling(StrEnum):
    """What came of looking."""

    PASSED = "passed"  # nothing was found
    FLAGGED = "flagged"  # something was found, and only told
    REDACTED = "redacted"  # something was found, and taken out of the prompt
    BLOCKED = "blocked"  # the prompt is not sent; the result is not handed out


_EVENTS = MappingProxyType(
    {
        Ruling.PASSED: EventName.GUARDRAIL_PASSED,
        Ruling.FLAGGED: EventName.GUARDRAIL_FLAGGED,
        Ruling.REDACTED: EventName.GUARDRAIL_FLAGGED,
        Ruling.BLOCKED: EventName.GUARDRAIL_BLOCKED,
    }
)


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one guardrail said. Times in ns."""

    guardrail: str  # its name in configuration
    stage: Stage
    ruling: Ruling
    rule: str | None = None  # which of its rules found something
    start_ns: int
    end_ns: int
    error_type: str | None = None  # it broke; the ruling is what was set for that
    span: SpanRecord | None = None

    @property
    def event(self) -> EventName:
        """The event that tells of it."""
        return _EVENTS[self.ruling]

    @property
    def detail(self) -> str:
        """What the event says of it: `brands: redacted (names)`."""
        why = self.rule or self.error_type
        return f"{self.guardrail}{_OF}{self.ruling}" + (f" ({why})" if why else "")


def guardrail_of(detail: str | None) -> tuple[str, str]:
    """Return the guardrail that an event's detail names, and what it said.

    >>> guardrail_of("brands: redacted (names)")
    ('brands', 'redacted (names)')
    """
    name, _, said = (detail or "").partition(_OF)
    return name, said


def judged(job: Job, verdicts: Sequence[Verdict]) -> Job:
    """Return the job with what guardrails said of its result; a first block stays."""
    looked = [one for one in verdicts if one.stage is Stage.RESULT]
    if not looked:
        return job
    blocked = next((one.guardrail for one in looked if one.ruling is Ruling.BLOCKED), None)
    return msgspec.structs.replace(
        job,
        guarded=tuple(dict.fromkeys((*job.guarded, *(one.guardrail for one in looked)))),
        withheld=job.withheld or blocked,
    )
