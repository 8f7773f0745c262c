"""The list of jobs over HTTP: the page, its twin, and what leads from one list to the next."""

from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from boards_of_costs import Read, Site
from boards_of_jobs import HOSTILE, JobLedger, asks, check_markup, desk_over

from vidobs.core.jobs import JobError, Reason, VideoFile
from vidobs.dashboard.pages.jobs import JobsAnswer, answer


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Jobs of every kind, and one whose every text wants to be something else."""
    folder = tmp_path_factory.mktemp("jobs")
    with closing(JobLedger(folder / "ledger.db")) as made:
        for number in range(60):
            made.queued(5000 - number, user="many")
        made.downloaded(made.done(400, prompt="A kitten", user="ada"), VideoFile(size_bytes=9))
        made.failed(
            300,
            provider=HOSTILE,
            model=HOSTILE,
            user=HOSTILE,
            tags={HOSTILE: HOSTILE},
            prompt=HOSTILE,
            says={"reason": Reason.PROVIDER_ERROR, "error": JobError(HOSTILE, HOSTILE)},
        )
        made.see(made.intend(200), id=HOSTILE)
        made.rendering(100, tags={f"t{n}": "v" for n in range(9)})
        made.intend(5)
    with desk_over(folder / "ledger.db", folder / "cache") as desk:
        yield Site(desk)


def test_the_page_and_its_twin_say_the_same(site):
    """The twin is the struct that the page was made from, in JSON."""
    page, twin = site.get("/jobs?state=completed", "/api/jobs?state=completed")
    found = answer(site.desk, asks(state="completed"))
    assert msgspec.json.decode(twin.content, type=JobsAnswer) == found
    read = Read(page.text)
    for said in (
        "A kitten",
        "sora-2 · openai",
        "completed",
        "$0.80",
        "settled",
        "ada",
        "6 min ago",
    ):
        assert said in read.text
    assert read.all("svg", role="img", **{"class": "bar"})[0]["aria-label"].startswith(
        "queue 9.00 s"
    )


def test_hostile_text_stays_text(site):
    """Prompts, names, ids and errors are shown as they are, and are never markup or script."""
    page, twin = site.get("/jobs?state=failed", "/api/jobs?state=failed")
    read = Read(page.text)
    check_markup(read)
    assert "<script>alert" not in page.text
    assert HOSTILE[:160] in read.text
    assert twin.json()["jobs"][0]["tags"] == {HOSTILE: HOSTILE}
    (again,) = site.get("/jobs?q=" + "%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in again.text


@pytest.mark.parametrize("address", ["/jobs", "/jobs?state=failed&user=x&since=7d", "/jobs?q=zz"])
def test_markup(site, address):
    """A page for browsers without scripts, for readers, and for a strict policy."""
    (page,) = site.get(address)
    assert page.status_code == 200
    check_markup(Read(page.text))


def test_pages_are_walked_by_links(site):
    """Older and newer lead through all jobs, filters stay, and only the first page is live."""
    (page,) = site.get("/jobs?user=many")
    seen, live = [], []
    while True:
        read = Read(page.text)
        seen += [link["href"] for link in read.all("a") if "data-row" in link]
        live.append("data-live" in read.all("section", id="jobs-list")[0])
        older = read.all("a", rel="next")
        if not older:
            break
        assert parse_qs(urlsplit(older[0]["href"]).query)["user"] == ["many"]
        (page,) = site.get(older[0]["href"])
    assert (len(seen), len(set(seen)), live) == (60, 60, [True, False])
    (back,) = site.get(Read(page.text).all("a", rel="prev")[0]["href"])
    assert [link["href"] for link in Read(back.text).all("a") if "data-row" in link] == seen[:50]


def test_an_id_goes_straight_to_its_page(site):
    """From the page to the page, from the twin to the twin."""
    job_id = answer(site.desk, asks(state="completed")).jobs[0].job_id
    page, twin = site.get(f"/jobs?q={job_id}", f"/api/jobs?q={job_id}")
    assert (page.status_code, page.headers["location"]) == (303, f"/jobs/{job_id}")
    assert (twin.status_code, twin.headers["location"]) == (303, f"/api/jobs/{job_id}")


def test_the_form_sends_what_the_page_was_asked(site):
    """Filters that no field shows are kept beside it, and everything works without a script."""
    (page,) = site.get(
        "/jobs?state=failed&state=completed&tag=a%3Db&since=7d&q=kitten&reason=timeout"
    )
    read = Read(page.text)
    fields = {one["name"]: one.get("value") for one in read.all("input") if one.get("name") != "q"}
    assert fields == {
        "state": "failed",  # hidden; the menu shows the other
        "model": "",
        "provider": "",
        "user": "",
        "tag": "a=b",
        "since": "7d",
        "until": "",
        "min_usd": "",
        "reason": "timeout",
    }
    assert [one["value"] for one in read.all("option") if "selected" in one] == ["completed"]
    chips = [link["href"] for link in read.all("a") if link.get("class") == "tag chip"]
    assert "/jobs?q=kitten&since=7d&state=completed&tag=a%3Db&reason=timeout" in chips
    assert len(chips) == 7  # six filters, and all of them


def test_wrong_parameters(site):
    """What is wrong stands on the page, which has a way out."""
    page, twin = site.get("/jobs?state=done", "/api/jobs?state=done")
    assert (page.status_code, twin.status_code) == (400, 400)
    assert twin.json()["error"].startswith("unknown state 'done'; known: ")
    assert "/jobs" in Read(page.text).links


def test_where_it_is_mounted_does_not_matter(site):
    """Every link begins with the root."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from vidobs.dashboard.app import create_app

    mounted = Site(site.desk)
    mounted._app = Starlette(routes=[Mount("/ui", create_app(site.desk))])
    page, moved = mounted.get("/ui/jobs?user=many", "/ui/jobs?q=video_61")
    local = [link for link in Read(page.text).links if link.startswith("/")]
    assert all(link.startswith("/ui/") for link in local)
    assert moved.headers["location"].startswith("/ui/jobs/job_")


def test_an_empty_ledger_says_what_to_do(tmp_path):
    """A newcomer sees how to begin, not an empty table."""
    with desk_over(tmp_path / "none.db", tmp_path / "cache") as desk:
        (page,) = Site(desk).get("/jobs")
    read = Read(page.text)
    check_markup(read)
    assert "vidobs.wrap(OpenAI())" in read.text
    assert "vidobs demo" in read.text
    assert not read.all("table")
