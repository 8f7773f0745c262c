"""Opens a browser, where there is somebody to look."""

from __future__ import annotations

import os
import sys
import webbrowser


def open_browser(url: str) -> None:
    """Open an address, unless nobody sits here: in CI, in a pipe, or on a machine without a screen."""
    if "CI" not in os.environ and sys.stdout.isatty():
        webbrowser.open(url)
