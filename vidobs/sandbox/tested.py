"""The tables of docs/dialects.md: how each dialect was tested, and what a client has to know.

`python -m vidobs.sandbox.tested docs/dialects.md` puts them into the page.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vidobs.dialects.codecs import CODECS
from vidobs.dialects.rows import Bodies
from vidobs.dialects.variants import VARIANTS

if TYPE_CHECKING:
    from vidobs.dialects.rows import Variant

FIXTURES = "tests/fixtures/dialects"
NOT_LIVE = "contract-tested, not live-tested"

_PLACE = re.compile(r"(?<=<!-- table: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)
_HEAD = (
    "| dialect | model names | servers that speak it | exchanges | server played | tested how |\n"
    "|---|---|---|---|---|---|\n"
)
_CLIENTS = (
    "| dialect | address | key | body | cancels | joins traces | its servers lack |\n"
    "|---|---|---|---|---|---|---|\n"
)


def tested(root: Path) -> str:
    """Return the table of tests; `root` is where the fixtures are counted."""
    rows = [
        _row(
            name, f"`{variant.provider}/...`", ", ".join(variant.servers), variant.tried_with, root
        )
        for name, variant in VARIANTS.items()
    ]
    rows += [
        _row(name, "-", ", ".join(codec.servers), codec.tried_with, root)
        for name, codec in CODECS.items()
    ]
    return _HEAD + "".join(rows)


def clients(_: Path) -> str:
    """Return the table of what a client has to know."""
    return _CLIENTS + "".join(map(_client, VARIANTS.values()))


TABLES = {"tested": tested, "clients": clients}


def fill(page: str, root: Path) -> str:
    """Return a page with its tables as code and fixtures have them now."""
    return _PLACE.sub(lambda place: f"{place[1]}{place[2]}{TABLES[place[1]](root)}", page)


def _client(variant: Variant) -> str:
    key = f"`{variant.key_env[0]}`" + (", or none" if variant.keyless else "")
    body = "form" if variant.bodies is Bodies.FORM else "JSON, or a form with files"
    lacks = ", ".join(sorted(operation.value for operation in variant.lacks)) or "-"
    cancels = "yes" if variant.cancels else "-"
    traces = "yes" if variant.joins_traces else "-"
    return (
        f"| `{variant.name}` | `{variant.base_env[0]}` | {key} | {body} | {cancels} | {traces} "
        f"| {lacks} |\n"
    )


def _row(name: str, called: str, servers: str, tried_with: str, root: Path) -> str:
    exchanges = len(list((root / FIXTURES / name).glob("*.json")))
    how = f"{NOT_LIVE}; with {tried_with}" if tried_with else NOT_LIVE
    return f"| `{name}` | {called} | {servers} | {exchanges} | `--dialect {name}` | {how} |\n"


if __name__ == "__main__":
    for given in sys.argv[1:]:
        file = Path(given).resolve()
        file.write_text(fill(file.read_text("utf-8"), file.parents[1]), "utf-8")
