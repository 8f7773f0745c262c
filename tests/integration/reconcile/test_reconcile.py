"""Jobs that nobody asked about are settled, once, at the server that made them."""

from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

import vidobs
from vidobs.core.jobs import JobState, Reason
from vidobs.core.money import CostStatus
from vidobs.core.reconciled import Double, Orphan, Outcome
from vidobs.testing import Sandbox

LATER_S = 700  # than the rule for lost jobs wants


def outcomes(report):
    """Return what became of each job."""
    return [(one.outcome, one.job.state) for one in report.jobs]


def asked(sandbox, since=0):
    """Return which paths were read."""
    return [one.path for one in sandbox.requests[since:] if one.method == "GET"]


def behind(sandbox, method, path, **body):
    """Do something at a server that vidobs does not see."""
    headers = {"authorization": "Bearer sk-somebody-else"}
    url = f"{sandbox.base_url}{path}"
    return httpx.request(method, url, json=body or None, headers=headers).raise_for_status()


def test_what_has_ended_is_settled(create, reconcile, seen, clock):
    """One terminal event and one settlement each; the span of the job is in the job's trace."""
    for prompt in ("a cat", "a dog [[fault:fail]]", "a cow [[fault:moderation_output]]"):
        create(prompt)
    clock.advance(60)

    report = reconcile()

    assert outcomes(report) == [
        (Outcome.SETTLED, JobState.COMPLETED),
        (Outcome.SETTLED, JobState.FAILED),
        (Outcome.SETTLED, JobState.FAILED),
    ]
    assert [one.before for one in report.jobs] == [JobState.QUEUED] * 3
    assert report.left == ()
    assert [one.job for one in report.jobs] == seen.jobs
    ends = [event for event in seen.events if event.name.terminal]
    assert [event.name for event in ends] == ["video.completed", "video.failed", "video.failed"]
    for event in ends:
        assert [span.name for span in event.spans] == ["fetch_response", "video_job sora-2"]
        assert {span.trace_id for span in event.spans} == {event.job.trace.trace_id}
    assert seen.jobs[0].cost.usd == Decimal("0.40")


def test_a_second_time_there_is_nothing_to_do(create, reconcile, sandbox, clock):
    """What has ended is not asked about; the list is still looked at."""
    create()
    clock.advance(60)
    reconcile()
    before = len(sandbox.requests)

    report = reconcile()

    assert (report.jobs, report.orphans, report.doubles) == ((), (), ())
    assert asked(sandbox, before) == ["/v1/videos"]
    assert reconcile("open_jobs").jobs == ()
    assert len(asked(sandbox, before)) == 1


def test_what_runs_is_left_running(create, reconcile, seen, clock):
    """Its state is brought up to date, and it counts as left."""
    create("a cat [[fault:stuck]]")
    clock.advance(60)

    (one,) = reconcile().left

    assert (one.outcome, one.job.state, one.job.progress) == (
        Outcome.RUNNING,
        JobState.IN_PROGRESS,
        40,
    )
    assert seen.events.names[-1] == "video.started"


@pytest.mark.parametrize("fault", ["failed_as_4xx", "failed_as_5xx"])
def test_a_failed_job_that_comes_as_an_error(fault, create, reconcile, clock):
    """Some servers answer a poll of a failed job with the job as the body of an error."""
    create(f"a cat [[fault:{fault}]]")
    clock.advance(60)

    assert outcomes(reconcile()) == [(Outcome.SETTLED, JobState.FAILED)]


def test_an_answer_that_makes_no_sense(create, reconcile, clock):
    """It says nothing of the job, and the others are asked about all the same."""
    create("a cat [[fault:garbage_json]]")
    create("a dog")
    clock.advance(60)

    one, other = reconcile().jobs

    assert (one.outcome, one.job.state) == (Outcome.UNREACHABLE, JobState.QUEUED)
    assert "is no JSON object" in one.why
    assert other.outcome is Outcome.SETTLED


