"""The gateway beside the bare pass-through and LiteLLM's proxy, in one run and in turns."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import httpx
import wrk
from proxies import (
    BARE,
    DIRECT,
    KEY,
    OURS,
    THEIRS,
    Proxy,
    bare,
    children_mb,
    ours,
    resident_mb,
    theirs,
    upstream,
)
from rows import Row

if TYPE_CHECKING:
    from pathlib import Path

CREATE = '{"model": "sora-2", "prompt": "steady calm", "seconds": "4", "size": "720x1280"}'
OF_BARE = {"create": 0.6, "status": 0.8}  # of its throughput, at least
OF_LITELLM = 30.0  # times its throughput, at least
ADDED_P50_MS, ADDED_P99_MS = 0.2, 1.0
START_S = 0.6
RESIDENT_MB = 60.0
CONNECTIONS = (16, 64)


@dataclass(frozen=True)
class Effort:
    """How long is loaded, and how often."""

    seconds: float = 4.0
    turns: int = 3


FULL = Effort()
QUICK = Effort(1.0, 1)


def rows(effort: Effort, folder: Path) -> list[Row]:
    """Measure throughput at 16 and 64 connections, latency at one, start and memory."""
    if not wrk.installed():
        return [Row("gateway", OURS, "req/s", note=wrk.INSTALL)]
    with ExitStack() as stack:
        root = stack.enter_context(upstream())
        proxies = [
            stack.enter_context(bare(root, folder)),
            stack.enter_context(ours(root, folder)),
            stack.enter_context(theirs(root, folder)),
        ]
        found = [proxy for proxy in proxies if proxy is not None]
        resting = {proxy.name: resident_mb(proxy.pid) for proxy in found}
        calm = _latency(root, found, effort, folder)  # first: a load leaves events to deliver
        loaded = _throughput(found, effort, folder)
        delivering = {one.name: children_mb(one.pid) for one in found if one.name == OURS}
    memory = [
        *_memory("memory after the start", resting, RESIDENT_MB),
        *_memory("memory of its exporters' process", delivering, None),
    ]
    return [*loaded, *calm, *_starts(found), *memory]


def _throughput(found: list[Proxy], effort: Effort, folder: Path) -> list[Row]:
    made = []
    for operation in ("status", "create"):
        for connections in CONNECTIONS:
            loads: dict[str, list[wrk.Load]] = {proxy.name: [] for proxy in found}
            for _ in range(effort.turns):
                for proxy in found:
                    loads[proxy.name].append(
                        _load(proxy.url, operation, connections, effort, folder)
                    )
            made += _throughput_rows(operation, connections, loads)
    return made


def _throughput_rows(
    operation: str, connections: int, loads: dict[str, list[wrk.Load]]
) -> list[Row]:
    middle = {name: median(load.per_s for load in each) for name, each in loads.items()}
    target = middle[BARE] * OF_BARE[operation]
    if THEIRS in middle:
        target = max(target, middle[THEIRS] * OF_LITELLM)
    what = f"gateway: {operation}, {connections} connections"
    return [
        Row(
            what,
            name,
            "req/s",
            middle[name],
            min(load.per_s for load in each),
            max(load.per_s for load in each),
            ratio=middle[name] / middle[OURS],
            target=target if name == OURS else None,
            at_least=True,
            note=_bad(each),
        )
        for name, each in loads.items()
    ]


def _latency(root: str, found: list[Proxy], effort: Effort, folder: Path) -> list[Row]:
    made = []
    direct = Proxy(DIRECT, root, 0, 0.0)
    for operation in ("status", "create"):
        loads = {
            proxy.name: [
                _load(proxy.url, operation, 1, effort, folder) for _ in range(effort.turns)
            ]
            for proxy in (direct, *found)
        }
        for share, target in (("p50", ADDED_P50_MS), ("p99", ADDED_P99_MS)):
            middle = {
                name: median(getattr(load, f"{share}_ms") for load in each)
                for name, each in loads.items()
            }
            made += [
                Row(
                    f"gateway: {operation}, {share} added at one connection",
                    name,
                    "ms",
                    middle[name] - middle[DIRECT],
                    target=target if name == OURS else None,
                    note=_bad(loads[name]),
                )
                for name in middle
                if name != DIRECT
            ]
    return made


def _load(url: str, operation: str, connections: int, effort: Effort, folder: Path) -> wrk.Load:
    headers = {"authorization": f"Bearer {KEY}"}
    if operation == "create":
        address, body = f"{url}/v1/videos", CREATE
    else:
        address, body = f"{url}/v1/videos/{_made(url, headers)}", None
    return wrk.load(
        address,
        connections=connections,
        seconds=effort.seconds,
        headers=headers,
        body=body,
        folder=folder,
    )


def _made(url: str, headers: dict[str, str]) -> str:
    """Make a video that never ends, and return its id."""
    headers = {**headers, "content-type": "application/json"}
    answer = httpx.post(f"{url}/v1/videos", content=CREATE, headers=headers, trust_env=False)
    return str(answer.raise_for_status().json()["id"])


def _bad(loads: list[wrk.Load]) -> str:
    bad = sum(load.bad for load in loads)
    return f"{bad} answers were errors" if bad else ""


def _starts(found: list[Proxy]) -> list[Row]:
    return [
        Row(
            "gateway: started",
            proxy.name,
            "s",
            proxy.started_s,
            target=START_S if proxy.name == OURS else None,
        )
        for proxy in found
    ]


def _memory(of: str, held: dict[str, float], target: float | None) -> list[Row]:
    return [
        Row(f"gateway: {of}", name, "MB", mb, target=target if name == OURS else None)
        for name, mb in held.items()
    ]
