"""The costs over HTTP: the page, its twin and its file, as a browser or a script gets them."""

import csv
import io
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from boards_of_costs import HOUR, Read, asked, board, site_of

from vidobs.dashboard.pages.costs import Costs, answer

DAY = timedelta(days=1)
HOSTILE = "=cmd|' /C calc'!A1\"><script>alert(1)</script>\u202e" + "w" * 200


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Jobs of two models and three users, one of whom has a name that wants to be something."""
    folder = tmp_path_factory.mktemp("costs")
    with board(folder / "ledger.db") as made:
        made.make(3 * DAY, user="ada", tags={"team": "film"})
        made.make(DAY, user=HOSTILE, tags={HOSTILE: HOSTILE}, seconds=12)
        made.make(HOUR, model="sora-2-pro")
        made.make(HOUR, "unknown", user="grace")
        made.make(HOUR, provider="self_hosted", model=HOSTILE)
    with site_of(folder / "ledger.db", folder / "cache") as opened:
        yield opened


def test_the_page_and_its_twin_say_the_same(site):
    """The twin is the struct that the page was made from, in JSON."""
    page, twin = site.get("/costs?by=user&window=7d", "/api/costs?by=user&window=7d")
    found = answer(site.desk, asked(by="user", window="7d"))
    assert msgspec.json.decode(twin.content, type=Costs) == found
    assert twin.json()["usd"] == "4.4"
    read = Read(page.text)
    assert "$4.40" in read.text
    assert "/api/costs?window=7d&by=user&sort=spend&order=down&limit=10000" in read.links


@pytest.mark.parametrize("by", ["model", "provider", "user", "tag", "day"])
def test_hostile_names_stay_text(site, by):
    """Names come from users: they are shown as they are, and are never markup or script."""
    (page,) = site.get(f"/costs?by={by}")
    read = Read(page.text)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    scripts = [script.get("type") for script in read.all("script")]
    assert set(scripts) <= {None, "module", "application/json"}
    assert not any("style" in attributes for _, attributes in read.elements)
    assert not [name for _, one in read.elements for name in one if name.startswith("on")]
    if by in ("model", "user", "tag"):
        assert HOSTILE in read.text


def test_columns_are_sorted_by_links(site):
    """A link on each heading: the greatest first, and then the other way round."""
    (page,) = site.get("/costs?window=30d")
    read = Read(page.text)
    sorts = {
        asked_for["sort"][0]: asked_for["order"][0]
        for link in read.all("a")
        if link.get("class") == "sort"
        for asked_for in [parse_qs(urlsplit(link["href"]).query)]
    }
    assert sorts == {
        "key": "up",
        "spend": "up",
        "jobs": "down",
        "seconds": "down",
        "rate": "down",
        "possible": "down",
    }
    assert [head["aria-sort"] for head in read.all("th") if "aria-sort" in head] == ["descending"]
    (turned,) = site.get("/costs?window=30d&sort=spend&order=up")
    assert turned.text.index(">sora-2</a>") < turned.text.index(">sora-2-pro</a>")


def test_rows_lead_to_the_list_of_their_jobs(site):
    """Narrowed by the key and the period, with every character of the key."""
    (page,) = site.get("/costs?by=user&from=2026-03-01&to=2026-03-08")
    rows = [link["href"] for link in Read(page.text).all("a") if "data-row" in link]
    asked_for = [parse_qs(urlsplit(link).query) for link in rows]
    assert {link.partition("?")[0] for link in rows} == {"/jobs"}
    assert {one["user"][0] for one in asked_for} == {"ada", "grace", HOSTILE}
    assert {(one["since"][0], one["until"][0]) for one in asked_for} == {
        ("2026-03-01T00:00", "2026-03-09T00:00")
    }


def test_the_file_is_a_download_that_runs_nothing(site):
    """The rows of the page, under a name that says what they are; no cell is a formula."""
    (file,) = site.get("/costs.csv?by=user&window=7d&sort=spend&order=down")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.headers["content-disposition"] == (
        'attachment; filename="vidobs-costs-by-user-2026-03-02-now.csv"'
    )
    rows = list(csv.DictReader(io.StringIO(file.text, newline="")))
    shown = answer(site.desk, asked(by="user", window="7d")).rows
    assert [row["user"] for row in rows] == [
        f"'{row.key}" if row.key == HOSTILE else row.key or "" for row in shown
    ]
    assert [row["usd"] for row in rows] == ["2.40", "1.20", "0.80", ""]
    assert [row["possible_usd"] for row in rows] == ["0.00", "0.00", "0.00", "0.80"]


@pytest.mark.parametrize("path", ["/costs", "/api/costs", "/costs.csv"])
def test_what_makes_no_sense_is_refused(site, path):
    """As a page, as JSON, or as a line, each with the reason."""
    (wrong,) = site.get(f"{path}?from=yesterday")
    assert wrong.status_code == 400
    assert "no date such as 2026-01-31" in wrong.text


def test_an_empty_ledger_has_a_way_on(tmp_path):
    """No figures, no chart, and a link to all of the time."""
    with site_of(tmp_path / "none.db", tmp_path / "cache") as site:
        page, file = site.get("/costs", "/costs.csv")
    read = Read(page.text)
    assert "No job was settled in this period" in read.text
    assert "/costs?window=all" in read.links
    assert not read.all("figure")
    assert file.text == "model,jobs,usd,possible_usd,unpriced,seconds,usd_per_second\r\n"


def test_a_ledger_that_cannot_be_read_is_said(tmp_path):
    """Not a page of zeros."""
    (tmp_path / "ledger.db").write_bytes(b"This is no database, and long enough to be seen." * 99)
    with site_of(tmp_path / "ledger.db", tmp_path / "cache") as site:
        page, file = site.get("/costs", "/costs.csv")
        assert site.desk.index.progress().problem in Read(page.text).text
        assert file.status_code == 200
