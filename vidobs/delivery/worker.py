"""The border at which other people's code runs: a daemon thread that nothing it does can end.

The only file of this package with a broad `except`. A callback or an exporter may raise anything,
`SystemExit` included; that must neither end its thread nor reach anybody else.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, ParamSpec

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

P = ParamSpec("P")
Report: TypeAlias = "Callable[[str, BaseException], None]"

FAULT_S = 1.0  # rest after a turn that raised, such as one that met a locked ledger
FOREVER = float("inf")


class Rest(msgspec.Struct, frozen=True):
    """What follows a turn: how long to rest, and whether anything is left to do."""

    seconds: float | None  # 0: no rest, there is more; None: until woken
    idle: bool = True  # as far as the worker knows, everything is done
    futile_s: float = 0.0  # for so long nothing gets done, however often it looks


AGAIN = Rest(0.0, idle=False)
UNTIL_WOKEN = Rest(None)


def contained(
    action: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> BaseException | None:
    """Run other people's code and return what it raised."""
    try:
        action(*args, **kwargs)
    except BaseException as error:
        # A receiver that calls sys.exit() means its own thread at most, and this one is ours.
        return error
    return None


class Complaints:
    """Says the first fault of each type, and again only after things went well."""

    def __init__(self, where: str, report: Report) -> None:
        self._where = where
        self._report = report
        self._said: set[type[BaseException]] = set()

    def say(self, error: BaseException) -> None:
        """Report the fault, unless one of its type was reported already."""
        if type(error) not in self._said:
            self._said.add(type(error))
            contained(self._report, self._where, error)

    def well(self) -> None:
        """Note that things went well."""
        self._said.clear()


class Worker:
    """A daemon thread that takes turns: `turn()` does a piece of work and says how long to rest.

    The thread starts at the first `wake`. `wake` never waits for a turn; only `settle` and `join`
    wait, until a deadline on `time.monotonic()`.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], Rest],
        *,
        report: Report,
        finish: Callable[[], None],
    ) -> None:
        self.name = name
        self._turn = turn
        self._finish = finish  # runs in the thread, after the last turn
        self._complaints = Complaints(name, report)
        self._forget()

    def _forget(self) -> None:
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._asked = 0  # wakes so far
        self._answered = 0  # how many of them the last finished turn had seen
        self._idle = False
        self._rests_until = 0.0
        self._stopping = False

    def after_fork(self) -> None:
        """Forget the thread and the lock of the parent process, without touching them."""
        self._forget()

    def wake(self) -> bool:
        """Ask for a turn soon; start the thread if need be. Tell whether there is one."""
        with self._condition:
            if self._stopping:
                return False
            self._asked += 1
            self._condition.notify_all()
            return self._running() or self._start()

    def settle(self, deadline: float) -> bool:
        """Wait until nothing is left, or nothing can happen before the deadline; say if idle."""
        with self._condition:
            if not self.wake() or self._thread is threading.current_thread():
                return False
            asked = self._asked
            while not self._settled(asked, deadline):
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self._running():
                    return False
                self._condition.wait(remaining)
            return self._idle

    def stop(self) -> None:
        """Ask the thread to finish after its turn; nothing wakes it any more."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()

    def join(self, deadline: float) -> None:
        """Wait for the end of a stopped thread, until the deadline at most."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))

    def _running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _start(self) -> bool:
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # no more threads, or the interpreter is shutting down
            self._thread = None
            self._complaints.say(error)
            return False
        return True

    def _settled(self, asked: int, deadline: float) -> bool:
        return self._answered >= asked and (self._idle or self._rests_until > deadline)

    def _run(self) -> None:
        mine = self._condition  # after a fork out of this very thread, the worker has another one
        while not self._stopping:
            asked = self._asked
            rest = self._take_turn()
            if self._condition is not mine:
                return
            if rest.seconds != 0:
                self._pause(mine, asked, rest)
        error = contained(self._finish)
        if error is not None:
            self._complaints.say(error)

    def _take_turn(self) -> Rest:
        try:
            rest = self._turn()
        except BaseException as error:
            # A ledger that is locked or gone, or a fault of ours: the thread lives on and tries
            # again, since nobody would notice its end.
            self._complaints.say(error)
            return Rest(FAULT_S, idle=False)
        self._complaints.well()
        return rest

    def _pause(self, condition: threading.Condition, asked: int, rest: Rest) -> None:
        with condition:
            self._answered, self._idle = asked, rest.idle
            length = FOREVER if rest.seconds is None else max(rest.seconds, rest.futile_s)
            self._rests_until = time.monotonic() + length
            condition.notify_all()
            if asked == self._asked and not self._stopping:
                condition.wait(rest.seconds)
