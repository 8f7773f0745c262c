"""The page of one job over HTTP."""

import json
from contextlib import closing

import pytest
from boards_of_costs import Read, Site
from boards_of_jobs import HOSTILE, JobLedger, check_markup, desk_over

from vidobs.core.calls import Operation
from vidobs.core.jobs import JobError, JobState, Reason, VideoFile

JPEG = b"\xff\xd8\xff\xe0 picture"
FILE = VideoFile(size_bytes=1000, sha256="ab" * 32)


def failing(made):
    """Write a job whose polls kept failing."""
    job = made.queued(800)
    for _ in range(300):
        made.see(job, failure="APITimeoutError: no answer")
    return job


class Jobs:
    """The application, and the jobs in its ledger by what they are."""

    def __init__(self, desk, ids) -> None:
        self.site = Site(desk)
        self.ids = ids

    def text(self, name):
        """Return the page of a job, after a look at its markup."""
        (page,) = self.site.get(f"/jobs/{self.ids[name]}")
        assert page.status_code == 200
        read = Read(page.text)
        check_markup(read)
        assert "<script>alert" not in page.text
        return read


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """Write jobs of every kind."""
    folder = tmp_path_factory.mktemp("job")
    with closing(JobLedger(folder / "ledger.db")) as made:
        done = made.downloaded(made.done(900, prompt="A kitten"), FILE)
        found = {
            "done": done,
            "remix": made.done(700, operation=Operation.REMIX, parent_id=done.provider_job_id),
            "failed": made.failed(
                500,
                provider=HOSTILE,
                model=HOSTILE,
                user=HOSTILE,
                tags={HOSTILE: HOSTILE},
                prompt=HOSTILE,
                request_hash=HOSTILE,
                idempotency_key=HOSTILE,
                server_address=HOSTILE,
                parent_id=HOSTILE,
                says={
                    "reason": Reason.MODERATION_OUTPUT,
                    "error": JobError(HOSTILE, HOSTILE),
                    "raw_status": HOSTILE,
                },
            ),
            "rendering": made.rendering(100),
            "failing": failing(made),
            "unknown": made.see(made.intend(80), id=None, state=JobState.UNKNOWN),
            "submitting": made.intend(5),
        }
        made.sql("INSERT INTO relay (exporter, cursor) VALUES (?, 99)", HOSTILE)
        made.sql("INSERT INTO dead_letter VALUES ('webhook', 1, 1795000000000000, ?)", HOSTILE)
    media = folder / "ledger.db.media"
    media.mkdir()
    (media / f"{done.job_id}.jpg").write_bytes(JPEG)
    (media / f"{done.job_id}.mp4").write_bytes(b"0123456789")
    links = {"jaeger": "https://j.example", "mine": "https://m.example/{video_id}"}
    with desk_over(folder / "ledger.db", folder / "cache", links=links) as desk:
        yield Jobs(desk, {name: job.job_id for name, job in found.items()})


@pytest.mark.parametrize("name", ["done", "remix", "failed", "rendering", "unknown", "submitting"])
def test_every_kind_of_job_has_a_page(jobs, name):
    """Whatever is known of it, the page is whole, and so is its twin."""
    read = jobs.text(name)
    assert jobs.ids[name] in read.text
    (twin,) = jobs.site.get(f"/api/jobs/{jobs.ids[name]}")
    assert twin.json()["job_id"] == jobs.ids[name]


def test_hostile_text_stays_text(jobs):
    """Whatever a user, a provider or an exporter wrote is shown as what it is."""
    read = jobs.text("failed")
    assert read.text.count(HOSTILE) >= 5
    (twin,) = jobs.site.get(f"/api/jobs/{jobs.ids['failed']}")
    assert twin.json()["error"] == HOSTILE


def test_the_video_is_played_where_it_is_kept(jobs):
    """A player with its poster; both are served, the video in parts too."""
    read = jobs.text("done")
    (video,) = read.all("video")
    assert (video["src"], video["poster"]) == (
        f"/media/{jobs.ids['done']}/video.mp4",
        f"/media/{jobs.ids['done']}/poster.jpg",
    )
    poster, whole = jobs.site.get(video["poster"], video["src"])
    assert (poster.content, whole.content) == (JPEG, b"0123456789")


