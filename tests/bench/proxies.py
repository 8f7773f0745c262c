"""The proxies that are measured: each a process in front of one and the same server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
LITELLM = ROOT / ".venv" / "litellm-proxy" / "bin" / "litellm"
KEY = "sk-bench-0123456789abcdef"
DIRECT, BARE, OURS, THEIRS = "no proxy", "bare pass-through", "vidobs", "LiteLLM"
_START_S = 120.0
_LOOK_S = 0.01
_CONFIG = """
model_list:
- model_name: sora-2
  litellm_params: {{model: openai/sora-2, api_key: sk-behind, api_base: "{upstream}/v1"}}
general_settings: {{master_key: {key}}}
"""
_OURS = """
callbacks: [jsonl]
exporters: {{jsonl: {{path: "{folder}/events.jsonl"}}}}
ledger: "sqlite:///{folder}/ledger.db"
"""


class Proxy(NamedTuple):
    """A proxy that serves."""

    name: str
    url: str
    pid: int
    started_s: float  # from its start to its first answer


@contextmanager
def upstream() -> Iterator[str]:
    """Run the server behind all of them; yields its root."""
    program = [sys.executable, str(HERE / "server.py")]
    running = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{running.stdout.readline().strip()}"
    finally:
        running.stdin.close()
        running.wait(10)


@contextmanager
def bare(root: str, folder: Path) -> Iterator[Proxy]:
    """Run the pass-through."""
    port = _free_port()
    program = [sys.executable, str(HERE / "passing.py"), str(port), root]
    url = f"http://127.0.0.1:{port}/v1/videos/none"
    with _running(BARE, program, url, folder, {}) as proxy:
        yield proxy


@contextmanager
def ours(root: str, folder: Path) -> Iterator[Proxy]:
    """Run vidobs' gateway, with key check, budget, ledger, log lines and one exporter."""
    config = folder / "vidobs.yaml"
    text = _CONFIG.format(upstream=root, key=KEY) + _OURS.format(folder=folder)
    config.write_text(text, "utf-8")
    port = _free_port()
    program = [
        *(str(ROOT / ".venv" / "bin" / "vidobs"), "gateway", "--config", str(config)),
        *("--port", str(port)),
    ]
    with _running(OURS, program, f"http://127.0.0.1:{port}/health/live", folder, {}) as proxy:
        yield proxy


@contextmanager
def theirs(root: str, folder: Path) -> Iterator[Proxy | None]:
    """Run LiteLLM's proxy with a key check; yields nothing where it is not installed."""
    if not LITELLM.exists():
        yield None
        return
    config = folder / "litellm.yaml"
    config.write_text(_CONFIG.format(upstream=root, key=KEY), "utf-8")
    port = _free_port()
    program = [str(LITELLM), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    nowhere = "http://127.0.0.1:9"
    env = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_TELEMETRY": "False",
        "HTTPS_PROXY": nowhere,
        "HTTP_PROXY": nowhere,
        "NO_PROXY": "127.0.0.1",
        "LITELLM_LOG": "ERROR",
    }
    url = f"http://127.0.0.1:{port}/health/liveliness"
    with _running(THEIRS, program, url, folder, env) as proxy:
        yield proxy


def resident_mb(pid: int) -> float:
    """Return what a process and its children hold in memory."""
    return _resident_mb(pid) + children_mb(pid)


def children_mb(pid: int) -> float:
    """Return what the children of a process hold in memory."""
    return sum(_resident_mb(one) for one in _children(pid))


def _resident_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(one) for task in tasks for one in (task / "children").read_text("ascii").split()]


@contextmanager
def _running(
    name: str, program: list[str], url: str, folder: Path, env: Mapping[str, str]
) -> Iterator[Proxy]:
    foreign = ("VIDOBS_", "OPENAI_", "AZURE_", "LITELLM_", "OTEL_")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    root = url[: url.index("/", 8)]
    with (folder / f"{name}.log").open("w") as log:
        begun = time.perf_counter()
        running = subprocess.Popen(
            program, cwd=folder, env={**clean, **env}, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(url, running, folder / f"{name}.log")
            yield Proxy(name, root, running.pid, time.perf_counter() - begun)
        finally:
            running.terminate()
            running.wait(30)


def _wait(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and running.poll() is None:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(_LOOK_S)
        else:
            return
    raise RuntimeError(log.read_text("utf-8")[-4000:])


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
