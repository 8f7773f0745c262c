"""What README and docs/ show is run, what they list is complete, and what they link to is there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from vidobs.config import reference as settings_reference
from vidobs.core import names
from vidobs.core.events import EventName
from vidobs.sandbox import FAULTS
from vidobs.telemetry import reference as telemetry_reference
from vidobs.testing import Sandbox

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MOST_README_LINES = 150
EXAMPLE_BEFORE_LINE = 40
NOT_RUN = "<!-- runs: no -->"

_BLOCK = re.compile(
    r"^(?P<marker><!--[^\n]*-->\n)?```(?P<kind>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
_TEST = re.compile(r"^(async )?def test_", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A block of code in a page."""

    line: int
    kind: str
    code: str


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page that are meant to be run."""
    text = page.read_text("utf-8")
    return [
        Block(text.count("\n", 0, found.start()) + 1, found["kind"], found["code"])
        for found in _BLOCK.finditer(text)
        if (found["marker"] or "").strip() != NOT_RUN and found["kind"] != "text"
    ]


def name_of(page: Path) -> str:
    """Name a page in the output of pytest."""
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def server():
    """Start one fast sandbox for all pages."""
    with Sandbox(time_scale=0.02) as sandbox:
        yield sandbox


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name_of)
def test_what_a_page_shows_works(page, server, tmp_path):
    """Its blocks are run one after the other, in one folder and against one server."""
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "any",
        "VIDOBS_LEDGER": "sqlite:///ledger.db",
        "PYTHONWARNINGS": "ignore:The Sora API is scheduled:DeprecationWarning",
        "HOME": str(tmp_path),
    }
    for block in blocks(page):
        ran = subprocess.run(
            command(block, tmp_path),
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{name_of(page)}:{block.line}\n{ran.stdout}{ran.stderr}"
        assert "Traceback" not in ran.stderr, f"{name_of(page)}:{block.line}\n{ran.stderr}"


def command(block: Block, folder: Path) -> list[str]:
    """Return what runs a block: tests by pytest, settings in YAML by `vidobs config`."""
    if block.kind == "python" and _TEST.search(block.code):
        file = folder / f"test_line_{block.line}.py"
        file.write_text(block.code, "utf-8")
        alone = "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1"  # plugins of others are slow
        return ["env", alone, sys.executable, "-m", "pytest", "-q", "-p", "vidobs", str(file)]
    if block.kind == "python":
        return [sys.executable, "-c", block.code]
    if block.kind == "sh":
        return ["bash", "-euc", block.code]
    assert block.kind == "yaml", f"line {block.line}: nobody knows how to run {block.kind!r}"
    file = folder / f"line-{block.line}.yaml"
    file.write_text(block.code, "utf-8")
    return ["env", f"VIDOBS_CONFIG={file}", "vidobs", "config"]


def test_the_readme_example_does_what_it_says(server, tmp_path):
    """It prints model and settled cost, tells its story on stderr, and leaves the file."""
    (code,) = [one.code for one in blocks(ROOT / "README.md") if "create_and_poll" in one.code]

    ran = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "any"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout == "sora-2 0.8\n"
    assert "video.submitted" in ran.stderr
    assert "$0.80 settled" in ran.stderr
    assert (tmp_path / "cat.mp4").read_bytes()[4:8] == b"ftyp"


def test_the_readme_is_short():
    """At most 150 lines, and the example stands before line 40."""
    page = ROOT / "README.md"
    first = next(block for block in blocks(page) if block.kind == "python")

    assert len(page.read_text("utf-8").splitlines()) <= MOST_README_LINES
    assert first.line + len(first.code.splitlines()) < EXAMPLE_BEFORE_LINE


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    """Each link to a file leads to one, and each anchor to a heading."""
    for link in _LINK.findall(page.read_text("utf-8")):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_listed():
    """docs/index.md links each page of docs/."""
    linked = set(_LINK.findall((ROOT / "docs" / "index.md").read_text("utf-8")))

    assert {page.name for page in (ROOT / "docs").glob("*.md")} - linked <= {"index.md"}


@pytest.mark.parametrize(
    ("page", "made"),
    [
        ("settings", settings_reference.reference),
        ("events", telemetry_reference.events),
        ("metrics", telemetry_reference.metrics),
        ("attributes", telemetry_reference.attributes),
    ],
)
def test_tables_are_up_to_date(page, made):
    """The page is what the code says now; its second line says how to make it anew."""
    assert (ROOT / "docs" / f"{page}.md").read_text("utf-8") == made()


def test_no_event_is_missing():
    """docs/events.md has a row with words for each event."""
    page = telemetry_reference.events()

    for event in EventName:
        assert re.search(rf"^\| `{event.value}` \| \w+[ ,]", page, re.MULTILINE), event


def test_reserved_events_are_emitted_by_nobody():
    """An event that vidobs has begun to emit is no longer called reserved, and the other way."""
    tables = {
        "vidobs/cli/sample.py",
        "vidobs/config/litellm_names.py",
        "vidobs/core/events.py",
        "vidobs/delivery/event_line.py",
        "vidobs/telemetry/fields.py",
        "vidobs/telemetry/reference.py",
    }
    code = "".join(
        path.read_text("utf-8")
        for path in (ROOT / "vidobs").rglob("*.py")
        if name_of(path) not in tables
    )
    terminal = {event for event in EventName if event.terminal}  # named by a table of the core

    emitted = {event for event in EventName if f"EventName.{event.name}" in code} | terminal

    assert emitted | telemetry_reference.RESERVED == set(EventName)
    assert not emitted & telemetry_reference.RESERVED


def test_no_metric_is_missing():
    """docs/metrics.md has a row with words for each metric of the names."""
    page = telemetry_reference.metrics()

    rows = re.findall(r"^\| `(\S+)` \| [\w -]+ \| `\S+` \| \w+", page, re.MULTILINE)
    assert set(rows) == {
        name for constant, name in vars(names).items() if constant.startswith("METRIC_")
    }


def test_no_attribute_is_missing():
    """docs/attributes.md has a row with words for each attribute, and each field of a log line."""
    described = dict(telemetry_reference.described_attributes())

    assert set(names.LOG_FIELD_OF) <= set(described)
    assert all(len(comment) > 2 for comment in described.values()), described
    assert len(described) > 40


def test_no_fault_is_missing():
    """docs/sandbox.md has the table of faults as the sandbox has it."""
    page = (ROOT / "docs" / "sandbox.md").read_text("utf-8")
    section = page.partition("\n## Faults\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)

    assert dict(rows) == {fault.name: fault.summary for fault in FAULTS.values()}


@pytest.mark.slow
def test_the_picture_is_made_by_the_demo(tmp_path):
    """The script draws an SVG that needs nothing from elsewhere and names no folder."""
    code = "import sys; sys.path.insert(0, 'docs'); import make_demo_svg as m; print(m.make())"

    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    for svg in (ran.stdout, (ROOT / "docs" / "demo.svg").read_text("utf-8")):
        assert "kitten" in svg
        assert "url(http" not in svg
        assert "/tmp" not in svg  # noqa: S108 - not used, but looked for
