"""The failures in a real browser: keys, filters, the chart; and who cannot see well, or much."""

from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from boards_of_failures import failing
from dashboard_kit import DESKTOP, PHONE, chromium, served, visit

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def browser():
    """Start a browser."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Five failures, of which a filter caused one."""
    path = tmp_path_factory.mktemp("failures") / "ledger.db"
    failing(path, now=datetime.now(UTC))
    with served(path) as started:
        yield started


def test_from_the_list_to_a_job_by_keys(browser, server):
    """`g f` goes to the list, `j` and Enter to a group, and from there to an example."""
    with visit(browser, server) as page:
        page.keyboard.press("g")
        page.keyboard.press("f")
        page.wait_for_url("**/failures")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/failures/*")
        assert page.inner_text("pre.message") == "Worker <n> ran out of memory"
        page.wait_for_selector("figure[data-chart] canvas, figure[data-chart] svg")
        page.click("text=As a table")
        assert page.locator("figure tbody tr").count() == 3
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/jobs/job_*")
        assert page.problems == []


def test_filters_narrow_the_list(browser, server):
    """And the address keeps them, so that it can be sent to somebody."""
    with visit(browser, server) as page:
        page.goto(server.root_url + "/failures?window=all")
        assert page.locator("tbody tr").count() == 3
        page.select_option("select[name=reason]", "timeout")
        page.click("button:has-text('Filter')")
        page.wait_for_url("**reason=timeout**")
        assert page.locator("tbody tr").count() == 1
        assert "window=all" in page.url
        page.click("text=Clear")
        assert page.locator("tbody tr").count() == 3


def test_all_jobs_of_a_group_are_one_click_away(browser, server):
    """The list of jobs shows those and no others."""
    with visit(browser, server) as page:
        page.goto(server.root_url + "/failures")
        page.click("a[data-row] >> nth=0")
        page.click("text=All of these jobs")
        page.wait_for_selector("h1:has-text('Jobs')")
        assert page.locator("tbody[data-rows] tr").count() == 3


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_everybody_can_read_it(browser, server, viewport, dark):
    """Axe finds nothing serious on either page, and nothing stands out of the window."""
    with visit(browser, server, viewport=viewport, dark=dark) as page:
        page.goto(server.root_url + "/failures")
        group = page.locator("a[data-row]").first.get_attribute("href")
        for path in ("/failures", group, "/failures?provider=none"):
            page.goto(server.root_url + path)
            found = Axe().run(page).response["violations"]
            assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= viewport["width"], path
