"""The table of docs/dialects.md: which dialects there are, and what each was tested with.

`python -m vidobs.sandbox.tested docs/dialects.md` puts it into the page.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from vidobs.dialects.codecs import CODECS
from vidobs.dialects.variants import VARIANTS

FIXTURES = "tests/fixtures/dialects"
NOT_LIVE = "contract-tested, not live-tested"

_PLACE = re.compile(r"(?<=<!-- table: tested -->\n).*?(?=<!-- end -->)", re.DOTALL)
_HEAD = (
    "| dialect | model names | servers that speak it | exchanges | server played | real ones |\n"
    "|---|---|---|---|---|---|\n"
)


def table(root: Path) -> str:
    """Return the table; `root` is where the fixtures are counted."""
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


def fill(page: str, root: Path) -> str:
    """Return a page with the table as code and fixtures have it now."""
    return _PLACE.sub(lambda _: table(root), page)


def _row(name: str, called: str, servers: str, tried_with: str, root: Path) -> str:
    exchanges = len(list((root / FIXTURES / name).glob("*.json")))
    real = tried_with or NOT_LIVE
    return f"| `{name}` | {called} | {servers} | {exchanges} | `--dialect {name}` | {real} |\n"


if __name__ == "__main__":
    for given in sys.argv[1:]:
        file = Path(given).resolve()
        file.write_text(fill(file.read_text("utf-8"), file.parents[1]), "utf-8")
