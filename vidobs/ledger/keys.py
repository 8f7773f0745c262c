"""The key of the fingerprints, made with the ledger and kept in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    import apsw

KEY_NAME = "hash_key"
KEY_BYTES = 32


def fingerprint_key(connection: apsw.Connection) -> bytes:
    """Return the ledger's key, the same for every process that shares the file."""
    return bytes(connection.execute(queries()["key"], (KEY_NAME,)).get)
