"""Starts the process that delivers, looks after it, and ends it."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING

import msgspec

from vidobs.delivery.relay_worker import CHECK_S
from vidobs.delivery.worker import Rest, Worker
from vidobs.runtime.apart import messages
from vidobs.runtime.apart.messages import End, Flush, Flushed, Logged, Wake

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.config import Loaded
    from vidobs.core.protocols import RelayListener
    from vidobs.delivery.worker import Report
    from vidobs.runtime.apart.messages import Asked

FIRST_REST_S, LONGEST_REST_S = 1.0, 60.0  # before one that ended by itself is started again
_KILLED_S = 1.0  # for the system to take a killed process away
_OF_THE_END = 0.8  # of the time that the process has, for the exporters; the rest is its own
_WAKE = Wake()
_BEGIN = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from vidobs.runtime.apart.child import main; main()"
)
_log = logging.getLogger("vidobs")


class RelayProcess:
    """Another process with the exporters of some settings. Starts when `waits()` says so.

    `waits()` tells whether anything is to be delivered; it may be slow, and raise. What the
    process tells of exporters is handed on to `listener`, on a thread. One that ends by itself is
    started again, after a rest.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        waits: Callable[[], bool],
        listener: RelayListener,
        report: Report,
    ) -> None:
        self._order = pickle.dumps(sys.path) + pickle.dumps(loaded)
        self._waits = waits
        self._listener = listener
        self._child: _Child | None = None
        self._ends = 0  # by itself, in a row
        self._retry_at_s = 0.0
        self._worker = Worker("vidobs-relay", self._turn, report=report, finish=_nothing)

    @property
    def pid(self) -> int | None:
        """The id of the process, while there is one."""
        child = self._child
        return child.pid if child is not None and child.alive else None

    def start(self) -> None:
        """Start it if anything waits."""
        self._worker.wake()

    def wake(self) -> None:
        """Say that there is something to deliver; never waits for it."""
        child = self._child
        if child is None or not child.ask(_WAKE):
            self._worker.wake()

    def flush(self, deadline: float) -> None:
        """Have everything delivered; return when it is, or cannot be, or the time is over."""
        self._worker.settle(deadline)
        child = self._child
        if child is not None:
            child.flush(deadline)

    def close(self, deadline: float) -> None:
        """End the process, by force where it takes longer."""
        self._worker.stop()
        self._worker.join(deadline)
        if self._child is not None:
            self._child.end(deadline)

    def _turn(self) -> Rest:
        child = self._child
        if child is not None and child.alive:
            return Rest(CHECK_S)
        if child is not None:
            self._child = None
            self._note_end(*child.end_of_life())
        rest_s = self._retry_at_s - time.monotonic()
        if rest_s > 0:
            return Rest(rest_s, idle=False, futile_s=rest_s)
        if self._waits():
            self._child = _Child(self._order, self._listener, self._worker.wake)
        return Rest(CHECK_S)

    def _note_end(self, how: str, lived_s: float) -> None:
        self._ends = self._ends + 1 if lived_s < LONGEST_REST_S else 1
        rest_s = min(FIRST_REST_S * 2 ** (self._ends - 1), LONGEST_REST_S)
        self._retry_at_s = time.monotonic() + rest_s
        _log.warning(
            "the process that delivers to exporters %s; another one is started in %.0f s",
            how,
            rest_s,
        )


class _Child:
    """One run of the process."""

    def __init__(self, order: bytes, listener: RelayListener, on_end: Callable[[], object]) -> None:
        self._listener = listener
        self._on_end = on_end
        self._since_s = time.monotonic()
        self._condition = threading.Condition()
        self._asked = self._flushed = 0
        self._over = False
        self._process = subprocess.Popen(  # noqa: S603 - our own code in our own interpreter
            [sys.executable, "-c", _BEGIN, "vidobs-relay"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for the one that serves
        )
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        assert self._process.stdout is not None  # noqa: S101
        self._stdin = self._process.stdin
        self._thread = threading.Thread(
            target=self._listen, args=(self._process.stdout,), name="vidobs-relay-told", daemon=True
        )
        self._thread.start()
        with suppress(BrokenPipeError):  # the thread finds out why
            self._stdin.write(order)
            self._stdin.flush()
        os.set_blocking(self._stdin.fileno(), False)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it tells anything yet."""
        return not self._over

    def end_of_life(self) -> tuple[str, float]:
        """Return how it ended, in words, and after how many seconds."""
        code = self._process.wait()
        self._close()
        how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        return how, time.monotonic() - self._since_s

    def ask(self, asked: Asked) -> bool:
        """Ask it something; tell whether there is anybody to read it."""
        try:
            os.write(self._stdin.fileno(), messages.line(asked))
        except BlockingIOError:
            return True  # much was asked that it has not read yet
        except (OSError, ValueError):  # it is gone, or was asked to end
            return False
        return True

    def flush(self, deadline: float) -> None:
        """Have it deliver everything; wait for that."""
        with self._condition:
            self._asked += 1
            mine, timeout_s = self._asked, max(0.0, deadline - time.monotonic())
            if self.ask(Flush(mine, timeout_s)):
                self._condition.wait_for(lambda: self._flushed >= mine or self._over, timeout_s)

    def end(self, deadline: float) -> None:
        """Ask it to end; make it."""
        timeout_s = max(0.0, deadline - time.monotonic())
        self.ask(End(timeout_s * _OF_THE_END))
        self._close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_KILLED_S)
        self._thread.join(_KILLED_S)

    def _close(self) -> None:
        with suppress(OSError):
            self._stdin.close()

    def _listen(self, stdout: IO[bytes]) -> None:
        with stdout:
            for line in stdout:
                self._hear(line)
        with self._condition:
            self._over = True
            self._condition.notify_all()
        self._on_end()

    def _hear(self, line: bytes) -> None:
        try:
            told = messages.read_told(line)
        except msgspec.MsgspecError:
            return  # it was ended within a line
        if isinstance(told, Flushed):
            with self._condition:
                self._flushed = told.number
                self._condition.notify_all()
        elif isinstance(told, Logged):
            logging.getLogger(told.logger).log(told.level, "%s", told.text)
        else:
            told.tell(self._listener)


def _nothing() -> None:
    """Finish without doing anything: the process is ended behind the last turn."""