@pytest.mark.parametrize("fault", ["error_after_accept", "cut_after_accept"])
def test_a_create_that_was_accepted_after_all(fault, create, reconcile, seen, clock):
    """The list shows its prompt: it is that job, with its trace, and it is paid for once."""
    create(f"a cat [[fault:{fault}]]")
    (before,) = seen.jobs
    assert before.state is JobState.UNKNOWN
    clock.advance(60)

    report = reconcile()

    (job,) = seen.jobs
    assert outcomes(report) == [(Outcome.SETTLED, JobState.COMPLETED)]
    assert report.jobs[0].before is JobState.UNKNOWN
    assert (job.job_id, job.trace) == (before.job_id, before.trace)
    assert job.provider_job_id is not None
    assert (job.cost.status, job.cost.usd) == (CostStatus.SETTLED, Decimal("0.40"))
    assert seen.events.names == ["video.unknown", "video.submitted", "video.completed"]
    assert report.orphans == ()


def test_three_creates_of_one_prompt(create, reconcile, seen, sandbox, clock):
    """Each gets a video of its own, whichever."""
    for _ in range(3):
        create("a cat [[fault:error_after_accept]]")
    clock.advance(60)

    assert outcomes(reconcile()) == [(Outcome.SETTLED, JobState.COMPLETED)] * 3
    assert {job.provider_job_id for job in seen.jobs} == {job.id for job in sandbox.jobs}


def test_a_create_that_was_not_accepted(create, reconcile, seen, sandbox, clock):
    """The list of its time does not show it: unknown, and lost after ten minutes."""
    create("a dog")
    create("a cat [[fault:error_after_accept]]")
    behind(sandbox, "DELETE", f"/videos/{sandbox.jobs[1].id}")
    clock.advance(60)

    (one,) = reconcile().left
    assert (one.outcome, one.why) == (
        Outcome.UNKNOWN,
        "its server lists no video that may come from it",
    )
    assert one.fix == "when that is so after 00:10:02 UTC, it was not accepted"
    clock.advance(LATER_S)
    (one,) = reconcile().jobs

    assert (one.outcome, one.job.reason) == (Outcome.SETTLED, Reason.LOST)
    assert one.why == "lost: the provider lists no video that may come from it"
    assert (one.job.cost.usd, one.job.cost.possible_usd) == (0, Decimal("0.40"))
    assert seen.events.names[-1] == "video.failed"


def test_a_job_that_its_server_has_forgotten(create, reconcile, seen, sandbox, clock):
    """It is lost when the server said so twice, ten minutes apart; it may have cost."""
    create("a dog")
    behind(sandbox, "DELETE", f"/videos/{create('a cat')}")
    clock.advance(60)

    _, one = reconcile().jobs
    assert (one.outcome, one.job.state) == (Outcome.MISSING, JobState.QUEUED)
    assert one.fix == "asked again from 00:11:02 UTC on, it is lost"
    clock.advance(60)
    (one,) = reconcile().jobs
    assert one.outcome is Outcome.MISSING
    clock.advance(LATER_S)
    (one,) = reconcile().jobs

    assert (one.outcome, one.job.reason) == (Outcome.SETTLED, Reason.LOST)
    assert one.job.cost.possible_usd == Decimal("0.40")
    assert [event.name for event in seen.events_of(one.job) if event.name.terminal] == [
        "video.failed"
    ]
    assert reconcile().jobs == ()


def test_the_key_of_another_account_loses_nothing(create, reconcile, sandbox, clock):
    """A key that has shown no job of the ledger proves nothing: the jobs stay open."""
    create("a cat [[fault:error_after_accept]]")
    create("a dog")
    for job in sandbox.jobs:
        behind(sandbox, "DELETE", f"/videos/{job.id}")
    for _ in range(2):
        clock.advance(LATER_S)
        report = reconcile()

    assert [one.outcome for one in report.jobs] == [Outcome.UNKNOWN, Outcome.MISSING]
    assert {one.fix for one in report.jobs} == {
        "is the key that of the account which made it? it has shown no job of the ledger"
    }


def test_a_key_goes_to_its_own_server_only(create, reconcile, sandbox, clock, monkeypatch):
    """The environment names another server: nobody is asked there, and the fix is said."""
    create()
    here = sandbox.base_url.removeprefix("http://").removesuffix("/v1")
    before = len(sandbox.requests)
    with Sandbox(clock=clock) as other:
        monkeypatch.setenv("OPENAI_BASE_URL", other.base_url)
        (one,) = reconcile().jobs

        assert one.outcome is Outcome.SKIPPED
        assert (
            one.fix
            == f"set OPENAI_BASE_URL to the address of {here}, and OPENAI_API_KEY to its key"
        )
        assert (other.requests, len(sandbox.requests)) == ([], before)

        clock.advance(60)
        assert outcomes(reconcile(base_url=sandbox.base_url)) == [
            (Outcome.SETTLED, JobState.COMPLETED)
        ]
        assert other.requests == []


