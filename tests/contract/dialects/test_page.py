"""docs/dialects.md: its tables are up to date, and adding a dialect goes as it says."""

import json
import re
import sys
from pathlib import Path

import pytest
from dialect_kit import FIXTURES, exchanges, read, says, shape

import vidobs
from vidobs.dialects import family
from vidobs.dialects.openai import route
from vidobs.dialects.variants import VARIANTS
from vidobs.sandbox.tested import TABLES, fill
from vidobs.testing import FrozenClock, Sandbox, isolated

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "dialects.md").read_text("utf-8")
ADDING = PAGE.partition("\n## Adding one\n")[2]
NAME = "acme"


def block(kind):
    """Return the block of a kind in the section about adding."""
    return re.search(rf"```{kind}\n(.*?)```", ADDING, re.DOTALL)[1]


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """Put the file of the page where the others are, and find it as they are found."""
    (tmp_path / f"{NAME}.py").write_text(block("python"), "utf-8")
    monkeypatch.setattr(family, "__path__", [*family.__path__, str(tmp_path)])
    module = f"{family.__name__}.{NAME}"
    try:
        yield family.members()[NAME]
    finally:
        sys.modules.pop(module, None)
        vars(family).pop(NAME, None)


def test_the_tables_are_up_to_date():
    """Run `python -m vidobs.sandbox.tested docs/dialects.md` when this fails."""
    assert fill(PAGE, ROOT) == PAGE
    assert all(f"<!-- table: {name} -->\n|" in PAGE for name in TABLES)


@pytest.mark.parametrize("dialect", VARIANTS)
def test_every_dialect_is_in_both_tables(dialect):
    """With how many exchanges there are of it."""
    count = len(list((FIXTURES / dialect).glob("*.json")))

    [tested, clients] = re.findall(rf"^\| `{dialect}` \| .*$", PAGE, re.MULTILINE)
    assert f" | {count} | " in tested
    assert "contract-tested, not live-tested" in tested
    assert VARIANTS[dialect].base_env[0] in clients


def test_one_file_is_a_dialect(acme):
    """It is found beside the others, which are all still there."""
    assert (acme.name, acme.provider) == ("acme", "acme")
    assert set(family.members()) == {*VARIANTS, NAME}


def test_its_folder_holds_codec_and_played_server(acme, tmp_path):
    """The documented answer says what it says, and the played server gives the same one."""
    (tmp_path / "completed.json").write_text(block("json"), "utf-8")
    [exchange] = exchanges(tmp_path).values()
    assert says(exchange) == exchange["says"]

    clock = FrozenClock()
    with (
        Sandbox(dialect=acme, clock=clock) as sandbox,
        isolated(clock=clock) as seen,
        vidobs.Client(base_url=sandbox.base_url, api_key="any", dialect=acme) as client,
    ):
        made = client.videos.create(prompt="A tram", model="acme-1", seconds=4, size="64x64")
        clock.advance(60)
        done = client.videos.retrieve(made.id)
        [job] = seen.jobs

    assert shape(done.raw) == shape(exchange["answer"])
    operation = route("GET", exchange["request"]["path"]).operation
    assert read(operation, 200, {}, json.dumps(done.raw).encode()).keys() == (
        exchange["says"].keys()
    )
    assert (job.dialect, job.provider, job.cost.basis) == ("acme", "acme", "reported")


def test_nothing_stays_of_a_dialect_that_was_tried():
    """The page's own is no dialect of vidobs."""
    assert NAME not in family.members()
