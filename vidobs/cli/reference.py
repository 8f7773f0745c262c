"""docs/cli.md, made from the commands: `python -m vidobs.cli.reference > docs/cli.md`."""

from __future__ import annotations

import sys
from inspect import cleandoc
from typing import Any

from typer.main import get_command

from vidobs.cli.app import COMMANDS, app

_INTRO = """\
# Command line

<!-- Made by `python -m vidobs.cli.reference > docs/cli.md`; do not edit. -->

Every command that shows something takes `--json`. Tables go to stdout, errors and warnings to
stderr. Exit codes: 0 all is well, 1 `doctor`, `demo` or `ledger check` found something wrong,
`webhook test` was not taken, or `relay --drain` or `reconcile` left something, 2 wrong usage, wrong
settings or a ledger that cannot be read.

In JSON money is a string of plain digits in US dollars, or null where it is not known, never zero;
times are UTC in ISO 8601, durations are seconds. `possible_usd` is in no total.

In tables `~` stands before the cost of a job that has not ended, and `?` behind the cost of one of
which nobody knows whether it is billed.
"""


def reference() -> str:
    """Return the page."""
    group: Any = get_command(app)  # click's classes live in a different module in each typer
    context = group.make_context("vidobs", [], resilient_parsing=True)
    pages = [_page(group.get_command(context, name), name, context) for name in COMMANDS]
    return _INTRO + "".join(pages)


def _page(command: Any, name: str, parent: Any) -> str:  # noqa: ANN401 - see `reference`
    if not hasattr(command, "list_commands"):
        return _section(command, name, parent)
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    inner = [
        _section(command.get_command(context, each), f"{name} {each}", parent, level="###")
        for each in command.list_commands(context)
    ]
    if command.invoke_without_command:
        return _section(command, name, parent) + "".join(inner)
    return f"\n## vidobs {name}\n\n{cleandoc(command.help)}\n" + "".join(inner)


def _section(
    command: Any,  # noqa: ANN401 - see `reference`
    name: str,
    parent: Any,  # noqa: ANN401 - see `reference`
    level: str = "##",
) -> str:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    usage = " ".join(["vidobs", name, *command.collect_usage_pieces(context)])
    records = [param.get_help_record(context) for param in command.params]
    lines = [f"| `{_cell(names)}` | {_cell(text)} |" for names, text in filter(None, records)]
    rows = "\n".join(["| option | what it does |", "|---|---|", *lines])
    return f"\n{level} vidobs {name}\n\n{cleandoc(command.help)}\n\n```\n{usage}\n```\n\n{rows}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").strip()


if __name__ == "__main__":
    sys.stdout.write(reference())
