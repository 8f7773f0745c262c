"""Where the command begins.

A gateway runs for months and answers no `--help`: started in plain words, it does without the
parser, the help and the colours of the whole command line, which take a fifth of its memory.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vidobs.core.errors import VidobsError

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST, PORT, MOST_PORT = "127.0.0.1", 4000, 65535
_OPTIONS = ("--config", "--model", "--host", "--port")
_INTERRUPTED = 130


class GatewayStart(NamedTuple):
    """How `vidobs gateway` is to be started."""

    config: Path | None = None
    model: str | None = None
    host: str = HOST
    port: int = PORT


def main() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Unicode
    start = plain_gateway(sys.argv[1:])
    if start is not None:
        sys.exit(_serve(start))
    from vidobs.cli.app import app

    app()


def plain_gateway(words: Sequence[str]) -> GatewayStart | None:
    """Return how to start a gateway where that is said plainly, each option once, with a value.

    `None` is for all the rest: other commands, `--help`, mistakes. The whole command line takes it,
    and reads what is read here in the same way.
    """
    if not words or words[0] != "gateway":
        return None
    given: dict[str, str] = {}
    rest = iter(words[1:])
    for word in rest:
        name, equals, value = word.partition("=")
        value = value if equals else next(rest, "")
        if name not in _OPTIONS or name in given or not value or value.startswith("-"):
            return None
        given[name] = value
    port = given.get("--port", str(PORT))
    if not (port.isascii() and port.isdecimal() and len(port) <= len(str(MOST_PORT))):
        return None
    if int(port) > MOST_PORT:
        return None
    return GatewayStart(
        config=Path(given["--config"]) if "--config" in given else None,
        model=given.get("--model"),
        host=given.get("--host", HOST),
        port=int(port),
    )


def _serve(start: GatewayStart) -> int:
    """Run the gateway; return the exit code. Errors look as they do in the whole command line."""
    from vidobs.cli._gateway_run import run
    from vidobs.gateway.collecting import collect_seldom

    collect_seldom()
    try:
        run(start)
    except VidobsError as error:
        from vidobs.cli.app import WRONG, say

        say(error)
        return WRONG
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # whoever read what we say is gone; nothing is to be flushed any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0
