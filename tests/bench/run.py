"""`make bench`: what vidobs costs, beside the bare client and beside others. docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import calls
import contenders
import dashboard
import delivery
import downloads
import gateway
import gateway_content
import imports
import instructions
import kills
import outbox
import own_client
import peers
import table
from calls import BARE, OPERATIONS, Contender, Effort
from rows import CALL_TARGETS, VIDOBS, Row

ROOT = Path(__file__).parent.parent.parent
PEER_PYTHON = ROOT / ".venv" / "bench" / "bin" / "python"
LITELLM_PYTHON = ROOT / ".venv" / "bench-litellm" / "bin" / "python"
INSTALL = "not installed (make bench-peers)"
DELIVERING = ("LangSmith", "LiteLLM")  # of the peers, those whose senders take a finished video
FULL = Effort()
QUICK = Effort(rounds=1, turns=2, create=2, poll=4, job=1)
WHAT = {
    "create": "create",
    "poll": "poll that changes nothing",
    "job": "whole job: create, 20 polls, download of 1 MB",
}


def main() -> None:
    """Measure what was asked for, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a few calls of each, for a smoke test"
    )
    parser.add_argument("--no-peers", action="store_true", help="only the bare client and vidobs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument(
        "--only",
        choices=(
            "calls",
            "client",
            "imports",
            "instructions",
            "outbox",
            "delivery",
            "downloads",
            "kills",
            "dashboard",
            "gateway",
        ),
        help="measure one thing only",
    )
    parser.add_argument(
        "--kill-rounds", type=int, metavar="N", help="rounds of kill -9, of three runs or more each"
    )
    given = parser.parse_args()
    started = time.monotonic()
    rows: list[Row] = []
    for name, measured in _parts(given):
        if given.only in (None, name):
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            rows += measured()
    table.show(rows, machine())
    print(f"{time.monotonic() - started:.0f} s")
    if given.json is not None:
        report = {
            "machine": machine(),
            "rows": [asdict(row) | {"verdict": row.verdict} for row in rows],
        }
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def machine() -> dict[str, object]:
    """Say where and when this ran."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


def _parts(given: argparse.Namespace):
    quick = given.quick
    effort = QUICK if quick else FULL
    found, absent = ([], []) if given.no_peers else _peers()
    yield (
        "calls",
        lambda: [
            *_calls(found, absent, effort, is_async=False),
            *_calls(found, absent, effort, is_async=True),
        ],
    )
    yield "client", lambda: own_client.rows(effort, found, WHAT, INSTALL)
    modules = [(VIDOBS, sys.executable), (BARE, sys.executable)]
    if any(one.name == "LiteLLM" for one in found):
        modules.append(("litellm", str(LITELLM_PYTHON)))
    yield "imports", lambda: imports.rows(modules, 2 if quick else 9)
    yield "outbox", lambda: outbox.rows(*((50, 1) if quick else (5000, 5)))
    yield "delivery", lambda: _delivery(delivery.QUICK if quick else delivery.FULL, found, absent)
    yield "downloads", lambda: _downloads(*((8, 1) if quick else (1024, 3)))
    yield "kills", lambda: kills.rows(given.kill_rounds or (1 if quick else 8))
    yield (
        "dashboard",
        lambda: dashboard.rows(dashboard.asked_jobs(quick=quick), 2 if quick else dashboard.TIMES),
    )
    yield "gateway", lambda: _gateway(*((gateway.QUICK, 8) if quick else (gateway.FULL, 1024)))
    if not quick:
        yield "instructions", lambda: instructions.rows(200)


def _downloads(mebibytes: int, times: int) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="vidobs-bench-") as folder:
        return downloads.rows(mebibytes, times, Path(folder))


def _gateway(effort: gateway.Effort, mebibytes: int) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="vidobs-bench-") as folder:
        place = Path(folder)
        content = gateway_content.rows(mebibytes, effort.turns, place)
        return [*gateway.rows(effort, place), *content]


def _delivery(effort: delivery.Effort, found: list[Contender], absent: list[str]) -> list[Row]:
    peers = {one.name: one.python for one in found if one.name in DELIVERING}
    return delivery.rows(effort, peers, [name for name in absent if name in DELIVERING], INSTALL)


def _peers() -> tuple[list[Contender], list[str]]:
    """Return the installed peers, each venv's bare client first, and those that are not."""
    found: list[Contender] = []
    absent: list[str] = []
    for name, module in peers.MODULES.items():
        python = LITELLM_PYTHON if name == "LiteLLM" else PEER_PYTHON
        if not _installed(python, module):
            absent.append(name)
            continue
        if Contender(BARE, str(python)) not in found:
            found.append(Contender(BARE, str(python)))
        found.append(Contender(name, str(python)))
    return found, absent


def _installed(python: Path, module: str) -> bool:
    if not python.exists():
        return False
    look = f"import importlib.util as u; raise SystemExit(u.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", look], capture_output=True, check=False).returncode == 0


def _calls(
    found: list[Contender], absent: list[str], effort: Effort, *, is_async: bool
) -> list[Row]:
    ours = [Contender(name) for name in contenders.HERE]
    measured = calls.measure([*ours, *found], effort, is_async=is_async)
    names = [*contenders.HERE, *(one.name for one in found if one.name != BARE)]
    rows: list[Row] = []
    for operation in OPERATIONS:
        what = WHAT[operation] + (", async" if is_async else "")
        vidobs = measured[VIDOBS, operation]
        rows += [
            _row(
                what,
                name,
                measured[name, operation],
                vidobs,
                _target(operation, name, is_async=is_async),
            )
            for name in names
        ]
        rows += [Row(what, name, "us CPU", note=INSTALL) for name in absent]
    return rows


def _target(operation: str, name: str, *, is_async: bool) -> float | None:
    return None if is_async else CALL_TARGETS.get((operation, name))


def _row(
    what: str, name: str, found: calls.Found, vidobs: calls.Found, target: float | None
) -> Row:
    if found.problem is not None:
        return Row(what, name, "us CPU", target=target, note=found.problem)
    if name == BARE:
        return Row(
            what, name, "us CPU", found.bare_median, note="the whole call; others: added to it"
        )
    ratio = found.median / vidobs.median if vidobs.problem is None and vidobs.median > 0 else None
    return Row(
        what, name, "us CPU", found.median, found.low, found.high, ratio=ratio, target=target
    )


if __name__ == "__main__":
    main()
