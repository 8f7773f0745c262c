"""`vidobs gateway`: an OpenAI-Videos-compatible proxy with LiteLLM's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vidobs.cli._gateway_run import run
from vidobs.cli.entry import HOST, MOST_PORT, PORT, GatewayStart

ConfigFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="LiteLLM's config.yaml, as it is; VIDOBS_CONFIG names one."),
]
Model = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Serve one model without a file, such as azure/sora-2."),
]


def gateway(
    *,
    config: ConfigFile = None,
    model: Model = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=MOST_PORT, help="0 takes a free one.")] = PORT,
) -> None:
    """Serve an OpenAI-Videos-compatible proxy in front of your providers, until Ctrl-C."""
    run(GatewayStart(config=config, model=model, host=host, port=port))
