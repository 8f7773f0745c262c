"""`python -m vidobs.sandbox`: the sandbox as a process of its own.

The first line on stdout is the base URL, flushed when the server answers; with `--webhook` and no
`--webhook-secret` the second one is the new secret. Then it serves until SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vidobs.core.errors import MissingExtraError
from vidobs.dialects.variants import OPENAI
from vidobs.sandbox.fault_table import FAULTS
from vidobs.sandbox.process import run
from vidobs.sandbox.settings import PLAYED
from vidobs.sandbox.signing import webhook_target


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vidobs.sandbox",
        description="Serve the OpenAI Videos protocol with rendered MP4 files.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 = a free one")
    parser.add_argument(
        "--dialect",
        default=OPENAI.name,
        metavar="NAME",
        help=f"whose server to play; one of {', '.join(PLAYED)}",
    )
    parser.add_argument("--time-scale", type=float, default=1.0, help="0.1 = ten times faster")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[:RATIO]",
        help=f"fault for a share of the creates; one of {', '.join(FAULTS)}",
    )
    parser.add_argument(
        "--scenario", type=Path, metavar="FILE", help="YAML with what becomes of the next jobs"
    )
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="write what clients did as a scenario"
    )
    parser.add_argument("--webhook", metavar="URL", help="tell this URL when a job ends")
    parser.add_argument("--webhook-secret", metavar="whsec_...", help="sign webhooks with this")
    parser.add_argument(
        "--webhook-allow-remote",
        action="store_true",
        help="let webhooks leave this machine",
    )
    return parser


def main() -> None:
    """Serve until a signal; a wrong argument ends with exit code 2 and its reason."""
    parser = _parser()
    args = parser.parse_args()
    try:
        webhook = webhook_target(
            args.webhook, args.webhook_secret, allow_remote=args.webhook_allow_remote
        )

        def announce(base_url: str) -> None:
            lines = [base_url]
            if webhook and args.webhook_secret is None:
                lines.append(webhook.secret)
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            sys.stdout.flush()

        run(
            args.host,
            args.port,
            dialect=args.dialect,
            time_scale=args.time_scale,
            faults=args.fault,
            scenario=args.scenario,
            record=args.record,
            webhook=webhook,
            on_ready=announce,
        )
    except (MissingExtraError, OSError, OverflowError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
