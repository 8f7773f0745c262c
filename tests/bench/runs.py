"""Tools that tell their sinks of finished videos, each in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from calls import FOLDER
from rows import VIDOBS
from sending import Place, video_id

sys.path.append(str(FOLDER.parent / "kit"))
from far_sinks import FarSinks

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORKER = FOLDER / "sending.py"
_SOON_S = 120.0


@dataclass(frozen=True)
class Tool:
    """Who sends, from which Python, and to which sinks."""

    name: str
    kind: str  # of `sending.TOOLS`
    python: str
    sinks: tuple[str, ...]


class Run:
    """A tool at work."""

    def __init__(self, tool: Tool, sinks: FarSinks, place: Place) -> None:
        self.tool = tool
        self.sent = 0
        self.report: dict[str, float] | None = None
        self._sinks = sinks
        self._process = subprocess.Popen(
            [tool.python, _WORKER, tool.kind, json.dumps(asdict(place))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{tool.name} did not start")
        self._reader = threading.Thread(target=self._read)

    def begin(self) -> None:
        """Let it send."""
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self._reader.start()

    def set(self, mode: str) -> None:
        """Change what its sinks do."""
        for name in self._names():
            self._sinks.set(name, mode)

    def kill(self) -> None:
        """Kill -9."""
        self._process.send_signal(signal.SIGKILL)

    def end(self) -> None:
        """Wait for its end; whoever hangs is ended."""
        self._reader.join(_SOON_S)
        if self._reader.is_alive():
            self._process.kill()
            self._reader.join()
        self._process.communicate()

    def lost(self) -> float:
        """Per cent of what was handed over that did not reach the sink that got least of it."""
        wanted = {video_id(number) for number in range(self.sent)}
        got = [len(wanted & self._sinks.seen(name).videos) for name in self._names()]
        return 100.0 * (1 - min(got) / max(1, len(wanted)))

    def _names(self) -> list[str]:
        return [sink_name(self.tool, each) for each in self.tool.sinks]

    def _read(self) -> None:
        for line in self._process.stdout:
            if line.startswith("sent ") and line.endswith("\n"):
                self.sent = int(line[5:])
            elif line.startswith("{"):
                self.report = json.loads(line)


class Runs:
    """Tools side by side, with sinks of their own."""

    def __init__(self, tools: list[Tool], sinks: FarSinks, folder: Path) -> None:
        self._sinks = sinks
        self._folder = folder
        self._tools = tools

    def start(self, videos: int, rate: float = 0.0) -> list[Run]:
        """Start every tool; each waits until it may begin."""
        return [self._start(tool, videos, rate) for tool in self._tools]

    def start_again(self) -> None:
        """Start what keeps anything for another process, and let it deliver that."""
        again = [self._start(tool, 0, 0.0) for tool in self._tools if tool.kind == VIDOBS]
        for run in again:
            run.begin()
        for run in again:
            run.end()

    def _start(self, tool: Tool, videos: int, rate: float) -> Run:
        folder = self._folder / tool.name.replace(" ", "_")
        folder.mkdir(exist_ok=True)
        urls = {each: self._sinks.url(sink_name(tool, each)) for each in tool.sinks}
        return Run(tool, self._sinks, Place(urls, str(folder), videos, rate))


def sink_name(tool: Tool, sink: str) -> str:
    """Name a sink of a tool."""
    return f"{tool.name}/{sink}".replace(" ", "_")


@contextmanager
def side_by_side(*tools: Tool) -> Iterator[Runs]:
    """Have fresh sinks and folders for some tools."""
    with ExitStack() as stack:
        names = [sink_name(tool, each) for tool in tools for each in tool.sinks]
        sinks = stack.enter_context(FarSinks(*names))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vidobs-bench-"))
        yield Runs(list(tools), sinks, Path(folder))
