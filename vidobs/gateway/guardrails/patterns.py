"""`regex`: patterns that may not stand in a prompt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vidobs.gateway.guardrails.findings import CheckError, Found, Subject, without
from vidobs.gateway.guardrails.lazy import TooManyStepsError
from vidobs.gateway.guardrails.linear import Linear

if TYPE_CHECKING:
    from collections.abc import Mapping

ON_A_THREAD = 2_000  # characters from which on the loop is not kept waiting


class Patterns:
    """Finds what one of several regular expressions fits."""

    redacts = True
    reads_text = True

    def __init__(self, patterns: Mapping[str, str], *, where: str = "regex") -> None:
        """`patterns` by the name of the rule. Raises `ConfigError` for one that cannot be used."""
        self._patterns = {
            rule: Linear(pattern, f"{where}.{rule}") for rule, pattern in patterns.items()
        }

    async def look(self, subject: Subject, *, redact: bool) -> Found | None:
        """Look at the prompt.

        Raises:
            CheckError: it is made to take too long.
        """
        text = subject.text or ""
        try:
            if len(text) <= ON_A_THREAD:
                return self.find(text, redact=redact)
            return await asyncio.to_thread(self.find, text, redact=redact)
        except TooManyStepsError:
            raise CheckError("TooManySteps", passing=False) from None

    async def close(self) -> None:
        """Do nothing: it holds nothing."""

    def find(self, text: str, *, redact: bool) -> Found | None:
        """Return the first rule that fits; with `redact` the text without what any of them fits."""
        fitting = {}
        for rule, pattern in self._patterns.items():
            if pattern.fits(text):
                if not redact:
                    return Found(rule=rule)
                fitting[rule] = pattern
        if not fitting:
            return None
        spans = [span for pattern in fitting.values() for span in pattern.spans(text)]
        return Found(rule=next(iter(fitting)), prompt=without(text, spans))
