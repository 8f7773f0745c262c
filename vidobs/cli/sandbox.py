"""`vidobs sandbox`: a server of the OpenAI Videos protocol on this machine."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidobs.core.errors import ConfigError, VidobsError

if TYPE_CHECKING:
    from vidobs.sandbox.signing import WebhookTarget

Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="NAME[:RATIO]",
        help="Let this share of the creates go wrong; repeatable.",
    ),
]

Dialect = Annotated[
    str,
    typer.Option(metavar="NAME", help="Play the server of another dialect, such as vllm-omni."),
]
Scenario = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="YAML that says what becomes of the next jobs."),
]
Record = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write what clients did as a scenario.")
]
Webhook = Annotated[
    str | None, typer.Option(metavar="URL", help="Tell this URL when a job ends, as OpenAI does.")
]
WebhookSecret = Annotated[
    str | None,
    typer.Option(metavar="WHSEC", help="Sign webhooks with this; otherwise a new one is shown."),
]
WebhookAllowRemote = Annotated[
    bool, typer.Option("--webhook-allow-remote", help="Let webhooks leave this machine.")
]


def sandbox(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    dialect: Dialect = "openai",
    time_scale: Annotated[float, typer.Option(help="0.1 makes jobs ten times faster.")] = 1.0,
    fault: Faults = None,
    scenario: Scenario = None,
    record: Record = None,
    webhook: Webhook = None,
    webhook_secret: WebhookSecret = None,
    webhook_allow_remote: WebhookAllowRemote = False,
) -> None:
    """Serve the OpenAI Videos protocol with rendered MP4 files, until Ctrl-C. Any key will do."""
    from vidobs.sandbox.process import run
    from vidobs.sandbox.signing import webhook_target

    try:
        target = webhook_target(webhook, webhook_secret, allow_remote=webhook_allow_remote)
        run(
            host,
            port,
            dialect=dialect,
            time_scale=time_scale,
            faults=fault or (),
            scenario=scenario,
            record=record,
            webhook=target,
            on_ready=partial(_announce, target if webhook_secret is None else None, dialect),
        )
    except VidobsError:
        raise
    except (OSError, OverflowError) as error:
        about_a_file = isinstance(error, OSError) and error.filename is not None
        problem = str(error) if about_a_file else f"cannot listen on {host}:{port}: {error}"
        raise ConfigError(problem) from None
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _announce(new: WebhookTarget | None, dialect: str, base_url: str) -> None:
    """The address alone in the first line, for programs; how to use it behind it, for people.

    `new` are webhooks with a secret that nobody knows yet.
    """
    from vidobs.sandbox.instructions import instructions

    typer.echo(base_url)
    if new:
        typer.echo(f"\n  export OPENAI_WEBHOOK_SECRET={new.secret}")
    typer.echo(instructions(dialect, base_url))