def test_where_it_is_not_kept_the_page_says_how(jobs):
    """Both settings that keep videos are named."""
    read = jobs.text("remix")
    assert not read.all("video")
    assert "capture.media: full" in read.text
    assert "store: dir:///videos" in read.text


def test_what_a_job_without_a_video_says(jobs):
    """Each state in words."""
    assert "There is no video: the job failed." in jobs.text("failed").text
    assert "vidobs reconcile" in jobs.text("unknown").text
    assert "Being sent" in jobs.text("submitting").text
    rendering = jobs.text("rendering")
    assert "Rendering: 40 %" in rendering.text
    assert rendering.all("progress")[0]["value"] == "40"


def test_the_drawing_can_be_read(jobs):
    """The bars have a title in words, and stand in a table as well."""
    read = jobs.text("done")
    said = " ".join(read.text.split())
    assert "submit 1.00 s; queue 9.00 s (0.00 s to 9.00 s); render 1m 00s (" in said
    assert "); polls (3); download 1.00 s" in said
    (drawing,) = [one for one in read.all("svg") if one.get("class") == "bars"]
    assert drawing["role"] == "img"
    assert "now" in [one.get("class") for one in jobs.text("rendering").all("line")]
    assert "now" not in [one.get("class") for one in read.all("line")]


def test_ids_are_copied_and_tools_are_linked(jobs):
    """Links leave no trace of the dashboard behind."""
    read = jobs.text("done")
    copied = [one["data-copy"] for one in read.all("button") if "data-copy" in one]
    assert (copied[0], copied[1], len(copied[2])) == (jobs.ids["done"], "video_1", 32)
    tools = [one for one in read.all("a") if one.get("target") == "_blank"]
    assert [one["href"] for one in tools if "example" in one["href"]] == [
        f"https://j.example/trace/{copied[2]}",
        "https://m.example/video_1",
    ]
    assert "https://m.example" not in " ".join(jobs.text("unknown").links)  # it has no such id


def test_the_family_is_linked(jobs):
    """Down from the parent, up from the child; the child shows its parent's picture."""
    assert f"/jobs/{jobs.ids['remix']}" in jobs.text("done").links
    remix = jobs.text("remix")
    assert f"/jobs/{jobs.ids['done']}" in remix.links
    assert remix.all("img", src=f"/media/{jobs.ids['done']}/poster.jpg")
    assert "not in this ledger" in jobs.text("failed").text


def test_events_can_be_folded_out(jobs):
    """Each holds the document that exporters get."""
    (page,) = jobs.site.get(f"/jobs/{jobs.ids['done']}")
    read = Read(page.text)
    folded = [one for one in read.all("pre") if one.get("aria-label", "").startswith("Event ")]
    assert len(folded) == 4
    text = page.text.partition('as JSON">')[2].partition("</pre>")[0]
    assert json.loads(text.replace("&#34;", '"'))["name"] == "video.submitted"


def test_what_exporters_did_is_told(jobs):
    """One event was refused, with the words of the exporter; the others wait."""
    text = " ".join(jobs.text("done").text.split())
    assert "video.submitted refused" in text
    assert "video.completed: waiting" in text
    assert "video.submitted: dead" in text


def test_of_thousands_of_events_the_last_ones_are_shown(jobs):
    """The page says so, and how to have all."""
    read = jobs.text("failing")
    text = " ".join(read.text.split())
    assert "The last 200 of 301" in text
    assert "--json has all of them" in text
    assert len([one for one in read.all("pre") if one.get("aria-label", "").startswith("E")]) == 200


def test_what_is_not_there(jobs):
    """404 in both forms; the provider's id leads to ours."""
    page, twin, moved = jobs.site.get("/jobs/nothing", "/api/jobs/nothing", "/jobs/video_1")
    assert (page.status_code, twin.status_code) == (404, 404)
    assert "no job 'nothing'" in twin.json()["error"]
    assert moved.headers["location"] == f"/jobs/{jobs.ids['done']}"
