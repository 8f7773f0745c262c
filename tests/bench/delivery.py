"""What delivery costs, and what it loses: vidobs with four sinks at once, beside others with one.

The sinks run in a process of their own. Every tool tells of the same finished videos, and a sink
counts those whose id it was sent.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import callers
from rows import VIDOBS, Row
from runs import Run, Tool, side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable

FOUR = ("webhook", "otlp", "langsmith", "helicone")
EVENTS = 2  # of a job: submitted, completed
OTLP_ALONE, OTEL = "vidobs, OTLP alone", "OpenTelemetry"
WRITTEN, OUT = "finished videos written", "events out to four sinks at once"
COST, MEMORY = "a finished video, handed over and delivered", "memory a burst of them takes"
UP, DOWN, KILLED = "lost, sink up", "lost, sink down for a while", "lost, kill -9 in the middle"
_ORDER = (WRITTEN, OUT, COST, MEMORY, UP, DOWN, KILLED)
_OF_PEERS = ((COST, "us CPU"), (MEMORY, "MB"), (UP, "%"), (DOWN, "%"), (KILLED, "%"))


@dataclass(frozen=True)
class Effort:
    """How much is done."""

    burst: int = 2000
    times: int = 3
    rate: float = 50.0
    up_s: float = 4.0
    before_s: float = 2.0  # the outage begins
    down_s: float = 20.0
    after_s: float = 4.0
    kill_s: float = 2.0


FULL = Effort()
QUICK = Effort(burst=30, times=1, up_s=0.4, before_s=0.2, down_s=0.4, after_s=0.4, kill_s=0.4)


def rows(effort: Effort, peers: dict[str, str], absent: list[str], missing: str) -> list[Row]:
    """Measure everything; `peers` are interpreters by name, `missing` says how to get others."""
    ours = Tool(VIDOBS, "vidobs", sys.executable, FOUR)
    alone = Tool(OTLP_ALONE, "vidobs", sys.executable, ("otlp",))
    otel = Tool(OTEL, OTEL, sys.executable, ("otlp",))
    others = [Tool(name, name, python, ("its",)) for name, python in peers.items()]
    found = _costs([ours, alone, otel, *others], effort)
    found += _losses([ours, otel, *others], effort)
    found += [Row(what, name, unit, note=missing) for name in absent for what, unit in _OF_PEERS]
    found.sort(key=lambda row: _ORDER.index(row.what))
    return found + callers.rows(callers.QUICK if effort is QUICK else callers.FULL)


# -- as fast as it goes ----------------------------------------------------------------------------


def _costs(tools: list[Tool], effort: Effort) -> list[Row]:
    """Send as fast as it goes, in turns, each time in a new process."""
    reports: dict[str, list[dict[str, float]]] = {tool.name: [] for tool in tools}
    for _ in range(effort.times):
        for tool in tools:
            reports[tool.name].append(_burst(tool, effort.burst))
    many = effort.burst
    ours = reports[VIDOBS]
    found = [
        _row(WRITTEN, VIDOBS, "videos/s", [many / one["handed_s"] for one in ours]),
        _row(OUT, VIDOBS, "events/s", [many * EVENTS * len(FOUR) / one["all_s"] for one in ours]),
    ]
    base = median(one["cpu_s"] for one in ours)
    for name, each in reports.items():
        costs = [one["cpu_s"] / many * 1e6 for one in each]
        ratio = median(one["cpu_s"] for one in each) / base
        found.append(_row(COST, name, "us CPU", costs, ratio))
        found.append(_row(MEMORY, name, "MB", [one["memory_kib"] / 1024 for one in each]))
    return found


def _burst(tool: Tool, videos: int) -> dict[str, float]:
    with side_by_side(tool) as runs:
        (run,) = runs.start(videos)
        run.begin()
        run.end()
        run.sent = videos
        if run.report is None or run.lost():
            raise RuntimeError(f"{tool.name} lost {run.lost():.1f} % although its sinks were up")
        return run.report


def _row(what: str, who: str, unit: str, values: list[float], ratio: float | None = None) -> Row:
    return Row(what, who, unit, median(values), min(values), max(values), ratio=ratio)


# -- at a steady rate ------------------------------------------------------------------------------


def _losses(tools: list[Tool], effort: Effort) -> list[Row]:
    """Send at a steady rate, all tools at the same time, while something happens."""

    def outage(runs: list[Run]) -> None:
        time.sleep(effort.before_s)
        for run in runs:
            run.set("refuse")
        time.sleep(effort.down_s)
        for run in runs:
            run.set("up")

    def kill(runs: list[Run]) -> None:
        time.sleep(effort.kill_s)
        for run in runs:
            run.kill()

    whole_s = effort.before_s + effort.down_s + effort.after_s
    down = f", down for {effort.down_s:g} s"
    return [
        *_lost(UP, tools, effort.rate, effort.up_s, lambda _: None),
        *_lost(DOWN, tools, effort.rate, whole_s, outage, note=down),
        *_lost(KILLED, tools, effort.rate, 2 * effort.kill_s, kill),
    ]


def _lost(
    what: str,
    tools: list[Tool],
    rate: float,
    seconds: float,
    meanwhile: Callable[[list[Run]], None],
    *,
    note: str = "",
) -> list[Row]:
    with side_by_side(*tools) as runs:
        at_work = runs.start(int(seconds * rate), rate)
        for run in at_work:
            run.begin()
        meanwhile(at_work)
        for run in at_work:
            run.end()
        if what == KILLED:
            runs.start_again()
        return [_loss(what, run, rate, note) for run in at_work]


def _loss(what: str, run: Run, rate: float, note: str) -> Row:
    ours = run.tool.name == VIDOBS
    again = ", then started again" if ours and what == KILLED else ""
    note = f"of {run.sent} at {rate:g}/s{note}{again}"
    target = 0.0 if ours else None
    return Row(what, run.tool.name, "%", run.lost(), target=target, note=note)
