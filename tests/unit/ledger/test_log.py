"""The write-ahead log starts over, although somebody always writes."""

import threading
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from ledger_kit import RULES, Maker

from vidobs.ledger.outbox import SqliteOutbox
from vidobs.ledger.sqlite import SqliteLedger

JOBS = 200
NAME = "somebody-writes"


class Disk(apsw.VFS):
    """A disk whose syncs take so long that somebody else writes meanwhile, so many times."""

    def __init__(self, write, times):
        super().__init__(NAME, "")
        self._write = write
        self._left = times

    def xOpen(self, name, flags):  # noqa: N802 - SQLite's name
        """Open a file."""
        return File(name, flags, self.pause)

    def pause(self):
        """Let somebody write."""
        if self._left:
            self._left -= 1
            self._write()


class File(apsw.VFSFile):
    """A file on such a disk."""

    def __init__(self, name, flags, pause):
        super().__init__("", name, flags)
        self._pause = pause

    def xSync(self, flags):  # noqa: N802 - SQLite's name
        """Take long."""
        self._pause()
        super().xSync(flags)


@pytest.mark.parametrize("times", [0, 1, 5])
def test_the_log_starts_over_although_somebody_writes(tmp_path, times):
    """What is added while it is moved is moved as well: the next write begins at its start."""
    path, make = str(tmp_path / "ledger.db"), Maker()
    with closing(SqliteLedger(path, RULES)) as ledger:
        disk = Disk(lambda: ledger.intend(make.job()), times)
        for _ in range(JOBS):
            ledger.intend(make.job())
        before = Path(path + "-wal").stat().st_size

        with closing(apsw.Connection(path, vfs=NAME)) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("SELECT count(*) FROM job").fetchall()
            SqliteOutbox(path, connection, threading.Lock()).checkpoint()
        for _ in range(JOBS // 2):
            ledger.intend(make.job())

        assert Path(path + "-wal").stat().st_size < before * 1.25  # and not half as long again
        disk.unregister()
