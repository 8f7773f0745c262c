"""What is found out about a job by the clock alone."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from vidobs.core.events import EventName
from vidobs.core.jobs import AssetState, Job, JobState, Notice, TraceRef
from vidobs.core.notices import expiring_from, noticed, stuck_after_s

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
JOB = Job(
    job_id="job_1",
    provider="openai",
    dialect="openai",
    created_at=START,
    trace=TraceRef("1" * 32, "2" * 16),
)
RUNNING = msgspec.structs.replace(JOB, state=JobState.IN_PROGRESS)
DONE = msgspec.structs.replace(
    JOB,
    state=JobState.COMPLETED,
    asset=AssetState.AVAILABLE,
    finished_at=START,
    expires_at=START + timedelta(hours=24),
)
HOLDS = {
    Notice.STUCK: {JobState.QUEUED, JobState.IN_PROGRESS},
    Notice.EXPIRING: {JobState.COMPLETED},
}


@pytest.mark.parametrize(
    ("job", "notice", "event"),
    [(RUNNING, Notice.STUCK, EventName.STUCK), (DONE, Notice.EXPIRING, EventName.EXPIRING)],
)
def test_a_notice_is_said_once(job, notice, event):
    """It is one event, and the job remembers it; a second time nothing changes."""
    first = noticed(job, notice)

    assert (first.events, first.changed) == ((event,), True)
    assert first.job == msgspec.structs.replace(job, notices=(notice,))
    again = noticed(first.job, notice)
    assert (again.job, again.events, again.changed) == (first.job, (), False)


@pytest.mark.parametrize("state", list(JobState))
@pytest.mark.parametrize("notice", list(Notice))
def test_a_notice_holds_in_its_states_only(notice, state):
    """What ended is not stuck, and what has not completed has no video to lose."""
    job = msgspec.structs.replace(JOB, state=state, asset=AssetState.AVAILABLE)

    assert noticed(job, notice).changed is (state in HOLDS[notice])


@pytest.mark.parametrize("asset", [each for each in AssetState if each != AssetState.AVAILABLE])
def test_nobody_is_warned_about_a_video_that_is_not_there(asset):
    """A video that was read, deleted or thrown away does not go soon."""
    job = msgspec.structs.replace(DONE, asset=asset)

    assert not noticed(job, Notice.EXPIRING).changed


@pytest.mark.parametrize(
    ("past", "patience"),
    [
        ([], 3600.0),
        ([200.0, 200.0], 3600.0),
        ([10.0, 20.0, 30.0], 900.0),
        ([100.0, 200.0, 9000.0], 2000.0),
    ],
    ids=["nothing known", "too little known", "a quarter of an hour at least", "ten times"],
)
def test_how_long_is_too_long(past, patience):
    """Ten times the median, a quarter of an hour at least, an hour where too little is known."""
    assert stuck_after_s(past) == patience


@pytest.mark.parametrize(
    ("kept", "before_s", "from_end"),
    [
        (timedelta(hours=24), None, timedelta(hours=1)),
        (timedelta(hours=1), None, timedelta(minutes=6)),
        (timedelta(hours=1), 1800.0, timedelta(minutes=30)),
        (timedelta(hours=1), 0.0, timedelta()),
        (timedelta(hours=-1), None, timedelta()),
    ],
)
def test_when_a_video_is_soon_gone(kept, before_s, from_end):
    """An hour or a tenth of its time before the end, whichever is less; or as it was set."""
    job = msgspec.structs.replace(DONE, expires_at=START + kept)

    assert expiring_from(job, before_s) == START + kept - from_end


def test_nobody_knows_when_a_video_goes():
    """Many servers do not say."""
    assert expiring_from(msgspec.structs.replace(DONE, expires_at=None), 60.0) is None
