"""What `vidobs demo` shows: the jobs while they run, and what is known of them afterwards."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from vidobs.cli._demo_run import Take
from vidobs.cli._demo_scenes import TAG
from vidobs.cli.render import STYLES, cost_text, jobs_table, safe, spend_line, trace_tree
from vidobs.core.events import EventName, VideoEvent
from vidobs.core.jobs import TERMINAL, AssetState, Job, JobState
from vidobs.core.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

LEDGER = "demo.db"  # its file, in the folder of the videos
MB = 1_000_000
_BAR = 16
_COST = 6
_PER_SECOND = 12
_ROOM = 3  # a line that is full would break, and the next frame be drawn too low
_DONE, _FAILED, _OPEN = ("✓", "+"), ("✗", "x"), ("•", "-")  # and in ASCII
_WITHOUT_VIDEO = TERMINAL - {JobState.COMPLETED}


class Board:
    """The takes as a table that is drawn anew while they run."""

    def __init__(self, takes: Sequence[Take], *, ascii_only: bool = False) -> None:
        self._takes = takes
        self._ascii = ascii_only

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the takes as they stand now, with room at the right for the ^C of a terminal."""
        yield from console.render(self._table(), options.update_width(options.max_width - _ROOM))

    def _table(self) -> Table:
        names = max(len(take.scene.name) for take in self._takes)
        grid = Table.grid(padding=(0, 2, 0, 0))
        for width in (1, names, _BAR, _COST):  # what cannot be shortened; the words can
            grid.add_column(min_width=width, no_wrap=True)
        grid.columns[-1].justify = "right"
        grid.add_column(overflow="ellipsis")
        for take in self._takes:
            job = take.job
            style = "dim" if job is None else STYLES[job.state]
            cost = Text() if job is None else cost_text(job.cost)
            bar = ProgressBar(100, _per_cent(job), _BAR, complete_style=style, finished_style=style)
            line = words(take)
            line.no_wrap = True
            grid.add_row(self._mark(take), safe(take.scene.name), bar, cost, line)
        return grid

    def _mark(self, take: Take) -> Text:
        job = take.job
        if take.error is not None or (job is not None and job.state in _WITHOUT_VIDEO):
            return Text(_FAILED[self._ascii], style="red")
        if job is not None and job.asset is AssetState.DOWNLOADED:
            return Text(_DONE[self._ascii], style="green")
        return Text(_OPEN[self._ascii], style="dim" if job is None else STYLES[job.state])


def words(take: Take) -> Text:
    """Return where a take stands, in words."""
    job = take.job
    if job is None and take.error is not None:
        return safe(take.said(), "red")
    if job is None:
        waits = f"waits for {take.scene.remix_of}" if take.scene.remix_of else "submitting"
        return Text(waits, style="dim")
    text = _state(job, take)
    if job.attempts > 1:
        text.append(f"  sent {job.attempts} times", style="dim")
    return text


def _state(job: Job, take: Take) -> Text:
    style = STYLES[job.state]
    if job.asset is AssetState.DOWNLOADED:
        size = job.file.size_bytes if job.file is not None else None
        return safe(take.file.name).append("" if size is None else f"  {size / MB:.1f} MB", "dim")
    if job.state is JobState.COMPLETED:
        return Text("downloading" if take.error is None else "not downloaded", style=style)
    if job.state is JobState.IN_PROGRESS and job.progress is not None:
        return Text(f"in progress {job.progress} %", style=style)
    text = Text(job.reason or job.state.value.replace("_", " "), style=style)
    said = take.said() if job.state.terminal else None
    return text.append("  ").append_text(safe(said, "dim")) if said else text


def _per_cent(job: Job | None) -> int:
    if job is None:
        return 0
    return 100 if job.state is JobState.COMPLETED else job.progress or 0


def live(console: Console, takes: Sequence[Take]) -> Live | None:
    """Return a display of the takes that is drawn in place; `None` for what is no terminal."""
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    board = Board(takes, ascii_only=console.options.ascii_only)
    return Live(board, console=console, refresh_per_second=_PER_SECOND)


def print_line(console: Console, event: VideoEvent, take: Take) -> None:
    """Print a line about an event, unless it is only some progress."""
    if event.name is not EventName.PROGRESS:
        line = safe(f"{event.name.value:<16} {take.scene.name:<12} ")
        console.print(line.append_text(words(take)), soft_wrap=True)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of the demo."""

    takes: tuple[Take, ...]
    jobs: tuple[Job, ...]  # as the ledger has them, in the order of the takes
    events: tuple[VideoEvent, ...]  # of the job that is shown as a trace
    problems: tuple[str, ...]
    folder: Path

    def show(self, console: Console) -> None:
        """Print the jobs, the total, one trace, and what to do next."""
        names = [job.tags[TAG] for job in self.jobs]
        console.print()
        console.print(jobs_table(self.jobs, names=("scene", names)))
        console.print(spend_line(self.jobs))
        if self.events:
            job = self.events[-1].job
            console.print(f"\none job, one trace: [bold]{job.tags[TAG]}[/bold]")
            console.print(trace_tree(job, self.events))
        console.print()
        self._verdict(console)
        console.print()
        console.print(next_steps(self.folder), soft_wrap=True)

    def _verdict(self, console: Console) -> None:
        if not self.problems:
            console.print(Text(f"all {len(self.takes)} jobs came out as planned", style="green"))
        for problem in self.problems:
            console.print(safe(problem, style="red"), soft_wrap=True)


def next_steps(folder: Path) -> Text:
    """Return what to do next, with commands that work from the folder of this moment."""
    vidobs = f"VIDOBS_LEDGER={shlex.quote(ledger_url(folder))} {_command()}"
    steps = (
        f"ls {shlex.quote(str(folder))}",
        f"{vidobs} jobs",
        f"{vidobs} spend --by user",
        "client = vidobs.wrap(openai.OpenAI())  # in your own code: README.md",
    )
    text = Text("next\n", style="bold")
    return text.append("\n".join(f"  {scrub(step)}" for step in steps), style="not bold")


def ledger_url(folder: Path) -> str:
    """Return the URL of the demo's own ledger."""
    return f"sqlite:///{folder / LEDGER}"


def _command() -> str:
    """How this very program was called, when `vidobs` alone would not find it."""
    called = Path(sys.argv[0])
    return "vidobs" if shutil.which("vidobs") or called.name != "vidobs" else str(called)
