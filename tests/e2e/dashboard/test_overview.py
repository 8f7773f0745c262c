"""The overview in a real Chromium: charts, live updates, keys, a phone, darkness, no script."""

from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from dashboard_kit import PHONE, chromium, past, served, visit
from playwright.sync_api import expect

from vidobs.core.jobs import JobState

pytestmark = pytest.mark.real
SEVERE = ("serious", "critical")
FIGURE = "figure[data-chart=spend]"
KEY = f"{FIGURE} .legend .key"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """Two weeks of jobs, what runs now, and a video that is soon gone."""
    path = tmp_path_factory.mktemp("overview") / "ledger.db"
    with past(path) as made:
        made.days(14, a_day=8)
        made.running(ago_s=60, progress=40)
        job = made.intend(made.now - timedelta(hours=30))
        made.see(job, 1, state=JobState.QUEUED)
        expires = made.now + timedelta(minutes=40)
        made.see(job, 60, state=JobState.COMPLETED, expires_at=expires)
    return path


@pytest.fixture(scope="module")
def server(ledger):
    """The dashboard of that ledger."""
    with served(ledger) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    """One Chromium for all of them."""
    with chromium() as opened:
        yield opened


def colour_under(page, share):
    """Return the colour of the pixel in the middle of a bar, by its share of the plot's width."""
    return page.evaluate(
        """([selector, share]) => {
            const canvas = document.querySelector(selector + " canvas");
            const x = Math.floor(canvas.width * share);
            const pixels = canvas.getContext("2d").getImageData(x, 0, 1, canvas.height).data;
            const seen = {};
            for (let at = 0; at < pixels.length; at += 4) {
                if (pixels[at + 3] < 255) continue;
                const shade = pixels.slice(at, at + 3).join(",");
                seen[shade] = (seen[shade] ?? 0) + 1;
            }
            return seen;
        }""",
        [FIGURE, share],
    )


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"viewport": PHONE}])
@pytest.mark.parametrize("window", ["30d", "24h"])
def test_it_is_drawn_accessible_and_fits(server, browser, look, window):
    """Nothing is said on the console, axe finds nothing serious, and nothing sticks out."""
    with visit(browser, server, **look) as page:
        page.goto(f"{server.root_url}/?window={window}")
        expect(page.locator(f"{FIGURE} canvas")).to_be_visible()
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in SEVERE] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.problems == []


def test_the_pointer_and_the_arrows_tell_a_day(server, browser):
    """The day in UTC with each model and the sum, which are the figures of the JSON twin."""
    with visit(browser, server, timezone_id="Pacific/Auckland") as page:
        chart = page.request.get(f"{server.root_url}/api/overview").json()["spend"]
        page.locator(f"{FIGURE} .plot").focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        place = len(chart["x"]) - 2
        tip = page.locator(f"{FIGURE} .tip")
        day = datetime.fromtimestamp(chart["x"][place], UTC)
        expect(tip.locator(".at")).to_contain_text(f"{day.day} {day:%B %Y}")
        total = sum(float(series["values"][place]) for series in chart["series"])
        if total:
            expect(tip.locator(".much").last).to_have_text(f"${total:,.2f}")
        page.keyboard.press("Escape")
        expect(tip).to_be_hidden()
        page.locator(f"{FIGURE} .plot").hover(position={"x": 400, "y": 100})
        expect(tip).to_be_visible()


def test_a_model_is_taken_out_by_its_key(server, browser):
    """With the keyboard too; what is left is stacked without it."""
    with visit(browser, server) as page:
        first = page.locator(KEY).first
        shade = page.evaluate(
            "key => getComputedStyle(key.querySelector('.swatch')).backgroundColor.slice(4, -1)",
            first.element_handle(),
        ).replace(" ", "")
        places = [share / 100 for share in range(10, 100)]
        assert any(shade in colour_under(page, share) for share in places)
        first.focus()
        page.keyboard.press("Enter")
        expect(first).to_have_attribute("aria-pressed", "false")
        assert not any(shade in colour_under(page, share) for share in places)


