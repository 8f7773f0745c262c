"""`vidobs sandbox`: a server of the OpenAI Videos protocol on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from vidobs.core.errors import ConfigError, VidobsError

Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="NAME[:RATIO]",
        help="Let this share of the creates go wrong; repeatable.",
    ),
]


def sandbox(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    time_scale: Annotated[float, typer.Option(help="0.1 makes jobs ten times faster.")] = 1.0,
    fault: Faults = None,
) -> None:
    """Serve the OpenAI Videos protocol with rendered MP4 files, until Ctrl-C. Any key will do."""
    from vidobs.sandbox.process import run

    try:
        run(host, port, time_scale=time_scale, faults=fault or (), on_ready=_announce)
    except VidobsError:
        raise
    except (OSError, OverflowError) as error:
        raise ConfigError(f"cannot listen on {host}:{port}: {error}") from None
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _announce(base_url: str) -> None:
    """The address alone in the first line, for programs; how to use it behind it, for people."""
    typer.echo(base_url)
    typer.echo(
        f"\n  export OPENAI_BASE_URL={base_url} OPENAI_API_KEY=any\n\n"
        "or in Python:\n\n"
        f"  client = vidobs.wrap(openai.OpenAI(base_url={base_url!r}, api_key='any'))\n\n"
        "A prompt with [[fault:NAME]] makes one video go wrong. Ctrl-C ends."
    )
