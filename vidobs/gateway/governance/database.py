"""The gateway's own file: what it is, and what its errors mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vidobs.core.errors import VidobsError
from vidobs.gateway.sqlite_file import FileKind

if TYPE_CHECKING:
    import apsw

HOME = "vidobs.gateway.governance"
FILE_NAME = "gateway.db"


class StoreError(VidobsError):
    """The file of keys and budgets cannot be used."""


class StaleAccountError(VidobsError):
    """Somebody else changed the account meanwhile; look again."""


class AliasTakenError(VidobsError):
    """Another account of the kind has this alias or id."""


KIND = FileKind(
    what="keys and budgets",
    error=StoreError,
    application_id=0x76696467,  # "vidg"
    home=HOME,
    wait_ms=5000,  # admins wait for each other, and the gateway's answers come from memory
    pragmas=("wal_autocheckpoint = 0",),  # see `Keeper`
)


def beside(ledger_path: str) -> str:
    """Return where the gateway's file lies by default."""
    return str(Path(ledger_path).with_name(FILE_NAME))


def open_file(path: str, *, full_sync: bool = True) -> apsw.Connection:
    """Open, and if need be make, the gateway's file; only its owner may read it.

    Raises:
        StoreError: it is something else, of a newer version, or cannot be used.
    """
    connection = KIND.open(path)
    connection.execute(f"PRAGMA synchronous = {'FULL' if full_sync else 'NORMAL'}")
    return connection