def test_dark_is_a_click_away_and_stays(server, browser):
    """Colours of charts change with the page's."""
    with visit(browser, server) as page:
        colour = "swatch => getComputedStyle(swatch).backgroundColor"
        before = page.locator(".swatch").first.evaluate(colour)
        page.get_by_role("link", name="Dark colours").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        after = page.locator(".swatch").first.evaluate(colour)
        assert before != after


def test_a_narrower_window_redraws_the_chart(server, browser):
    """It has the width that there is."""
    with visit(browser, server) as page:
        wide = page.locator(f"{FIGURE} canvas").bounding_box()["width"]
        page.set_viewport_size(PHONE)
        page.wait_for_function(
            "([selector, width]) =>"
            " document.querySelector(selector).getBoundingClientRect().width < width",
            arg=[f"{FIGURE} canvas", wide / 2],
        )


def test_what_happens_is_shown_without_a_reload(tmp_path, browser):
    """A job that starts appears among those that run; what it costs is in the spend when it ends.

    What the reader did to the chart outlives the update.
    """
    with past(tmp_path / "ledger.db") as made:
        made.days(3, a_day=8)
        with served(tmp_path / "ledger.db") as server, visit(browser, server) as page:
            page.evaluate("window.here = true")
            page.locator(KEY).first.click()
            page.locator(f"{FIGURE} summary").click()
            expect(page.locator("#live")).to_have_attribute("data-state", "on")
            spent = page.locator("#overview-stats .stat dd").first.inner_text()
            job = made.intend(made.now - timedelta(minutes=5))
            made.see(job, 1, state=JobState.QUEUED)
            row = page.locator(f"#running-{job.job_id}")
            expect(row).to_contain_text("queued", timeout=15_000)
            made.see(job, 30, state=JobState.IN_PROGRESS, progress=70)
            expect(row).to_contain_text("70 %", timeout=15_000)
            made.see(job, 30, state=JobState.COMPLETED)
            expect(row).to_have_count(0, timeout=15_000)
            expect(page.locator("#overview-stats .stat dd").first).not_to_have_text(spent)
            expect(page.locator(KEY).first).to_have_attribute("aria-pressed", "false")
            expect(page.locator(f"{FIGURE} details table")).to_be_visible()
            assert page.evaluate("window.here")
            assert page.problems == []


def test_an_expiring_video_is_counted_down(server, browser):
    """Second by second, beside the way to the jobs."""
    with visit(browser, server) as page:
        alert = page.locator("#overview-alerts li", has_text="soon be gone")
        time = alert.locator("time")
        page.wait_for_function(
            "time => / min \\d\\d s$/.test(time.textContent)", arg=time.element_handle()
        )
        alert.get_by_role("link").click()
        expect(page).to_have_url(f"{server.root_url}/jobs?flag=expiring")


def test_everything_is_there_without_a_script(server, browser):
    """The figures, what runs, and the chart as a table that opens."""
    with visit(browser, server, java_script_enabled=False) as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        expect(page.locator(f"{FIGURE} .plot")).to_be_hidden()
        page.locator(f"{FIGURE} summary").click()
        expect(page.locator(f"{FIGURE} table")).to_be_visible()


def test_the_first_job_fills_the_page(tmp_path, browser):
    """The welcome gives way to the figures by itself, and these go on to follow."""
    path = tmp_path / "ledger.db"
    with served(path) as server, visit(browser, server) as page:
        expect(page.locator("#live")).to_have_attribute("data-state", "on")
        with past(path) as made:
            made.running(ago_s=30, progress=20)
            heading = page.get_by_role("heading", level=1)
            expect(heading).to_have_text("Overview", timeout=15_000)
            expect(page.locator("#overview-running tbody tr")).to_have_count(1)
            made.running(ago_s=5)
            expect(page.locator("#overview-running tbody tr")).to_have_count(2, timeout=15_000)
        assert page.problems == []


def test_a_newcomer_sees_three_ways(tmp_path, browser):
    """On an empty ledger, on a phone as well, and axe has nothing against it."""
    with (
        served(tmp_path / "none.db") as server,
        visit(browser, server, viewport=PHONE) as page,
    ):
        expect(page.get_by_role("heading", level=1)).to_have_text("No video job yet")
        expect(page.locator(".first .card")).to_have_count(3)
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in SEVERE] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