def test_jobs_that_are_followed_by_hand(seen, reconcile):
    """No client of vidobs speaks to their server."""
    with vidobs.job(provider="runway", model="gen4_turbo", seconds=5) as job:
        job.submitted("task_1")

    (one,) = reconcile().jobs
    assert (one.outcome, one.why) == (
        Outcome.SKIPPED,
        "no client of vidobs speaks to runway (manual)",
    )


def test_only_one_provider_and_only_lately(create, reconcile, seen, clock):
    """`provider` and `since` leave the rest alone."""
    create()
    clock.advance(3600)

    assert reconcile(provider="azure").jobs == ()
    assert reconcile(since=timedelta(minutes=30)).jobs == ()
    assert len(reconcile(provider="openai", since=timedelta(hours=2)).settled) == 1


def test_a_dry_run_asks_nobody(create, sandbox, seen, clock):
    """It says who would be asked about what."""
    create()
    clock.advance(60)
    before = len(sandbox.requests)

    (one,) = vidobs.reconcile(dry_run=True).jobs

    assert (one.outcome, one.server) == (Outcome.PLANNED, sandbox.base_url)
    assert len(sandbox.requests) == before
    assert seen.jobs[0].state is JobState.QUEUED


def test_a_video_that_the_ledger_does_not_know(create, reconcile, seen, sandbox, clock):
    """It is reported, and not taken in: it may be somebody else's."""
    create("a dog")
    clock.advance(60)
    made = behind(sandbox, "POST", "/videos", prompt="not ours", model="sora-2", seconds="4").json()

    report = reconcile()

    assert report.orphans == (
        Orphan(
            server=sandbox.base_url,
            video_id=made["id"],
            status="queued",
            model="sora-2",
            created_at=clock.now,
        ),
    )
    assert len(seen.jobs) == 1
    assert reconcile(since=timedelta(seconds=0)).orphans == ()


def test_a_video_that_was_made_twice_behind_our_back(create, reconcile, seen, sandbox, clock):
    """Somebody repeated the request: the second video is the possible double of a job."""
    video_id = create("a dog")
    clock.advance(60)
    made = behind(sandbox, "POST", "/videos", prompt="a dog", model="sora-2", seconds="4").json()

    report = reconcile()

    (job,) = seen.jobs
    assert [orphan.like for orphan in report.orphans] == [job.job_id]
    assert report.doubles == (
        Double(
            provider="openai",
            video_ids=(video_id, made["id"]),
            job_ids=(job.job_id,),
            model="sora-2",
            apart_s=60.0,
        ),
    )


def test_a_request_that_was_made_twice_by_ourselves(create, reconcile, seen, clock):
    """Two jobs of one request within minutes; the second is possibly too much."""
    ids = [create("a dog"), create("a dog")]
    create("a cat")
    clock.advance(660)
    create("a cat")
    clock.advance(60)

    (double,) = reconcile().doubles

    assert (double.video_ids, double.apart_s, double.usd) == (tuple(ids), 1.0, Decimal("0.40"))
    assert double.job_ids == tuple(job.job_id for job in seen.jobs[:2])


def test_the_function_is_public(create, clock, sandbox):
    """`vidobs.reconcile()` does it all, and the report says what is left."""
    create()
    clock.advance(60)

    report = vidobs.reconcile()

    assert isinstance(report, vidobs.ReconcileReport)
    assert (len(report.settled), report.left) == (1, ())


def test_what_cannot_be_done():
    """A wrong address, no key, and a vidobs that is switched off."""
    with pytest.raises(vidobs.exceptions.AuthenticationError):
        vidobs.reconcile(base_url="http://127.0.0.1:1/v1")
    vidobs.configure(disabled=True)
    with pytest.raises(vidobs.ConfigError, match="switched off"):
        vidobs.reconcile()
