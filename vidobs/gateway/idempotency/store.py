"""Where first answers are kept: a SQLite file beside the ledger, behind a protocol."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import apsw
import msgspec

from vidobs.core.errors import LedgerUnusableError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MEMORY = ":memory:"
_WAIT_MS = 25


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key that was used before."""

    request_hash: str
    job_id: str  # of the last attempt
    status: int | None = None  # None: whoever sent it never heard the answer
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


class Answers(Protocol):
    """Keeps first answers. Every call is short and may be made in the event loop.

    All raise `LedgerUnusableError` where the store cannot be used: nothing is sent then.
    """

    def find(self, scope: bytes, *, after_us: int) -> Kept | None:
        """Return what is known of a key that was used after a time."""
        ...

    def claim(self, scope: bytes, kept: Kept, *, at_us: int) -> None:
        """Note, before a create is sent, that it is."""
        ...

    def finish(self, scope: bytes, kept: Kept) -> None:
        """Note the answer."""
        ...

    def drop(self, scope: bytes) -> None:
        """Forget a key: nothing was accepted, and it may be used again."""
        ...

    def sweep(self, *, before_us: int) -> None:
        """Forget the keys that were used before a time."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...


class SqliteAnswers:
    """The answers of one machine."""

    def __init__(self, path: str | None) -> None:
        """Open the file; without a path they are lost with the process."""
        self._path = path or _MEMORY
        try:
            if path is not None:
                Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                Path(path).touch(mode=0o600)  # nobody else reads what was answered
            self._connection = apsw.Connection(self._path)
            self._connection.set_busy_timeout(_WAIT_MS)
            if path is not None:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_text("answers.sql"))
        except (apsw.Error, OSError) as error:
            raise self._broken(error) from error

    def find(self, scope: bytes, *, after_us: int) -> Kept | None:
        """Return what is known of a key that was used after a time."""
        row: Any = self._do("find", scope, after_us).fetchone()
        if row is None:
            return None
        request_hash, job_id, status, headers, body = row
        return Kept(
            request_hash=request_hash,
            job_id=job_id,
            status=status,
            headers=() if headers is None else _decode(headers),
            body=body or b"",
        )

    def claim(self, scope: bytes, kept: Kept, *, at_us: int) -> None:
        """Note, before a create is sent, that it is."""
        self._do("claim", scope, kept.request_hash, kept.job_id, at_us)

    def finish(self, scope: bytes, kept: Kept) -> None:
        """Note the answer."""
        self._do("finish", kept.status, _encode(kept.headers), kept.body, scope)

    def drop(self, scope: bytes) -> None:
        """Forget a key."""
        self._do("drop", scope)

    def sweep(self, *, before_us: int) -> None:
        """Forget the keys that were used before a time."""
        self._do("sweep", before_us)

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def _do(self, query: str, *bindings: apsw.SQLiteValue) -> apsw.Cursor:
        try:
            return self._connection.execute(_queries()[query], bindings)
        except apsw.Error as error:
            raise self._broken(error) from error

    def _broken(self, error: apsw.Error | OSError) -> LedgerUnusableError:
        return LedgerUnusableError(
            f"{self._path} cannot be used for idempotency keys ({type(error).__name__}: {error})"
        )


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[tuple[bytes, bytes], ...]).decode


@cache
def _queries() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for part in _text("queries.sql").split("-- ")[1:]:
        name, _, statement = part.partition(" --\n")
        found[name] = statement.strip()
    return found


def _text(name: str) -> str:
    return files("vidobs.gateway.idempotency").joinpath(name).read_text("utf-8")
