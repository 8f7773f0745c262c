"""`vidobs doctor`: is everything here as it should be?"""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.console import Console

from vidobs.cli._read import doors
from vidobs.cli.findings import Finding, Verdict, examine
from vidobs.cli.options import Json, print_json
from vidobs.cli.render import safe, table

_MARKS = {
    Verdict.OK: ("ok", "green"),
    Verdict.NOTE: ("note", "yellow"),
    Verdict.WRONG: ("WRONG", "red"),
}


class DoctorObject(msgspec.Struct, frozen=True):
    """What `vidobs doctor --json` prints."""

    ok: bool
    findings: tuple[Finding, ...]


def doctor(
    ctx: typer.Context,
    *,
    send: Annotated[
        bool, typer.Option("--send/--no-send", help="Send one test event through each exporter.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Check installation, settings, ledger and exporters; exit code 1 if something is wrong.

    Each exporter that is configured here gets one made-up event, of provider `vidobs` and with the
    tag `vidobs.test=true`, and what its receiver said is shown. That takes 20 seconds at most.
    """
    findings = examine(doors(ctx), send=send)
    fine = all(finding.verdict is not Verdict.WRONG for finding in findings)
    if as_json:
        print_json(DoctorObject(fine, findings))
    else:
        result = table("", "what", "finding")
        for finding in findings:
            mark, style = _MARKS[finding.verdict]
            result.add_row(safe(mark, style), safe(finding.name), safe(finding.says))
        Console(highlight=False).print(result)
    if not fine:
        raise typer.Exit(1)
