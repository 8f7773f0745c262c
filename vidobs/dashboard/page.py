"""What a page is: an address, a question, the struct that answers, the template that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from vidobs.dashboard.desk import Desk

Answer = TypeVar("Answer", bound=msgspec.Struct)
_MOST_DIGITS = 19


class NotThereError(Exception):
    """There is nothing at this address; the message says what was looked for."""


class BadQueryError(Exception):
    """A parameter of the address makes no sense; the message says which, and what would."""


class ElsewhereError(Exception):
    """The answer stands at another page: its path, such as `/jobs/job_1`, without a query."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Asked(msgspec.Struct, frozen=True):
    """What an address asks for: the parts of its path and its parameters, each as it was given."""

    path: Mapping[str, str] = {}
    query: Mapping[str, tuple[str, ...]] = {}

    def one(self, name: str) -> str | None:
        """Return the last value of a parameter, `None` where it is missing or empty."""
        values = self.query.get(name, ())
        return values[-1].strip() or None if values else None

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a parameter that is not empty."""
        return tuple(value.strip() for value in self.query.get(name, ()) if value.strip())

    def number(self, name: str, default: int, *, most: int) -> int:
        """Return a whole number between 0 and `most`.

        Raises:
            BadQueryError: it is none.
        """
        given = self.one(name)
        if given is None:
            return default
        digits = given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS
        if not digits or int(given) > most:
            raise BadQueryError(f"{name}={given[:50]!r} is no number between 0 and {most}")
        return int(given)


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of a page, for its OpenAPI description."""

    name: str
    doc: str
    where: str = "query"  # or "path"
    many: bool = False  # may be repeated
    choices: tuple[str, ...] = ()  # none: free text


class Page(msgspec.Struct, Generic[Answer], frozen=True, kw_only=True):
    """One page. `answer` runs on a thread and may read files; it raises the errors above."""

    name: str  # such as `jobs`; the menu marks it
    path: str  # such as `/jobs/{job_id}`
    title: str
    doc: str  # one line, for OpenAPI
    template: str
    struct: type[Answer]
    answer: Callable[[Desk, Asked], Answer]
    parameters: tuple[Parameter, ...] = ()
    menu: bool = True

    @property
    def api_path(self) -> str:
        """The address of its JSON twin."""
        return "/api" + ("/overview" if self.path == "/" else self.path)
