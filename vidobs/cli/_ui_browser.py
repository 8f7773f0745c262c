"""Opens a browser, where there is somebody to look."""

from __future__ import annotations

import os
import sys
import webbrowser


def open_browser(url: str) -> None:
    """Open an address, unless nobody looks: not in CI, and not where the output goes to a file."""
    if "CI" not in os.environ and sys.stdout.isatty():
        webbrowser.open(url)
