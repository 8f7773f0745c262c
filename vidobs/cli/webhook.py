"""`vidobs webhook`: is a webhook received?"""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from vidobs.cli.options import Json, print_json
from vidobs.cli.sample import event_name, sample_event
from vidobs.cli.trying import try_all
from vidobs.core.events import EventName

if TYPE_CHECKING:
    from vidobs.core.protocols import Exporter

_KIND = "webhook"  # the type of the exporter

webhook = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Try out webhooks.",
)


class WebhookObject(msgspec.Struct, frozen=True):
    """What `vidobs webhook test --json` prints."""

    ok: bool
    says: str
    seconds: float
    event: str
    event_id: str  # it is the `webhook-id` too


@webhook.callback()
def group() -> None:
    """Try out webhooks."""


@webhook.command(name="test")
def send(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to send it.")],
    *,
    secret: Annotated[
        str | None,
        typer.Option(
            metavar="WHSEC", help="Sign with this; else with VIDOBS_WEBHOOK_SECRET, if it is set."
        ),
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Also to this machine and its own network.")
    ] = False,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Also without TLS, to anywhere.")
    ] = False,
    event: Annotated[str, typer.Option(help="Which event to send.")] = EventName.COMPLETED.value,
    as_json: Json = False,
) -> None:
    """Send one made-up event, and show what was answered; exit code 1 if it was not taken.

    It is of provider `vidobs`, costs nothing and has the tag `vidobs.test=true`. Nothing is
    recorded.
    """
    name = event_name(event)
    options = {"url": url, "allow_private": allow_private, "allow_http": allow_http}
    if secret is not None:
        options["secret"] = secret
    exporter = _exporter(options)
    bits = Random().getrandbits  # noqa: S311 - ids, not secrets
    sample = sample_event(name, now=datetime.now(UTC), getrandbits=bits)
    (tried,) = try_all([exporter], sample)
    if as_json:
        print_json(WebhookObject(tried.ok, tried.says, tried.seconds, name, sample.id))
    else:
        word = "ok" if tried.ok else "FAILED"
        typer.echo(f"{word}: {tried.says} ({tried.seconds:.2f} s, webhook-id {sample.id})")
    if not tried.ok:
        raise typer.Exit(1)


def _exporter(options: dict[str, object]) -> Exporter:
    from vidobs.delivery import registry

    return registry.build(_KIND, options, found=registry.installed())
