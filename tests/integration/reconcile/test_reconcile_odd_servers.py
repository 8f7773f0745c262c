"""Servers that refuse, are down, have no list, or one of their own kind."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from asking_kit import a_client

from vidobs import runtime
from vidobs.core.jobs import JobState
from vidobs.core.reconciled import Outcome
from vidobs.exceptions import APIError
from vidobs.sdk.reconcile._reconciler import Reconciler, Scope

START_S = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


def video(number, *, created_s=0, **more):
    """Return a video as a list has it."""
    return {
        "id": f"v{number}",
        "object": "video",
        "status": "completed",
        "model": "sora-2",
        "created_at": START_S + created_s,
        "seconds": "4",
        "size": "160x96",
        **more,
    }


def a_list(*videos, has_more=False):
    """Return a page."""
    last = videos[-1]["id"] if videos else None
    return {"object": "list", "data": list(videos), "has_more": has_more, "last_id": last}


@pytest.fixture
def create(scripted, seen, clock):
    """Make a job, a second later, that the server answers with this status."""

    def make(number=1, status=200):
        clock.advance(1)
        created = (status, video(number, status="queued"), {})
        scripted.answers["POST /videos"] = created
        with a_client(max_retries=0) as client, suppress(APIError):
            client.videos.create(prompt="a cat", model="sora-2", seconds=4, size="160x96")

    return make


def answer(scripted, path, status, body=None, **headers):
    """Let a path be answered so."""
    scripted.answers[f"GET {path}"] = (status, {} if body is None else body, headers)


def asked(scripted):
    """Return what was read."""
    return [line for line, _, _ in scripted.requests if line.startswith("GET")]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused(status, scripted, create, reconcile):
    """It is tried once; every job of the server is left, with the variable to set."""
    create(1)
    create(2)
    answer(scripted, "/videos/v1", status, {"error": {"message": "no"}})

    report = reconcile()

    assert [one.outcome for one in report.jobs] == [Outcome.SKIPPED] * 2
    assert {one.fix for one in report.jobs} == {
        "set OPENAI_API_KEY to the key of the right account"
    }
    assert asked(scripted) == ["GET /videos/v1"]


@pytest.mark.parametrize(
    ("status", "headers"), [(429, {"retry-after-ms": "1"}), (503, {"x-should-retry": "false"})]
)
def test_a_server_that_has_enough(status, headers, scripted, create, reconcile):
    """What it says to one job holds for all: it is left alone until the next time."""
    create(1)
    create(2)
    answer(scripted, "/videos/v1", status, {"error": {"message": "later"}}, **headers)

    report = reconcile()

    assert [one.outcome for one in report.jobs] == [Outcome.UNREACHABLE] * 2
    assert set(asked(scripted)) == {"GET /videos/v1"}


def test_a_server_that_wants_to_be_left_alone(scripted, create, reconcile, clock):
    """`Retry-After` holds for every job of it, and for every process, until it is over."""
    create(1)
    answer(scripted, "/videos/v1", 429, {"error": {"message": "later"}}, **{"retry-after": "300"})
    reconcile()
    before = len(asked(scripted))

    clock.advance(60)
    (one,) = reconcile().jobs
    assert (one.outcome, one.why) == (
        Outcome.UNREACHABLE,
        "its server wants to be left alone until 00:05:01 UTC",
    )
    assert len(asked(scripted)) == before
    clock.advance(241)
    answer(scripted, "/videos/v1", 200, video(1))
    assert [one.outcome for one in reconcile().jobs] == [Outcome.SETTLED]


def test_an_error_of_one_job(scripted, create, reconcile):
    """A 500 says nothing of the others."""
    create(1)
    create(2)
    answer(scripted, "/videos/v1", 500, {"error": {"message": "oops"}}, **{"retry-after-ms": "1"})
    answer(scripted, "/videos/v2", 200, video(2))

    report = reconcile()

    assert [one.outcome for one in report.jobs] == [Outcome.UNREACHABLE, Outcome.SETTLED]


@pytest.mark.slow
def test_a_server_that_is_down(scripted, create, reconcile, seen):
    """Nobody listens: the jobs stay as they are, and it is asked once."""
    create(1)
    create(2)
    scripted.close()

    report = reconcile()

    assert [one.outcome for one in report.left] == [Outcome.UNREACHABLE] * 2
    assert all(job.state is JobState.QUEUED for job in seen.jobs)
    assert [event.name for event in seen.events_of(seen.jobs[1])] == ["video.submitted"]


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_without_a_list(status, scripted, create, reconcile):
    """Jobs are settled; creates of unknown outcome stay so, and it is said why."""
    create(1)
    create(2, status=500)
    answer(scripted, "/videos/v1", 200, video(1))
    answer(scripted, "/videos", status, {"error": {"message": "no list"}})

    known, unknown = reconcile().jobs

    assert known.outcome is Outcome.SETTLED
    assert (unknown.outcome, unknown.why) == (
        Outcome.UNKNOWN,
        "its server has no list to look for it in",
    )


def test_a_list_without_prompts(scripted, create, reconcile):
    """The one video that can be meant is that of the create."""
    create(1, status=500)
    answer(scripted, "/videos", 200, a_list(video(1), video(2, created_s=-3000)))
    answer(scripted, "/videos/v1", 200, video(1))

    (one,) = reconcile().jobs

    assert (one.outcome, one.job.provider_job_id) == (Outcome.SETTLED, "v1")


def test_a_list_that_leaves_a_choice(scripted, create, reconcile):
    """Two videos may be meant: nobody guesses."""
    create(1, status=500)
    answer(scripted, "/videos", 200, a_list(video(1), video(2)))

    (one,) = reconcile().jobs

    assert (one.outcome, one.why) == (
        Outcome.UNKNOWN,
        "several videos of its server may come from it",
    )


def test_a_list_that_does_not_go_back_far_enough(scripted, create, reconcile, clock):
    """Then it does not say that a create was not accepted."""
    create(1, status=500)
    clock.advance(3600)

    def page(query):
        number = int(query.partition("after=v")[2].partition("&")[0] or 0) + 1
        return a_list(video(number, created_s=3600), has_more=True)

    answer(scripted, "/videos", 200, page)

    (one,) = reconcile().jobs

    assert (one.outcome, one.why) == (
        Outcome.UNKNOWN,
        "its server's list does not go back so far",
    )
    assert len(asked(scripted)) == 100


def test_a_list_that_ignores_where_to_go_on(scripted, create, reconcile):
    """The same page again ends it."""
    create(1)
    answer(scripted, "/videos/v1", 200, video(1))
    answer(scripted, "/videos", 200, a_list(video(1), video(2), has_more=True))

    report = reconcile()

    assert asked(scripted) == ["GET /videos/v1", "GET /videos", "GET /videos"]
    assert [orphan.video_id for orphan in report.orphans] == ["v2"]


def test_a_list_is_read_no_further_than_needed(scripted, create, reconcile, clock):
    """The page that goes beyond the period is the last one."""
    clock.advance(3600)
    create(1)
    answer(scripted, "/videos/v1", 200, video(1, created_s=3600))
    pages = {
        "": a_list(video(1, created_s=3600), has_more=True),
        "v1": a_list(video(2, created_s=-3000), has_more=True),
    }
    answer(scripted, "/videos", 200, lambda query: pages[query.partition("after=")[2][:2]])

    reconcile(since=timedelta(minutes=10))

    assert asked(scripted) == ["GET /videos/v1", "GET /videos", "GET /videos"]
    assert scripted.requests[-1][1] == "after=v1&limit=100&order=desc"


@pytest.mark.parametrize(
    ("headers", "wait_s"), [({"openai-poll-after-ms": "7000"}, 7.0), ({}, 2.0)]
)
def test_when_to_ask_again(headers, wait_s, scripted, create, clock):
    """The server's word, else two seconds at first; every process keeps to it."""
    create(1)
    answer(scripted, "/videos/v1", 200, video(1, status="in_progress"), **headers)
    answer(scripted, "/videos", 200, a_list())
    reconciler = Reconciler(runtime.current(), Scope(), sleep=lambda _: None)
    other = Reconciler(runtime.current(), Scope(), sleep=lambda _: None)

    (one,) = reconciler.everything().jobs

    assert one.job.state is JobState.IN_PROGRESS
    assert [each.due_in_s(one.job) for each in (reconciler, other)] == [wait_s] * 2
    clock.advance(wait_s)
    assert other.due_in_s(one.job) == 0
    reconciler.close()
    other.close()
