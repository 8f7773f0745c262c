"""The list of jobs in a real browser: new rows come by themselves, keys and filters work."""

from contextlib import closing
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from boards_of_jobs import HOSTILE, JobLedger
from dashboard_kit import DESKTOP, PHONE, chromium, served, visit

from vidobs.core.jobs import JobError, Reason

pytestmark = pytest.mark.real
SOON_MS = 10_000


@pytest.fixture(scope="module")
def browser():
    """Start a browser."""
    with chromium() as started:
        yield started


class Board:
    """A ledger that goes on, and the server over it."""

    def __init__(self, ledger, server) -> None:
        self.ledger = ledger
        self.url = f"{server.root_url}/jobs"
        self.server = server


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """Two pages of jobs, of which one wants to be something else."""
    path = tmp_path_factory.mktemp("jobs") / "ledger.db"
    with closing(JobLedger(path, now=datetime.now(UTC))) as ledger:
        for number in range(60):
            ledger.done(9000 - 10 * number, user="many", prompt="A lighthouse in a storm")
        error = JobError("blocked", HOSTILE)
        says = {"reason": Reason.MODERATION_OUTPUT, "error": error}
        ledger.failed(300, prompt=HOSTILE, user=HOSTILE, tags={"x": HOSTILE}, says=says)
        ledger.rendering(100, user="ada", prompt="A kitten in the sun")
        with served(path) as server:
            yield Board(ledger, server)


def rows(page):
    """Return the jobs of the list, from above."""
    return page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.id)")


def test_new_jobs_appear_at_the_top(browser, board):
    """On the first page, and lit up for a moment; an older page stays as it is."""
    with visit(browser, board.server) as page:
        page.goto(board.url)
        page.locator("#live[data-state=on]").wait_for(state="attached")
        job = board.ledger.queued(1, user="ada", prompt="A kitten again")
        page.locator(f"tr#{job.job_id}").wait_for(timeout=SOON_MS)
        assert rows(page)[0] == job.job_id
        page.get_by_role("link", name="Older").click()
        page.wait_for_url("**before=*")
        assert page.locator("section[data-live]").count() == 0
        assert page.problems == []


def test_the_first_job_comes_by_itself(browser, tmp_path):
    """A page that said how to begin shows what began."""
    path = tmp_path / "ledger.db"
    with served(path) as server, visit(browser, server) as page:
        page.goto(f"{server.root_url}/jobs")
        assert page.get_by_role("heading", name="No jobs yet").is_visible()
        page.locator("#live[data-state=on]").wait_for(state="attached")
        with closing(JobLedger(path, now=datetime.now(UTC))) as ledger:
            job = ledger.queued(1)
            page.locator(f"tr#{job.job_id}").wait_for(timeout=SOON_MS)
        assert page.problems == []


def test_the_keyboard_is_enough(browser, board):
    """`j` and `k` walk, Enter opens, `/` goes to the search."""
    with visit(browser, board.server) as page:
        page.goto(f"{board.url}?user=many")
        second = rows(page)[1]
        for key in ("j", "j", "j", "k"):
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/jobs/{second}")
        page.keyboard.press("/")
        page.keyboard.type("user:ada kitten sun")
        page.keyboard.press("Enter")
        page.wait_for_url("**/jobs?q=*")
        assert len(rows(page)) == 1


def test_a_row_is_opened_by_a_click_anywhere(browser, board):
    """But its tags are links of their own."""
    with visit(browser, board.server) as page:
        page.goto(f"{board.url}?user=many")
        page.locator("tbody tr").first.locator(".of-age").click(force=True)
        page.wait_for_url("**/jobs/job_*")
        page.go_back()
        page.locator("tbody tr").first.get_by_role("link", name="many").click()
        page.wait_for_url("**user=many*")


@pytest.mark.parametrize("scripts", [True, False])
def test_filters_work_with_and_without_scripts(browser, board, scripts):
    """A form that is sent, chips that take one filter away, and kinds to choose from."""
    with visit(browser, board.server, java_script_enabled=scripts) as page:
        page.goto(board.url)
        page.get_by_text("More filters").click()
        page.get_by_label("State").select_option("failed")
        page.get_by_label("Since").fill("1h")
        page.get_by_role("button", name="Filter").click()
        page.wait_for_url("**state=failed*")
        assert len(rows(page)) == 1
        page.get_by_role("link", name="state failed").click()
        page.wait_for_url(lambda url: "state" not in url and "since=1h" in url)
        assert len(rows(page)) > 1
        page.get_by_role("link", name="Failed", exact=True).click()
        page.wait_for_url("**state=failed*")
        assert len(rows(page)) == 1


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits_and_keeps_nobody_out(browser, board, viewport, dark):
    """Nothing is cut off at the width of a phone, and axe finds nothing serious."""
    with visit(browser, board.server, viewport=viewport, dark=dark) as page:
        page.goto(f"{board.url}?since=7d")
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
        assert page.problems == []


def test_what_users_and_providers_write_is_never_run(browser, board):
    """A dialogue would open if it were."""
    with visit(browser, board.server) as page:
        opened = []
        page.on("dialog", lambda dialog: opened.append(dialog.dismiss()))
        page.goto(f"{board.url}?state=failed")
        assert "<script>alert(1)</script>" in page.locator("tbody").inner_text()
        page.locator("tbody a[data-row]").click()
        page.wait_for_url("**/jobs/job_*")
        assert HOSTILE.partition("\u202e")[0] in page.locator("#job-head").inner_text()
        assert (opened, page.problems) == ([], [])
