"""Runs the ledger's kill -9 tests many times over: nothing that was acknowledged may be lost."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from calls import FOLDER
from rows import VIDOBS, Row

_TESTS = FOLDER.parent / "integration" / "ledger"
_NOTHING_COLLECTED = 5
_WHAT = "kill -9 of a writer"
_UNIT = "runs without a loss"


def rows(rounds: int) -> list[Row]:
    """Return how many runs lost nothing; each round has several."""
    if not _TESTS.is_dir():
        return [Row(_WHAT, VIDOBS, _UNIT, note="there are no tests of it here yet")]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "--timeout=900", "-k", "kill", str(_TESTS)],
        capture_output=True,
        text=True,
        check=False,
        cwd=FOLDER.parent.parent,
        env={**os.environ, "VIDOBS_KILL9_ROUNDS": str(rounds)},
    )
    if ran.returncode == _NOTHING_COLLECTED:
        return [Row(_WHAT, VIDOBS, _UNIT, note="no test of it was found")]
    last = re.sub(r"\s+", " ", ((ran.stdout + ran.stderr).strip().splitlines() or [""])[-1])
    passed = re.search(r"(\d+) passed", last)
    runs = float(passed[1]) if passed else 0.0
    if ran.returncode != 0:
        return [Row(_WHAT, VIDOBS, _UNIT, runs, target=runs + 1, at_least=True, note=last)]
    return [Row(_WHAT, VIDOBS, _UNIT, runs, target=runs, at_least=True, note="nothing lost")]
