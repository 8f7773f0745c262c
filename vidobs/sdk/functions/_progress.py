"""One line on the terminal while a video is waited for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from vidobs.sdk.functions._video_object import VideoObject

Told: TypeAlias = "Callable[[VideoObject], object] | None"

_TIMES_A_SECOND = 2


@contextmanager
def on_terminal(on_progress: Told, *, console: Console | None = None) -> Iterator[Told]:
    """Show progress on standard error while the block runs, where that is a terminal.

    Yields what is to be told of each change; it tells `on_progress` too.
    """
    from rich import console as consoles  # importing it takes longer than a poll
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = console or consoles.Console(stderr=True)
    if not console.is_terminal:
        yield on_progress
        return
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %")
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        refresh_per_second=_TIMES_A_SECOND,
        redirect_stdout=False,  # it may be a pipe
    ) as bar:
        line = bar.add_task("video", total=100)

        def tell(video: VideoObject) -> None:
            done = 100 if video.status == "completed" else video.progress
            bar.update(line, completed=done or 0, description=f"video {video.status}")
            if on_progress is not None:
                on_progress(video)

        yield tell
