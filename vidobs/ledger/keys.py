"""The key of the fingerprints, made once for each ledger and kept in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vidobs.ledger.database import translated

if TYPE_CHECKING:
    from vidobs.ledger.sqlite import SqliteLedger

_NAME = "hash_key"
KEY_BYTES = 32


def fingerprint_key(ledger: SqliteLedger) -> bytes:
    """Return the ledger's key, the same for every process that shares the file."""
    fresh = os.urandom(KEY_BYTES)
    with ledger.lock, translated(ledger.path):
        ledger.connection.execute(
            "INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)", (_NAME, fresh)
        )
        row = ledger.connection.execute("SELECT value FROM meta WHERE key = ?", (_NAME,)).get
    return bytes(row)
