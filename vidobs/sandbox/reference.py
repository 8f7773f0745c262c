"""The tables of docs/sandbox.md, made from the code.

`python -m vidobs.sandbox.reference docs/sandbox.md` puts them into the page.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vidobs.dialects.variants import VARIANTS
from vidobs.sandbox.differences import differences
from vidobs.sandbox.fault_table import FAULTS
from vidobs.sandbox.scenario_file import JOB_KEYS, STATE_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.sandbox.scenario_file import Key

_PLACE = re.compile(r"(?<=<!-- table: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def faults() -> str:
    """Return the table of faults."""
    rows = {name: fault.summary for name, fault in FAULTS.items()}
    return _table("fault", "what happens", rows)


def scenario_keys() -> str:
    """Return the table of what a scenario says of a job."""
    return _table("of a job", "what it says", _summaries(JOB_KEYS))


def state_keys() -> str:
    """Return the table of what a scenario says of a state."""
    return _table("of a state", "what it says", _summaries(STATE_KEYS))


def dialects() -> str:
    """Return the table of the dialects that can be played."""
    rows = {name: "; ".join(differences(variant)) for name, variant in VARIANTS.items()}
    return _table("dialect", "how its server differs from OpenAI's", rows)


TABLES = {
    "dialects": dialects,
    "faults": faults,
    "scenario_keys": scenario_keys,
    "state_keys": state_keys,
}


def fill(page: str) -> str:
    """Return a page with its tables as the code has them now."""
    return _PLACE.sub(lambda place: f"{place[1]}{place[2]}{TABLES[place[1]]()}", page)


def _summaries(keys: Mapping[str, Key]) -> dict[str, str]:
    return {name: key.summary for name, key in keys.items()}


def _table(left: str, right: str, rows: Mapping[str, str]) -> str:
    lines = [f"| {left} | {right} |", "|---|---|"]
    lines += [f"| `{name}` | {text} |" for name, text in rows.items()]
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file = Path(name)
        file.write_text(fill(file.read_text("utf-8")), "utf-8")
