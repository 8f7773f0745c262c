"""Measures the calls of every contender in one run, in small blocks that take turns.

All contenders live at the same time, each in its own process, and one after the other measures a
block of a few milliseconds: whatever else the machine does hits all of them alike. The bare client
is a contender too, and the figure of each is what it adds to the bare client's block of its turn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent
BARE = "openai"
OPERATIONS = ("create", "poll", "job")


@dataclass(frozen=True)
class Contender:
    """A contender and the interpreter that has it installed."""

    name: str
    python: str = sys.executable


@dataclass(frozen=True)
class Effort:
    """How much is measured: fresh processes, turns in each, calls in each turn's block."""

    rounds: int = 3
    turns: int = 15
    create: int = 50
    poll: int = 100
    job: int = 4


@dataclass
class Found:
    """What a contender adds to the bare client, in CPU microseconds per operation."""

    added: list[list[float]] = field(default_factory=list)  # of each turn, by round
    bare: list[float] = field(default_factory=list)
    problem: str | None = None

    @property
    def median(self) -> float:
        """The median of all turns."""
        return median(one for turns in self.added for one in turns)

    @property
    def bare_median(self) -> float:
        """The median of the bare client's own figure in the same turns."""
        return median(self.bare)

    @property
    def whole(self) -> list[float]:
        """What each turn took with the bare client's part."""
        added = [one for turns in self.added for one in turns]
        return [more + bare for more, bare in zip(added, self.bare, strict=True)]

    @property
    def low(self) -> float:
        """The median of the round in which it was smallest."""
        return min(map(median, self.added))

    @property
    def high(self) -> float:
        """The median of the round in which it was largest."""
        return max(map(median, self.added))


Table = dict[tuple[str, str], Found]  # by contender and operation


def measure(
    contenders: list[Contender], effort: Effort, *, is_async: bool, bare: str = BARE
) -> Table:
    """Return what every contender adds to every operation of the bare client."""
    found: Table = {(one.name, what): Found() for one in contenders for what in OPERATIONS}
    with server() as base, server() as sink:
        for number in range(effort.rounds):
            mode = "async" if is_async else "sync"
            print(f"  {mode}, round {number + 1} of {effort.rounds}", file=sys.stderr, flush=True)
            _round(contenders, effort, found, base=base, sink=sink, is_async=is_async, bare=bare)
    return found


@contextmanager
def server() -> Iterator[str]:
    """Run the other end of the wire; its root URL."""
    running = subprocess.Popen(
        [sys.executable, str(FOLDER / "server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield f"http://127.0.0.1:{running.stdout.readline().strip()}"
    finally:
        running.stdin.close()
        running.wait(10)


class Worker:
    """One contender's process."""

    def __init__(self, of: Contender, place: dict[str, object], errors: Path) -> None:
        self._errors = errors
        with errors.open("w") as stderr:
            self._process = subprocess.Popen(
                [of.python, str(FOLDER / "worker.py"), of.name, json.dumps(place)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=environment(),
            )
        self.problem: str | None = None

    def answer(self) -> str:
        """Wait for a line; the empty string after it failed."""
        line = self._process.stdout.readline().strip()
        if not line and self.problem is None:
            lines = self._errors.read_text("utf-8").strip().splitlines()
            self.problem = lines[-1][:200] if lines else "ended without a word"
        return line

    def ask(self, request: str) -> str:
        """Send a line and wait for the answer."""
        if self.problem is None:
            try:
                self._process.stdin.write(request + "\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                pass
        return self.answer()

    def end(self) -> None:
        """Let the process go; it has measured everything."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


def environment() -> dict[str, str]:
    """Return the shell's environment without settings that would change what is measured."""
    foreign = ("VIDOBS_", "OTEL_", "DD_", "OPENAI_", "LANGSMITH_", "LANGFUSE_", "LOGFIRE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"PYTHONHASHSEED": "0", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def _round(
    contenders: list[Contender],
    effort: Effort,
    found: Table,
    *,
    base: str,
    sink: str,
    is_async: bool,
    bare: str,
) -> None:
    """Start every contender afresh and let them take turns."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vidobs-bench-")))
        workers: dict[Contender, Worker] = {}
        for number, one in enumerate(contenders):
            own = folder / str(number)
            own.mkdir()
            place = {
                "base_url": f"{base}/v1",
                "sink_url": sink,
                "folder": str(own),
                "is_async": is_async,
            }
            workers[one] = Worker(one, place, own / "stderr")
            stack.callback(workers[one].end)
        ready = {one: worker for one, worker in workers.items() if worker.answer() == "ready"}
        for what in OPERATIONS:
            count = getattr(effort, what)
            turns = [
                {one: worker.ask(f"{what} {count}") for one, worker in ready.items()}
                for _ in range(effort.turns)
            ]
            for one, worker in ready.items():
                if worker.problem is None:
                    _add(found[one.name, what], one, turns, bare)
        for one, worker in workers.items():
            if one in ready:
                worker.ask("check")
            for what in OPERATIONS:
                found[one.name, what].problem = worker.problem or found[one.name, what].problem


def _add(to: Found, one: Contender, turns: list[dict[Contender, str]], bare: str) -> None:
    beside = Contender(bare, one.python)
    its = [float(turn[beside]) for turn in turns]
    to.bare += its
    own = [float(turn[one]) for turn in turns]
    to.added.append([mine - bares for mine, bares in zip(own, its, strict=True)])
