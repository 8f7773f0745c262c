"""The page of a job in a real browser: the video plays, ids are copied, a running job goes on."""

from contextlib import closing
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from boards_of_jobs import JobLedger
from dashboard_kit import DESKTOP, PHONE, chromium, film, served, visit

from vidobs import config
from vidobs.core.jobs import JobState

pytestmark = pytest.mark.real
SOON_MS = 10_000
PLAY = """async () => {
  const video = document.querySelector("video");
  const played = new Promise((resolve, reject) => {
    video.addEventListener("timeupdate", () => video.currentTime > 0.3 && resolve());
    video.addEventListener("error", () => reject(video.error));
  });
  video.muted = true;
  await video.play();
  await played;
}"""


@pytest.fixture(scope="module")
def browser():
    """Start a browser."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def cinema(tmp_path_factory):
    """Serve real videos that the sandbox made: two, one of which is a remix of the other."""
    path = tmp_path_factory.mktemp("cinema") / "ledger.db"
    film(path, names=("kitten", "masks", "snow-kitten"), time_scale=0.2)
    links = {"links": {"jaeger": "https://jaeger.example"}}
    with served(path, settings=config.load(links).settings) as server:
        yield server


def address(server, scene):
    """Return the address of the job of a scene."""
    found = server.index.jobs()
    jobs = server.index.load(found.places)
    (job_id,) = [job.job_id for job in jobs if job.tags["scene"] == scene]
    return f"{server.root_url}/jobs/{job_id}"


def serious(page):
    """Return what axe finds that keeps somebody out."""
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], [node["target"] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_the_video_plays(browser, cinema):
    """It is asked for in parts, and its time goes on."""
    with visit(browser, cinema) as page:
        answers = []
        page.on("response", lambda one: answers.append((one.url, one.status)))
        page.goto(address(cinema, "kitten"))
        page.evaluate(PLAY)
        assert 206 in [status for url, status in answers if url.endswith("/video.mp4")]
        assert page.evaluate("document.querySelector('video').duration") == pytest.approx(
            8, abs=0.3
        )
        assert page.problems == []


def test_ids_are_copied_and_tools_are_linked(browser, cinema):
    """The button says so, and the clipboard has the id; links are those of the settings."""
    with visit(browser, cinema, permissions=["clipboard-read", "clipboard-write"]) as page:
        url = address(cinema, "kitten")
        page.goto(url)
        page.get_by_role("button", name="Copy job id").click()
        page.get_by_role("button", name="Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == url.rpartition("/")[2]
        link = page.get_by_role("link", name="Jaeger").get_attribute("href")
        assert link.startswith("https://jaeger.example/trace/")


def test_the_family_is_walked(browser, cinema):
    """From the remix to what it was made from, and back."""
    with visit(browser, cinema) as page:
        page.goto(address(cinema, "snow-kitten"))
        page.locator("#job-family a").click()
        page.wait_for_url(address(cinema, "kitten"))
        page.locator("#job-family a").click()
        page.wait_for_url(address(cinema, "snow-kitten"))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scene", ["kitten", "masks"])
def test_it_fits_and_keeps_nobody_out(browser, cinema, scene, viewport, dark):
    """Nothing is cut off at the width of a phone, and axe finds nothing serious."""
    with visit(browser, cinema, viewport=viewport, dark=dark) as page:
        page.goto(address(cinema, scene))
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert serious(page) == []
        assert page.problems == []


def test_it_is_read_without_scripts(browser, cinema):
    """Everything but the copying is there."""
    with visit(browser, cinema, java_script_enabled=False) as page:
        page.goto(address(cinema, "kitten"))
        assert page.get_by_role("heading", name="Where the time went").is_visible()
        assert page.locator(".waterfall rect").count() > 5
        page.locator("#job-phases summary").click()
        assert page.get_by_role("rowheader", name="render").is_visible()


def test_a_running_job_goes_on_by_itself(browser, tmp_path):
    """Its state and its bars change on the open page; what was folded out stays so."""
    path = tmp_path / "ledger.db"
    with closing(JobLedger(path, now=datetime.now(UTC))) as ledger:
        job = ledger.rendering(30)
        with served(path) as server, visit(browser, server) as page:
            page.goto(f"{server.root_url}/jobs/{job.job_id}")
            page.locator("#live[data-state=on]").wait_for(state="attached")
            assert page.locator(".waterfall line.now").count() == 1
            page.locator("#job-phases summary").click()
            ledger.see(job, 5, state=JobState.COMPLETED, progress=100)
            page.locator("#job-head .state.completed").wait_for(timeout=SOON_MS)
            page.locator(".waterfall line.now").wait_for(state="detached", timeout=SOON_MS)
            assert page.get_by_role("rowheader", name="render").is_visible()
            assert page.problems == []
