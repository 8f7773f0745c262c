"""The backends of the contract. Another one (PostgreSQL) joins by a class here and a line below."""

import threading

import pytest
from ledger_kit import RULES, Audit, Maker

from vidobs.ledger.outbox import SqliteOutbox
from vidobs.ledger.reader import LedgerReader
from vidobs.ledger.sqlite import SqliteLedger


class File:
    """SQLite in a file: every `ledger()` is a process of its own, as far as the file can tell."""

    def __init__(self, folder) -> None:
        self.path = folder / "ledger.db"
        self._opened = []

    def ledger(self):
        """Open the ledger once more."""
        ledger = SqliteLedger(str(self.path), RULES, route="first,second")
        self._opened.append(ledger)
        return ledger

    def outbox(self):
        """Open the outbox over a connection of its own."""
        ledger = self.ledger()
        return SqliteOutbox(str(self.path), ledger.connection, threading.Lock())

    def reader(self):
        """Open the read model."""
        reader = LedgerReader(str(self.path))
        self._opened.append(reader)
        return reader

    def audit(self):
        """Check what must always hold."""
        return Audit(self.path).check()

    def close(self) -> None:
        """Close everything."""
        for one in self._opened:
            one.close()


class Memory:
    """SQLite in memory: one ledger, which everything shares."""

    def __init__(self, _folder) -> None:
        self._ledger = SqliteLedger(":memory:", RULES, route="first,second")

    def ledger(self):
        """Return the ledger."""
        return self._ledger

    def outbox(self):
        """Open the outbox over the ledger's connection."""
        return SqliteOutbox(":memory:", self._ledger.connection, self._ledger.lock)

    def reader(self):
        """Open the read model over the ledger's connection."""
        return LedgerReader(":memory:", self._ledger)

    def audit(self):
        """Check what must always hold."""
        return Audit.of(self._ledger.connection).check()

    def close(self) -> None:
        """Close it."""
        self._ledger.close()


@pytest.fixture(params=[File, Memory], ids=["file", "memory"])
def backend(request, tmp_path):
    """Give one backend after the other; what every test leaves must pass the audit."""
    backend = request.param(tmp_path)
    yield backend
    backend.audit()
    backend.close()


@pytest.fixture
def ledger(backend):
    """Open the ledger."""
    return backend.ledger()


@pytest.fixture
def make():
    """Make jobs and answers."""
    return Maker()
