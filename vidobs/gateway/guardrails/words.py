"""Words of a text as a denylist compares them: by meaning, not by how they are spelled. Pure.

Compatibility forms (full-width letters, ligatures), case, accents of Latin, Greek and Cyrillic
letters and characters that nobody sees (soft hyphens, zero-width and direction marks) make no
difference. Letters of other alphabets that only look alike do.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_ACCENTS = range(0x0300, 0x0370)  # combining diacritical marks
_SELECTORS = range(0xFE00, 0xFE10)  # how a symbol is drawn
_UNSPACED = (  # scripts without spaces between words: each character is a word
    range(0x0E00, 0x0F00), range(0x1000, 0x10A0), range(0x1780, 0x1800), range(0x3040, 0x3100),
    range(0x31F0, 0x3200), range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0xF900, 0xFB00),
    range(0x20000, 0x32000),
)  # fmt: skip
_ASCII = re.compile(r"[a-z0-9]+|[$+<=>^`|~]")


class Word(msgspec.Struct, frozen=True):
    """A word, and where in the text it stands."""

    text: str  # folded
    start: int
    end: int


class _Kind(Enum):
    LETTER = auto()  # part of a word
    MARK = auto()  # belongs to what is before it
    ALONE = auto()  # a word of its own: a symbol, or of a script without spaces
    BETWEEN = auto()  # punctuation, white space


def words(text: str) -> Iterator[Word]:
    """Yield the words of a text, folded. Punctuation and white space are none; a symbol is one."""
    if text.isascii():
        for found in _ASCII.finditer(text.lower()):
            yield Word(found[0], found.start(), found.end())
        return
    yield from _any_words(text)


def _any_words(text: str) -> Iterator[Word]:
    word: Word | None = None
    grows = False  # a letter may follow
    for at, char in enumerate(text):
        parts = _folded(char)
        if not parts and word is not None and word.end == at and unicodedata.combining(char):
            word = Word(word.text, word.start, at + 1)  # an accent belongs to its letter
        for part, kind in parts:
            joins = kind is _Kind.MARK or (kind is _Kind.LETTER and grows)
            if word is not None and joins:
                word = Word(word.text + part, word.start, at + 1)
                continue
            if word is not None:
                yield word
            word = None if kind in (_Kind.BETWEEN, _Kind.MARK) else Word(part, at, at + 1)
            grows = kind is _Kind.LETTER
    if word is not None:
        yield word


@lru_cache(maxsize=4096)
def _folded(char: str) -> tuple[tuple[str, _Kind], ...]:
    """What a character comes to; nothing where nobody sees it."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    return tuple((part, _kind(part)) for part in plain if not _unseen(part))


def _unseen(char: str) -> bool:
    code = ord(char)
    return code in _ACCENTS or code in _SELECTORS or unicodedata.category(char) in ("Cf", "Cs")


def _kind(char: str) -> _Kind:
    category = unicodedata.category(char)
    if category[0] == "M":
        return _Kind.MARK
    if category[0] in "LN":
        code = ord(char)
        return _Kind.ALONE if any(code in script for script in _UNSPACED) else _Kind.LETTER
    if category[0] in "ZP" or category == "Cc":
        return _Kind.BETWEEN
    return _Kind.ALONE
