"""The overview over HTTP: what a browser gets, also of hostile text, of nothing, and in trouble."""

from datetime import timedelta

import msgspec
import pytest
from boards_of_costs import HOUR, NOW, Read, asked, board, site_of
from boards_of_exporters import ExporterLedger

from vidobs.dashboard.pages.overview import Overview, answer

DAY = timedelta(days=1)
HOSTILE = "\"><img src=x onerror=alert(1)>'{{7*7}}\u202e" + "w" * 200


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Jobs that ended, that run, and that need care, with hostile names."""
    folder = tmp_path_factory.mktemp("overview")
    with board(folder / "ledger.db") as made:
        made.make(2 * DAY)
        made.make(HOUR, model=HOSTILE, provider="self_hosted")
        made.make(HOUR / 20, "rendering", model=HOSTILE, user=HOSTILE)
        made.make(HOUR, "unknown")
        made.make(10 * DAY, "queued")
        made.make(DAY, says={"expires_at": NOW + timedelta(minutes=23)})
    with site_of(folder / "ledger.db", folder / "cache") as opened:
        yield opened


def test_the_page_and_its_twin_say_the_same(site):
    """The twin is the struct that the page was made from, in JSON."""
    page, twin = site.get("/?window=7d", "/api/overview?window=7d")
    found = answer(site.desk, asked(window="7d"))
    assert msgspec.json.decode(twin.content, type=Overview) == found
    read = Read(page.text)
    assert [twin.json()["usd"], "$1.60" in read.text] == ["1.6", True]
    assert "/api/overview?window=7d" in read.links


def test_hostile_names_stay_text(site):
    """A model and a user that want to be markup are shown as they are."""
    (page,) = site.get("/")
    read = Read(page.text)
    assert HOSTILE in read.text
    assert not read.all("img")
    assert not any("style" in attributes for _, attributes in read.elements)
    assert not [name for _, one in read.elements for name in one if name.startswith("on")]


def test_alerts_lead_to_what_to_do(site):
    """Each with its figure, the most urgent first, and a link to the very jobs."""
    (page,) = site.get("/")
    read = Read(page.text)
    assert "1 create in doubt." in read.text
    assert "$0.80 possible, in no total" in read.text
    assert "it expires in 23 min" in " ".join(read.text.split())
    assert "1 job may be stuck." in read.text
    flags = [link for link in read.links if link.startswith("/jobs?flag=")]
    assert flags[:3] == ["/jobs?flag=unknown", "/jobs?flag=expiring", "/jobs?flag=stuck"]


def test_an_exporter_that_is_down_is_an_alert(tmp_path):
    """By its name, with what waits and what it said, and the way to its page."""
    ledger = ExporterLedger(tmp_path / "ledger.db")
    ledger.down("datadog")
    with site_of(ledger.path, tmp_path / "cache") as site:
        (page,) = site.get("/")
        (alert,) = answer(site.desk, asked()).alerts
    assert [one.exporter for one in alert.exporters] == ["datadog"]
    read = Read(page.text)
    assert "datadog is down." in read.text
    assert alert.exporters[0].error in read.text
    assert "/exporters" in read.links


def test_what_runs_has_its_progress_in_words_too(site):
    """The bar has a text, and the row leads to the job."""
    (page,) = site.get("/")
    read = Read(page.text)
    assert "40 per cent" in [bar.get("aria-label") for bar in read.all("svg", role="img")]
    running = answer(site.desk, asked()).running.rows
    rows = [link["href"] for link in read.all("a") if "data-row" in link]
    assert rows == [f"/jobs/{one.job_id}" for one in running]


def test_the_chart_is_a_table_too(site):
    """Without a script, and for whoever cannot see it: the days in which something happened."""
    (page,) = site.get("/")
    table = page.text.partition("<details>")[2].partition("</details>")[0]
    read = Read(table)
    assert [head["scope"] for head in read.all("th")] == ["col", "col", "row", "row"]
    said = "As a table Day (UTC) sora-2 07 Mar 2026 $0.80 06 Mar 2026 $0.80"
    assert " ".join(read.text.split()) == said


def test_the_forecast_says_how_it_is_made(site):
    """So far, and the mean of full days; days since the first job count, quiet ones too."""
    assert answer(site.desk, asked()).forecast.days == 7  # one of ten days ago was there before
    (page,) = site.get("/")
    assert "mean of the last 7 full days" in page.text


@pytest.mark.parametrize("being_made", [False, True])
def test_a_newcomer_sees_what_to_do(tmp_path, being_made):
    """Three ways to begin, which file is read, and not a single figure."""
    if being_made:  # its first process has not come to the tables
        (tmp_path / "none.db").touch()
    with site_of(tmp_path / "none.db", tmp_path / "cache") as site:
        (page,) = site.get("/")
    read = Read(page.text)
    assert read.all("h1") == [{"id": "first"}]
    for way in ("vidobs demo --ui", "vidobs.wrap(openai.OpenAI())", "vidobs.Client(base_url="):
        assert way in read.text
    assert str(tmp_path / "none.db") in read.text
    assert not read.all("table")
    assert "$" not in read.text


def test_a_young_ledger_has_no_forecast(tmp_path):
    """It says how many days there are, and how many it needs."""
    with board(tmp_path / "ledger.db") as made:
        made.make(DAY)
    with site_of(tmp_path / "ledger.db", tmp_path / "cache") as site:
        (page,) = site.get("/")
    assert "needs 3 full days with jobs, there is 1" in page.text


def test_a_window_that_is_none_is_refused(site):
    """With those there are."""
    page, twin = site.get("/?window=1y", "/api/overview?window=1y")
    assert [page.status_code, twin.status_code] == [400, 400]
    assert twin.json() == {"error": "window='1y' is none of 24h, 7d, 30d, 90d"}
