"""The demo in a browser: the dashboard of its ledger, open while the videos are made and after."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from vidobs import config
from vidobs.cli._demo_show import LEDGER
from vidobs.cli._ui_browser import open_browser
from vidobs.core.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from vidobs.dashboard.serve import Server


@contextmanager
def shown(folder: Path, console: Console) -> Iterator[Server]:
    """Serve the dashboard of the demo's ledger, and open a browser on it.

    Raises:
        MissingExtraError: the extra `dashboard` is not installed.
    """
    try:
        from vidobs.dashboard.serve import Options, Server
    except ImportError as error:
        raise MissingExtraError("dashboard", "vidobs demo --ui") from error

    options = Options(
        ledger=str((folder / LEDGER).absolute()),
        settings=config.only({"ledger": folder / LEDGER}).settings,
        allow_actions=True,
    )
    with Server(options) as server:
        console.print(f"The dashboard: {server.url}", soft_wrap=True, markup=False)
        open_browser(server.url)
        yield server


def keep(server: Server, console: Console) -> None:
    """Go on serving until Ctrl-C."""
    console.print()
    console.print(
        f"The dashboard is open until Ctrl-C. Another browser: {server.url}",
        soft_wrap=True,
        markup=False,
    )
    try:
        server.wait()
    except KeyboardInterrupt:
        console.print()
