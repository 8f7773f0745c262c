"""The page about the sandbox says what the code does."""

import re
from pathlib import Path

from vidobs.dialects.variants import VARIANTS
from vidobs.sandbox.app import ROUTES
from vidobs.sandbox.differences import differences
from vidobs.sandbox.fault_table import FAULTS
from vidobs.sandbox.reference import TABLES, faults, fill

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "sandbox.md").read_text("utf-8")


def test_the_tables_are_up_to_date():
    """Run `python -m vidobs.sandbox.reference docs/sandbox.md` when this fails."""
    assert fill(PAGE) == PAGE
    assert all(
        f"<!-- table: {name} -->\n{table()}<!-- end -->" in PAGE for name, table in TABLES.items()
    )


def test_a_table_that_is_old_is_made_anew():
    """What stands between the marks is replaced, and nothing else."""
    page = "a\n<!-- table: faults -->\nold\n<!-- end -->\nb\n"
    assert fill(page) == f"a\n<!-- table: faults -->\n{faults()}<!-- end -->\nb\n"
    assert all(f"| `{name}` | {fault.summary} |\n" in faults() for name, fault in FAULTS.items())


def test_every_operation_is_described():
    """The table of requests has each of them."""
    for path, methods in ROUTES.items():
        shown = re.sub(r"{\w+}", "{id}", path)
        assert all(f"`{method} {shown}`" in PAGE for method in methods)


def test_every_option_is_there():
    """What the page says of the command line is in its reference."""
    reference = (DOCS / "cli.md").read_text("utf-8")
    section = reference.partition("\n## vidobs sandbox\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"--[a-z-]+[a-z]", PAGE)) <= set(re.findall(r"--[a-z-]+[a-z]", section))


def test_the_differences_of_a_dialect_are_said():
    """OpenAI's own has none, every other some."""
    assert differences(VARIANTS["openai"]) == ["nothing"]
    assert differences(VARIANTS["azure"]) == ["a filter's block has `innererror`"]
    for name, variant in VARIANTS.items():
        assert name == "openai" or "nothing" not in differences(variant)
