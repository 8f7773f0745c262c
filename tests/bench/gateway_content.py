"""A large video through the gateway: how fast, how soon, how much it grows, and who waits."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, NamedTuple

import downloads
import httpx
from proxies import BARE, KEY, OURS, Proxy, bare, ours
from rows import DOWNLOAD_SHARE, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTALL = "not measured (apt-get install curl)"
GROWTH_MB = 10.0
FIRST_BYTE_MS = 5.0  # more than without a proxy
STATUS_P99_MS = 10.0  # of others, meanwhile
_PAUSE_S = 0.02  # between two polls of the others
_CREATE = {"model": "sora-2", "prompt": "calm", "seconds": "4", "size": "720x1280"}
_HEADERS = {"authorization": f"Bearer {KEY}"}


class Fetched(NamedTuple):
    """One download."""

    mb_per_s: float
    first_byte_ms: float
    growth_mb: float
    status_p99_ms: float


def rows(mebibytes: int, times: int, folder: Path) -> list[Row]:
    """Download through the bare pass-through and through vidobs, in turns."""
    if shutil.which("curl") is None:
        return [Row("gateway: content", OURS, "MB/s", note=INSTALL)]
    found: dict[str, list[Fetched]] = {BARE: [], OURS: []}
    with _videos(mebibytes) as root:
        for turn in range(times):
            place = folder / f"content-{turn}"
            place.mkdir()
            for start in (bare, ours):
                with start(root, place) as proxy:
                    found[proxy.name].append(_fetch(proxy, mebibytes))
    return _rows(found, mebibytes)


@contextmanager
def _videos(mebibytes: int) -> Iterator[str]:
    """Run a server of one video of that size; yields its root."""
    running = subprocess.Popen(
        [sys.executable, "-c", downloads.SERVER, str(mebibytes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it says of each connection that it was closed
        text=True,
    )
    try:
        yield f"http://127.0.0.1:{running.stdout.readline().strip()}"
    finally:
        running.stdin.close()
        running.wait(10)


def _fetch(proxy: Proxy, mebibytes: int) -> Fetched:
    made = httpx.post(f"{proxy.url}/v1/videos", json=_CREATE, headers=_HEADERS, trust_env=False)
    url = f"{proxy.url}/v1/videos/{made.raise_for_status().json()['id']}"
    httpx.get(url, headers=_HEADERS, trust_env=False).raise_for_status()
    before = _peak_mb(proxy.pid)
    with _polled(url) as waits:
        said = subprocess.run(
            [
                *("curl", "-sS", "--fail", "-o", "/dev/null", "-H", f"authorization: Bearer {KEY}"),
                *("-w", "%{time_starttransfer} %{speed_download} %{size_download}"),
                f"{url}/content",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
    assert int(said[2]) == mebibytes << 20
    return Fetched(
        float(said[1]) / 1e6,
        float(said[0]) * 1000,
        _peak_mb(proxy.pid) - before,
        quantiles(waits, n=100)[98] if len(waits) > 1 else 0.0,
    )


@contextmanager
def _polled(url: str) -> Iterator[list[float]]:
    """Ask for the state of the video over and over meanwhile; yields the waits in ms."""
    waits: list[float] = []
    over = threading.Event()

    def poll() -> None:
        with httpx.Client(headers=_HEADERS, trust_env=False) as client:
            while not over.wait(_PAUSE_S):
                begun = time.perf_counter()
                client.get(url)
                waits.append((time.perf_counter() - begun) * 1000)

    polling = threading.Thread(target=poll)
    polling.start()
    try:
        yield waits
    finally:
        over.set()
        polling.join()


def _peak_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024


def _rows(found: dict[str, list[Fetched]], mebibytes: int) -> list[Row]:
    bare_speed = median(one.mb_per_s for one in found[BARE])
    bare_first = median(one.first_byte_ms for one in found[BARE])
    targets = {
        "mb_per_s": bare_speed * DOWNLOAD_SHARE,
        "first_byte_ms": bare_first + FIRST_BYTE_MS,
        "growth_mb": GROWTH_MB,
        "status_p99_ms": STATUS_P99_MS,
    }
    names = {
        "mb_per_s": (f"gateway: content of {mebibytes} MiB", "MB/s"),
        "first_byte_ms": ("gateway: first byte of content", "ms"),
        "growth_mb": (f"gateway: growth over {mebibytes} MiB of content", "MB"),
        "status_p99_ms": ("gateway: p99 of status polls meanwhile", "ms"),
    }
    return [
        Row(
            *(names[field][0], who, names[field][1]),
            *(spread[1], spread[0], spread[2]),
            target=targets[field] if who == OURS else None,
            at_least=field == "mb_per_s",
        )
        for field in names
        for who, each in found.items()
        for spread in [_spread([getattr(one, field) for one in each])]
    ]


def _spread(values: list[float]) -> tuple[float, float, float]:
    return min(values), median(values), max(values)
