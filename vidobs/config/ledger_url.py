"""Where the ledger is, in SQLAlchemy's form.

https://docs.sqlalchemy.org/en/20/core/engines.html#sqlite: three slashes and a relative path, or
four slashes for an absolute one.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from vidobs.core.errors import ConfigError
from vidobs.core.scrub import scrub

FORMS = "sqlite:///relative.db, sqlite:////absolute.db, memory:"
_IN_MEMORY = frozenset({"memory:", "sqlite://", "sqlite:///", "sqlite:///:memory:"})
_SQLITE = "sqlite:///"


class LedgerUrl(msgspec.Struct, frozen=True):
    """A ledger's place: an absolute path of a SQLite file, or `None` for one in memory."""

    path: str | None = None

    @property
    def in_memory(self) -> bool:
        """Whether it is gone when the process ends."""
        return self.path is None

    def __str__(self) -> str:
        return "memory:" if self.path is None else f"{_SQLITE}{self.path}"


def default_ledger() -> LedgerUrl:
    """Return the file in the user's state directory; nothing is created."""
    import platformdirs

    return LedgerUrl(str(Path(platformdirs.user_state_dir("vidobs", appauthor=False), "ledger.db")))


def ledger_url(value: object, where: str = "ledger") -> LedgerUrl:
    """Read a URL, or a path object. A relative path starts at the working directory of this moment.

    Raises:
        ConfigError: it is none of the forms that vidobs opens; the message starts with `where`.
    """
    if isinstance(value, LedgerUrl):
        return value
    if isinstance(value, os.PathLike):
        return _file(os.fspath(value))
    if not isinstance(value, str):
        raise ConfigError(f"{where}: got {type(value).__name__}; write one of: {FORMS}")
    try:
        return _parse(value)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _parse(url: str) -> LedgerUrl:
    if url in _IN_MEMORY:
        return LedgerUrl()
    scheme, colon, _ = url.partition(":")
    if scheme.startswith("postgres") and colon:
        raise ConfigError(f"PostgreSQL is not there yet; use one of: {FORMS}")
    if not url.startswith(_SQLITE):
        hint = "" if "://" in url else f"; did you mean '{_SQLITE}{url}'?"
        raise ConfigError(f"cannot open {scrub(url, 200)!r}; write one of: {FORMS}{hint}")
    path, question_mark, _ = url.removeprefix(_SQLITE).partition("?")
    if question_mark:
        raise ConfigError(f"parameters behind '?' are not known; write one of: {FORMS}")
    return _file(path)


def _file(path: str) -> LedgerUrl:
    if "\0" in path:
        raise ConfigError("a path cannot hold a NUL character")
    return LedgerUrl(str(Path.cwd() / Path(path).expanduser()))
