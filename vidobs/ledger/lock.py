"""The lock around a connection: threads of one process wait together no longer than a write may."""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

import apsw

from vidobs.core.errors import LedgerBusyError
from vidobs.ledger.database import WRITE_WAIT_MS, ledger_error

if TYPE_CHECKING:
    from typing import Self

_WAIT_S = WRITE_WAIT_MS / 1000


class WriteLock:
    """Held while a connection is used. What was waited for it, is not waited for the file again."""

    def __init__(self, path: str, connection: apsw.Connection) -> None:
        self._path = path
        self._connection = connection
        self._lock = Lock()
        self._shortened = False

    def acquire(self) -> None:
        """Take the lock within 25 ms, or raise `LedgerBusyError`."""
        if not self._lock.acquire(blocking=False):
            self._wait()

    def release(self) -> None:
        """Give the lock back."""
        try:
            if self._shortened:
                self._shortened = False
                self._connection.set_busy_timeout(WRITE_WAIT_MS)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection as soon as nobody uses it."""
        with self._lock:
            self._connection.close()

    def abandon(self) -> None:
        """Close the connection without touching the file, unless somebody uses it for long."""
        if not self._lock.acquire(timeout=_WAIT_S):
            return
        try:
            self._give_up()
        except apsw.ConnectionClosedError:
            pass
        finally:
            self._lock.release()

    def try_acquire(self, timeout_s: float) -> bool:
        """Take the lock for something else than a write; tell whether that worked."""
        return self._lock.acquire(timeout=timeout_s)

    def forget(self) -> None:
        """Close the connection in a forked child, where no other thread can use it."""
        with suppress(apsw.Error):
            self._give_up()

    def __enter__(self) -> Self:
        """Take the lock."""
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the lock back."""
        self.release()

    def _give_up(self) -> None:
        self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._connection.close(True)  # noqa: FBT003 - apsw takes `force` by position

    def _wait(self) -> None:
        started = time.monotonic()
        if not self._lock.acquire(timeout=_WAIT_S):
            msg = f"ledger {self._path}: another thread of this process holds it"
            raise LedgerBusyError(msg)
        left_s = _WAIT_S - (time.monotonic() - started)
        try:
            self._connection.set_busy_timeout(max(1, int(left_s * 1000)))
            self._shortened = True
        except apsw.Error as error:  # closed meanwhile
            self._lock.release()
            raise ledger_error(error, self._path) from error
