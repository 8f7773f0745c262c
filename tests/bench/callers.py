"""What a caller notices of a sink that is not well: the slowest creates.

Each kind of sink has a program of its own that makes videos with one webhook; they take turns.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import runs
from calls import FOLDER
from rows import VIDOBS, Row

MODES = {"up": "is well", "refuse": "is down", "hang": "hangs", "error": "answers 503"}
WHAT = "create, p99, beside one whose sink is well"


@dataclass(frozen=True)
class Effort:
    """How much is done."""

    rounds: int = 3
    turns: int = 20
    creates: int = 50


FULL = Effort()
QUICK = Effort(rounds=1, turns=2, creates=5)


def rows(effort: Effort) -> list[Row]:
    """Return the 99th percentile of a create as a ratio to that with a healthy sink."""
    rounds = [_round(effort) for _ in range(effort.rounds)]
    well = median(each["up"] for each in rounds)
    found = [Row(WHAT, f"{VIDOBS}, sink is well", "ratio", 1.0, note=f"{well * 1e3:.1f} ms")]
    for mode in list(MODES)[1:]:
        ratios = [each[mode] / each["up"] for each in rounds]
        who = f"{VIDOBS}, sink {MODES[mode]}"
        found.append(Row(WHAT, who, "ratio", median(ratios), min(ratios), max(ratios)))
    return found


def _round(effort: Effort) -> dict[str, float]:
    with ExitStack() as stack:
        sinks = stack.enter_context(runs.FarSinks(*MODES))
        for mode in MODES:
            sinks.set(mode, mode)
        api = _start(stack, FOLDER / "server.py")
        url = f"http://127.0.0.1:{api.stdout.readline().strip()}/v1"
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vidobs-bench-")))
        programs = {}
        for mode in MODES:
            (folder / mode).mkdir()
            arguments = (url, sinks.url(mode), str(folder / mode))
            programs[mode] = _start(stack, FOLDER / "calling.py", *arguments)
        return _turns(programs, effort)


def _turns(programs: dict[str, subprocess.Popen[str]], effort: Effort) -> dict[str, float]:
    for program in programs.values():
        if program.stdout.readline() != "ready\n":
            raise RuntimeError(f"a program did not start: {program.args}")
        _ask(program, 5)  # warm up
    took: dict[str, list[float]] = {mode: [] for mode in programs}
    for turn in range(effort.turns):
        order = list(programs) if turn % 2 else list(reversed(programs))
        for mode in order:
            took[mode] += _ask(programs[mode], effort.creates)
    return {mode: quantiles(each, n=100)[98] for mode, each in took.items()}


def _ask(program: subprocess.Popen[str], creates: int) -> list[float]:
    program.stdin.write(f"{creates}\n")
    program.stdin.flush()
    found: list[float] = json.loads(program.stdout.readline())
    return found


def _start(stack: ExitStack, *command: object) -> subprocess.Popen[str]:
    program = stack.enter_context(
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    )
    stack.callback(program.kill)
    return program
