"""`denylist`: words and phrases that may not stand in a prompt."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from vidobs.core.errors import ConfigError
from vidobs.gateway.guardrails.findings import Found, Subject, without
from vidobs.gateway.guardrails.words import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ON_A_THREAD = 2_000  # characters from which on the loop is not kept waiting
MOST_FILE_BYTES = 8 << 20


class Denylist:
    """Finds whole words and phrases, whatever stands between the words of a phrase.

    What it takes grows with the text, not with the list.
    """

    redacts = True
    reads_text = True

    def __init__(self, entries: Iterable[str], *, rule: str = "words", where: str = "") -> None:
        """Raises `ConfigError` for an entry without any word."""
        self._rule = rule
        self._phrases: dict[str, list[tuple[str, ...]]] = {}  # by their first word
        for entry in entries:
            phrase = tuple(word.text for word in words(entry))
            if not phrase:
                place = f"{where}: " if where else ""
                raise ConfigError(f"{place}an entry of the denylist has no word in it")
            self._phrases.setdefault(phrase[0], []).append(phrase)

    async def look(self, subject: Subject, *, redact: bool) -> Found | None:
        """Look at the prompt."""
        text = subject.text or ""
        if text.isascii() or len(text) <= ON_A_THREAD:
            return self.find(text, redact=redact)
        return await asyncio.to_thread(self.find, text, redact=redact)

    async def close(self) -> None:
        """Do nothing: it holds nothing."""

    def find(self, text: str, *, redact: bool) -> Found | None:
        """Return whether an entry stands in a text; with `redact` the text without any of them."""
        spans = self.spans(text)
        first = next(spans, None)
        if first is None:
            return None
        prompt = without(text, [first, *spans]) if redact else None
        return Found(rule=self._rule, prompt=prompt)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where entries stand in a text, by their start; they may overlap."""
        found = list(words(text))
        folded = [word.text for word in found]
        for at, first in enumerate(folded):
            for phrase in self._phrases.get(first, ()):
                end = at + len(phrase)
                if tuple(folded[at:end]) == phrase:
                    yield found[at].start, found[end - 1].end


def read_words(path: str, where: str) -> list[str]:
    """Return the entries of a file: one in a line; `#` begins a comment.

    Raises:
        ConfigError: it cannot be read, or is no text.
    """
    try:
        data = Path(path).expanduser().read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{where}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: {path} is not UTF-8: byte {error.start}") from None
    if len(data) > MOST_FILE_BYTES:
        raise ConfigError(f"{where}: {path} has more than {MOST_FILE_BYTES} bytes")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]
