"""Replay in a real browser, by click and without scripts; and who cannot see well, or much."""

from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from boards_of_exporters import ExporterLedger
from dashboard_kit import DESKTOP, PHONE, chromium, served, visit

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def browser():
    """Start a browser."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """A dashboard of one exporter that is down, and one that is well."""
    path = tmp_path_factory.mktemp("exporters") / "ledger.db"
    ledger = ExporterLedger(path, now=datetime.now(UTC))
    ledger.down("webhook")
    ledger.stand("jsonl", delivered=6)
    with served(path, allow_actions=True) as server:
        yield ledger, server


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_replay_by_click(browser, board, scripts):
    """One letter, then the rest, then a time: each is asked for, and said so on the page."""
    ledger, server = board
    ledger.sql("DELETE FROM replay")
    ledger.bury("webhook", 2, 4, 6)
    with visit(browser, server, java_script_enabled=scripts) as page:
        page.goto(server.root_url + "/exporters")
        page.click("text=Send again >> nth=0")
        assert "1 event will be delivered to webhook" in page.inner_text("[role=status].good")
        assert ledger.asked == [("webhook", 6)]
        page.click("text=Send 2 dead letters once more")
        assert len(ledger.asked) == 3
        page.click("summary >> nth=0")
        page.fill("input[name=since] >> nth=0", "2026-11-01T00:00")
        page.click("text=Send once more >> nth=0")
        assert "6 events will be delivered to jsonl" in page.inner_text("[role=status].good")
        assert page.problems == []
    assert len(ledger.asked) == 9
    assert ledger.letters == []


def test_deliveries_are_seen_by_themselves(browser, board):
    """No job changes when an exporter comes back, and the page shows it all the same."""
    ledger, server = board
    with visit(browser, server) as page:
        page.goto(server.root_url + "/exporters")
        assert page.locator("text=Failed 6 times in a row").count() == 1
        ledger.sql("UPDATE relay SET failures = 0, cursor = 6, error = NULL")
        page.wait_for_selector("text=Failed 6 times in a row", state="detached", timeout=20_000)
        assert page.locator(".state.open").count() == 0
    ledger.sql("UPDATE relay SET failures = 6, cursor = 2 WHERE exporter = 'webhook'")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_everybody_can_read_it(browser, board, viewport, dark):
    """Axe finds nothing serious, nothing stands out of the window, and the way in is one too."""
    ledger, server = board
    ledger.bury("webhook", 1)
    with visit(browser, server, viewport=viewport, dark=dark) as page:
        page.goto(server.root_url + "/exporters")
        page.click("summary >> nth=0")
        found = Axe().run(page).response["violations"]
        wide = page.evaluate("document.documentElement.scrollWidth")
    ledger.sql("DELETE FROM dead_letter")
    serious = [one["id"] for one in found if one["impact"] in ("serious", "critical")]
    assert serious == []
    assert wide <= viewport["width"]


def test_an_empty_page_says_what_to_do(browser, tmp_path):
    """A newcomer sees how an exporter is switched on."""
    with served(tmp_path / "none.db") as server, visit(browser, server) as page:
        page.goto(server.root_url + "/exporters")
        assert "VIDOBS_CALLBACKS" in page.inner_text("main")
        serious = Axe().run(page).response["violations"]
        assert [one["id"] for one in serious if one["impact"] in ("serious", "critical")] == []
