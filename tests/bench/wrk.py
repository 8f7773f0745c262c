"""Runs wrk, and reads what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INSTALL = "not measured (apt-get install wrk)"
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
_LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)\b", re.MULTILINE)
_POST = """
wrk.method = "POST"
wrk.body = [[{body}]]
wrk.headers["content-type"] = "application/json"
"""


class Load(NamedTuple):
    """What a load came to."""

    per_s: float
    p50_ms: float
    p99_ms: float
    bad: int  # answers other than 2xx and 3xx, and errors of sockets


def installed() -> bool:
    """Whether there is a wrk."""
    return shutil.which("wrk") is not None


def load(
    url: str,
    *,
    connections: int,
    seconds: float,
    headers: Mapping[str, str],
    body: str | None,
    folder: Path,
) -> Load:
    """Load an address; a body makes it a POST of JSON."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    if body is not None:
        script = folder / "post.lua"
        script.write_text(_POST.format(body=body), "utf-8")
        command += ["-s", str(script)]
    ran = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    return _read(ran.stdout)


def _read(said: str) -> Load:
    latency = {
        which: float(value) * _UNITS_MS[unit] for which, value, unit in _LATENCY.findall(said)
    }
    per_s = re.search(r"Requests/sec:\s+([\d.]+)", said)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said
    )
    if per_s is None or len(latency) < 2:
        raise RuntimeError(said)
    bad = int(refused[1]) if refused else 0
    return Load(
        float(per_s[1]),
        latency["50"],
        latency["99"],
        bad + sum(map(int, broken.groups() if broken else ())),
    )
