"""`vidobs ui`: the dashboard, in a browser on this machine."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Annotated

import typer

from vidobs.cli._read import ledger_path
from vidobs.cli._ui_browser import open_browser
from vidobs.core.errors import ConfigError, MissingExtraError

PORT = 8321
TOKEN_ENV = "VIDOBS_UI_TOKEN"  # noqa: S105 - the name of the variable
_LEAST_TOKEN = 16


def ui(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any.")] = PORT,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A host name that browsers may use besides localhost. May be repeated."),
    ] = None,
    allow_actions: Annotated[
        bool, typer.Option("--allow-actions", help="Let pages replay events to exporters.")
    ] = False,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Show jobs, videos, costs, failures and exporters in a browser.

    The address holds a token that works once; a new one is printed each time one was used. Set
    VIDOBS_UI_TOKEN to a fixed one for scripts and scrapers.
    """
    try:
        from vidobs.dashboard.serve import Options, Server
    except ImportError as error:
        raise MissingExtraError("dashboard", "vidobs ui") from error

    from vidobs import config

    options = Options(
        ledger=ledger_path(),
        settings=config.load().settings,
        host=host,
        port=port,
        allow_hosts=tuple(allow_host or ()),
        allow_actions=allow_actions,
        token=_fixed_token(),
    )
    server = Server(options, used=_said_again)
    typer.echo(f"vidobs ui on {server.root_url} (Ctrl-C ends it)")
    typer.echo(
        f"Open {server.url}" if options.token is None else f"Open {server.root_url}/?token=..."
    )
    if browser:
        open_browser(server.url)
    with suppress(KeyboardInterrupt):
        server.run()


def _said_again(url: str) -> None:
    typer.echo(f"Opened. For another browser: {url}")


def _fixed_token() -> str | None:
    given = os.environ.get(TOKEN_ENV) or None
    if given is not None and len(given) < _LEAST_TOKEN:
        raise ConfigError(
            f"{TOKEN_ENV} is shorter than {_LEAST_TOKEN} characters; make one with: "
            "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return given
