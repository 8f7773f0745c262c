"""`vidobs dashboards`: dashboards and alerts for Grafana, Datadog and Prometheus."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from vidobs.core.errors import ConfigError
from vidobs.telemetry.boards.alerts import USD_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = "vidobs dashboards export"  # stands in each file: what has it may be overwritten


class Kind(StrEnum):
    """What can be exported."""

    GRAFANA = "grafana"
    DATADOG = "datadog"
    PROMETHEUS_RULES = "prometheus-rules"


FILES = {
    Kind.GRAFANA: "vidobs-grafana.json",
    Kind.DATADOG: "vidobs-datadog.json",
    Kind.PROMETHEUS_RULES: "vidobs-alerts.yaml",
}

Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write a file into this folder instead of printing it."),
]
UsdPerHour = Annotated[
    float,
    typer.Option(min=0.0, help="Above it the alert of spend fires; prometheus-rules only."),
]

dashboards = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Make dashboards and alerts for your own stack.",
)


@dashboards.callback()
def _group() -> None:
    """Make dashboards and alerts for your own stack."""


@dashboards.command()
def export(
    kind: Annotated[Kind, typer.Argument(help="For what.", show_default=False)],
    *,
    out: Out = None,
    usd_per_hour: UsdPerHour = USD_PER_HOUR,
) -> None:
    """Print a dashboard or the alerts, or write them to a folder; no ledger is needed.

    They are made from the metrics of this version: export them again after an update. A file of
    an earlier export is replaced, no other is.
    """
    text = _MADE[kind](usd_per_hour)
    if out is None:
        typer.echo(text, nl=False)
        return
    path = out / FILES[kind]
    _write(path, text)
    typer.echo(f"wrote {path}")


def _grafana(_usd_per_hour: float) -> str:
    from vidobs.telemetry.boards.grafana import dashboard

    return _json(dashboard())


def _datadog(_usd_per_hour: float) -> str:
    from vidobs.telemetry.boards.datadog import dashboard

    return _json(dashboard())


def _rules(usd_per_hour: float) -> str:
    from vidobs.telemetry.boards import rules

    return rules.text(rules.rules(usd_per_hour=usd_per_hour))


_MADE: dict[Kind, Callable[[float], str]] = {
    Kind.GRAFANA: _grafana,
    Kind.DATADOG: _datadog,
    Kind.PROMETHEUS_RULES: _rules,
}


def _json(made: msgspec.Struct) -> str:
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"


def _write(path: Path, text: str) -> None:
    """Write a file, and make its folder, unless one that is not ours stands there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and MARK not in path.read_text("utf-8", errors="replace"):
            raise ConfigError(
                f"--out: {path} was not made by `{MARK}`; move it away, or choose another folder"
            )
        path.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"--out: {path} cannot be written: {error.strerror}") from None
