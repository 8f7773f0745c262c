"""docs/demo.svg, a picture of the real demo: `python docs/make_demo_svg.py`."""

from __future__ import annotations

import io
import re
import tempfile
from contextlib import ExitStack, chdir
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from vidobs.cli import demo
from vidobs.cli._demo_scenes import SCENES
from vidobs.cli._demo_show import Board

PICTURE = Path(__file__).with_name("demo.svg")
COLUMNS = 92
THEME = TerminalTheme(
    (24, 26, 33),
    (205, 209, 219),
    [
        (58, 62, 75),
        (240, 113, 120),
        (126, 211, 137),
        (240, 198, 116),
        (112, 163, 240),
        (198, 146, 233),
        (98, 205, 210),
        (205, 209, 219),
    ],
)
_CHARACTER = 12.2  # its width in rich's SVG
_INDENTED = re.compile(r'x="([\d.]+)"( y="[\d.]+") textLength="([\d.]+)"([^>]*>)((?:&#160;)+)')
_WEB_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def make() -> str:
    """Run the demo and return its last screen as SVG, without the addresses of web fonts."""
    screen = Console(
        record=True,
        width=COLUMNS,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    with ExitStack() as stack:
        stack.enter_context(chdir(stack.enter_context(tempfile.TemporaryDirectory())))
        folder = Path("vidobs-demo")
        folder.mkdir()
        client = demo.client_for(stack, None, None, None)
        report = demo.film(client, SCENES, folder, Console(quiet=True), keeps={})
    screen.print("[bold]$ vidobs demo[/bold]\n")
    screen.print(Board(report.takes))
    report.show(screen)
    svg = screen.export_svg(title="vidobs demo", theme=THEME, unique_id="vidobs-demo")
    svg = _WEB_FONTS.sub("", svg).replace("Fira Code", "ui-monospace, Menlo, Consolas")
    return _INDENTED.sub(_moved, svg)


def _moved(found: re.Match[str]) -> str:
    """Move a text to the right by its leading spaces, which some viewers drop."""
    spaces = found[5].count("&") * _CHARACTER
    x, width = float(found[1]) + spaces, float(found[3]) - spaces
    return f'x="{x:g}"{found[2]} textLength="{width:g}"{found[4]}'


if __name__ == "__main__":
    PICTURE.write_text(make(), encoding="utf-8")
