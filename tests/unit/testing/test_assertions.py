from decimal import Decimal

import msgspec
import pytest

from vidobs.core.jobs import JobState, Reason
from vidobs.core.money import Cost, CostBasis, CostStatus
from vidobs.testing import ExpectedJob, assert_one_job

SETTLED = Cost(
    status=CostStatus.SETTLED,
    basis=CostBasis.REQUESTED,
    usd=Decimal("0.8"),
    quoted_usd=Decimal("0.8"),
)


@pytest.fixture
def job(maker):
    """Make a job that was completed and settled."""
    return msgspec.structs.replace(
        maker.job(user="ada", tags={"team": "film"}),
        state=JobState.COMPLETED,
        provider_job_id="video_1",
        cost=SETTLED,
    )


def failure(source, **expected) -> str:
    """Return the text of a failed assertion."""
    with pytest.raises(AssertionError) as raised:
        assert_one_job(source, **expected)
    return str(raised.value)


def test_it_returns_the_job(job):
    """Everything that can be expected is compared; enums may be words, amounts may be texts."""
    found = assert_one_job(
        [job],
        state="completed",
        reason=None,
        model="sora-2",
        provider="openai",
        operation="create",
        settled_usd="0.800",
        possible_usd=None,
        cost_status=CostStatus.SETTLED,
        cost_basis="requested",
        asset="none",
        user="ada",
        tags={"team": "film"},
        attempts=1,
        adopted=False,
    )

    assert found is job


def test_every_field_can_be_seen_to_differ(job):
    """Each field that can be expected fails when it is another one."""
    for name in ExpectedJob.__annotations__:
        other = "9" if name.endswith("usd") else object()
        assert failure([job], **{name: other}).startswith(f"{name}: expected ")


def test_amounts_are_decimals(job):
    """A float means what it shows; a figure that is not settled is not a settled figure."""
    assert_one_job([job], settled_usd=0.8)
    assert failure([job], settled_usd=0.81).startswith("settled_usd: expected $0.81, got $0.80\n")

    reserved = msgspec.structs.replace(
        job, cost=msgspec.structs.replace(SETTLED, status=CostStatus.RESERVED)
    )
    assert failure([reserved], settled_usd=0.8).startswith("settled_usd: expected $0.80, got None")
    assert_one_job([reserved], settled_usd=None, cost_status="reserved")


def test_a_failure_shows_every_difference_and_everything_there_was(job, event):
    """All differences, then the table of jobs, then the table of events."""
    failed = msgspec.structs.replace(job, state=JobState.FAILED, reason=Reason.PROVIDER_ERROR)

    text = failure([event("video.failed", failed)], state="completed", reason=None, user="bob")

    differences, jobs, events = text.split("\n\n")
    assert differences.splitlines() == [
        "state: expected 'completed', got 'failed'",
        "reason: expected None, got 'provider_error'",
        "user: expected 'bob', got 'ada'",
    ]
    assert jobs.splitlines()[1].split() == [
        *(job.job_id, "sora-2", "failed", "provider_error"),
        *("$0.80", "settled", "(requested)", "0", "video_1"),
    ]
    assert "video.failed" in events


def test_none_and_two_are_not_one(job, maker):
    """The number is said, with a table of what there is."""
    assert failure([]) == "expected one job, there are 0\n\nno job\n\nno event"

    other = maker.job()
    text = failure([job, other], state="completed")
    assert text.startswith("expected one job, there are 2\n")
    assert job.job_id in text
    assert other.job_id in text


def test_a_job_ends_once(job, event):
    """Two terminal events of one job are an error, whatever else was expected."""
    text = failure([event("video.completed", job), event("video.failed", job)])

    assert text.startswith("the job ended 2 times: video.completed, video.failed\n")


def test_an_expectation_that_no_job_has(job):
    """A misspelt name is an error of the test, and names the right one."""
    with pytest.raises(TypeError, match=r"unknown field 'settled'.*did you mean 'settled_usd'"):
        assert_one_job([job], settled="0.80")
