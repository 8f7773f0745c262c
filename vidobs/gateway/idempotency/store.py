"""Where first answers are kept: a SQLite file beside the ledger, behind a protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from vidobs.core.errors import LedgerUnusableError
from vidobs.gateway.sqlite_file import MEMORY, FileKind, queries

if TYPE_CHECKING:
    import apsw

_HOME = "vidobs.gateway.idempotency"
KIND = FileKind(
    what="idempotency keys",
    error=LedgerUnusableError,
    application_id=0x76696469,  # "vidi"
    home=_HOME,
    wait_ms=25,
    pragmas=("synchronous = NORMAL",),
)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key that was used before."""

    request_hash: str  # empty after a purge
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
        self._path = path or MEMORY
        self._sql = queries(_HOME)
        self._connection = KIND.open(self._path)

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
        with KIND.translated(self._path):
            return self._connection.execute(self._sql[query], bindings)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[tuple[bytes, bytes], ...]).decode
