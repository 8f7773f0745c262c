"""`python -m vidobs.sandbox`: the sandbox as a process of its own.

The first line on stdout is the base URL, flushed when the server answers; then it serves until
SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import sys

from vidobs.core.errors import MissingExtraError
from vidobs.sandbox.faults import FAULTS
from vidobs.sandbox.process import run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vidobs.sandbox",
        description="Serve the OpenAI Videos protocol with rendered MP4 files.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 = a free one")
    parser.add_argument("--time-scale", type=float, default=1.0, help="0.1 = ten times faster")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[:RATIO]",
        help=f"fault for a share of the creates; one of {', '.join(FAULTS)}",
    )
    return parser


def _announce(base_url: str) -> None:
    sys.stdout.write(f"{base_url}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until a signal; a wrong argument ends with exit code 2 and its reason."""
    parser = _parser()
    args = parser.parse_args()
    try:
        run(
            args.host,
            args.port,
            time_scale=args.time_scale,
            faults=args.fault,
            on_ready=_announce,
        )
    except (MissingExtraError, OSError, OverflowError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
