"""What guardrails look at, and what they find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from vidobs.core.jobs import Job
from vidobs.gateway.seams import Ask, Principal

if TYPE_CHECKING:
    from collections.abc import Sequence

REDACTED = "[redacted]"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A guardrail found something. `rule` says by which of its rules, never what it was.

    `prompt` is the prompt without it, where the guardrail knows how to take it out.
    """

    rule: str | None = None
    prompt: str | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt before it leaves (`ask`), or a job that ended (`job`)."""

    text: str | None  # the prompt, where it is known
    principal: Principal
    ask: Ask | None = None
    job: Job | None = None
    content_url: str | None = None  # where the video can be had, for who has a key


class CheckError(Exception):
    """A guardrail could not look. `cause` names what went wrong, without its text."""

    def __init__(self, cause: str, *, passing: bool) -> None:
        super().__init__(cause)
        self.cause = cause
        self.passing = passing  # it may work in a moment


class Check(Protocol):
    """Looks for one kind of thing."""

    @property
    def redacts(self) -> bool:
        """Whether it can take out what it finds."""
        ...

    @property
    def reads_text(self) -> bool:
        """Whether it has nothing to look at where the prompt is not known."""
        ...

    async def look(self, subject: Subject, *, redact: bool) -> Found | None:
        """Return what is found; with `redact` also the prompt without it.

        Raises:
            CheckError: it could not look.
        """
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...


def without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return a text with a mark in the place of each span; spans that touch get one."""
    kept, end = [], -1
    for start, stop in sorted(spans):
        if start > end or end < 0:
            kept.append(text[max(end, 0) : start] + REDACTED)
        end = max(end, stop)
    return "".join(kept) + text[max(end, 0) :]
