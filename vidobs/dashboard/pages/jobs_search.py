"""What is typed to find jobs: ids, `tag:NAME=VALUE`, `user:NAME`, else words of the prompt."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec

from vidobs.dashboard.page import BadQueryError

MOST_CHARS = 500
DIGITS_OF_TIME = 12  # that our ids begin with: the millisecond
_TERM = re.compile(r'(tag|user):(?:"([^"]*)"|(\S+))')
_OURS = re.compile(r"job_([0-9a-f]{0,32})")
_BARE = re.compile(r"[0-9a-f]{8,32}")  # shorter ones may be words
_WHOLE = 32  # hex digits of an id
_BITS_PER_DIGIT = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 1, 1, tzinfo=UTC)


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked for. At most one of `word`, a single one that may be an id, and `words`."""

    tags: tuple[tuple[str, str], ...] = ()
    users: tuple[str, ...] = ()
    words: str | None = None

    @property
    def may_be_id(self) -> bool:
        """Whether the words may be somebody's id: there is one only."""
        return self.words is not None and not re.search(r"\s", self.words)

    @property
    def digits(self) -> str | None:
        """The hex digits that our id begins with, where the words look like one."""
        if self.words is None:
            return None
        word = self.words.lower()
        ours = _OURS.fullmatch(word)
        if ours is not None:
            return ours[1]
        return word if _BARE.fullmatch(word) else None

    @property
    def whole_id(self) -> str | None:
        """Our id, where the words are one."""
        digits = self.digits
        return f"job_{digits}" if digits is not None and len(digits) == _WHOLE else None


def read_search(text: str | None) -> Search:
    """Take a search apart.

    Raises:
        BadQueryError: it is too long, or a tag has no value.
    """
    if text is None:
        return Search()
    if len(text) > MOST_CHARS:
        raise BadQueryError(f"q has more than {MOST_CHARS} characters")
    tags: list[tuple[str, str]] = []
    users: list[str] = []
    for kind, quoted, plain in _TERM.findall(text):
        value = quoted or plain
        if kind == "user":
            users.append(value)
        else:
            tags.append(read_tag(value, "q=tag:"))
    words = " ".join(_TERM.sub(" ", text).split())
    return Search(tags=tuple(tags), users=tuple(users), words=words or None)


def read_tag(text: str, where: str = "tag=") -> tuple[str, str]:
    """Read NAME=VALUE.

    Raises:
        BadQueryError: it has no `=`, or no name.
    """
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise BadQueryError(f"{where}{text[:80]!r}: write the tag as NAME=VALUE")
    return name, value


def created_between(digits: str) -> tuple[datetime, datetime] | None:
    """Return when jobs were created whose ids begin so, `[since, until)`; `None`: no time fits."""
    shown = digits[:DIGITS_OF_TIME]
    rest = _BITS_PER_DIGIT * (DIGITS_OF_TIME - len(shown))
    first = int(shown or "0", 16) << rest
    last = first + (1 << rest)
    try:
        since = _EPOCH + timedelta(milliseconds=first)
    except OverflowError:
        return None
    most = (_LAST - _EPOCH) // timedelta(milliseconds=1)
    return since, _EPOCH + timedelta(milliseconds=min(last, most))
