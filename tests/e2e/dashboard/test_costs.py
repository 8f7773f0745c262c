"""The costs in a real Chromium: groups, order, periods, the file, a phone, and no script."""

import csv
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from dashboard_kit import PHONE, chromium, past, served, visit
from playwright.sync_api import expect

pytestmark = pytest.mark.real
SEVERE = ("serious", "critical")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The dashboard of five weeks of jobs."""
    path = tmp_path_factory.mktemp("costs") / "ledger.db"
    with past(path) as made:
        made.days(35, a_day=6)
    with served(path) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    """One Chromium for all of them."""
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"viewport": PHONE}])
@pytest.mark.parametrize("query", ["", "?by=tag&window=year", "?by=day&window=7d"])
def test_it_is_drawn_accessible_and_fits(server, browser, look, query):
    """Nothing is said on the console, axe finds nothing serious, and nothing sticks out."""
    with visit(browser, server, **look) as page:
        page.goto(f"{server.root_url}/costs{query}")
        expect(page.locator("figure canvas")).to_be_visible()
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in SEVERE] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.problems == []


def test_from_a_group_to_an_order_to_the_jobs(server, browser):
    """By links alone: users by their seconds, and then the jobs of the first one."""
    with visit(browser, server) as page:
        page.get_by_role("link", name="Costs").click()
        page.get_by_role("link", name="User", exact=True).click()
        page.get_by_role("link", name="Seconds").click()
        heading = page.get_by_role("columnheader", name="Seconds")
        expect(heading).to_have_attribute("aria-sort", "descending")
        cells = page.locator("#costs-table tbody td:nth-child(5)").all_inner_texts()
        seconds = [float(cell.removesuffix(" s").replace(",", "")) for cell in cells]
        assert len(seconds) == 5
        assert seconds == sorted(seconds, reverse=True)
        user = page.locator("#costs-table tbody a").first
        name = user.inner_text()
        user.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
        assert f"user={name}" in page.url


def test_dates_are_asked_by_a_form(server, browser):
    """Without a script as well; what was chosen stays chosen."""
    with visit(browser, server, java_script_enabled=False) as page:
        page.goto(f"{server.root_url}/costs?by=provider")
        page.get_by_label("From").fill("2020-01-01")
        page.get_by_label("To").fill("2020-01-31")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_label("To")).to_have_value("2020-01-31")
        expect(page.get_by_role("link", name="Provider")).to_have_attribute("aria-current", "true")
        expect(page.locator("#costs-table")).to_contain_text("No job was settled in this period")
        page.get_by_role("link", name="Look at all of them").click()
        expect(page.locator("#costs-table tbody tr")).not_to_have_count(0)


def test_the_file_comes_as_a_download(server, browser):
    """With the rows that the page shows, in their order."""
    with visit(browser, server) as page:
        page.goto(f"{server.root_url}/costs?by=day&window=7d")
        with page.expect_download() as coming:
            page.get_by_role("link", name="CSV").click()
        file = coming.value
        assert file.suggested_filename.startswith("vidobs-costs-by-day-")
        with Path(file.path()).open(newline="") as opened:
            days = [row["day"] for row in csv.DictReader(opened)]
        assert days == page.locator("#costs-table tbody th").all_inner_texts()
        assert days
