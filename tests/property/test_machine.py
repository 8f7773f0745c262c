"""However answers interleave, repeat or contradict each other, a job's story stays in order."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from vidobs.core.calls import Operation, VideoRequest
from vidobs.core.events import TERMINAL_EVENT_OF, EventName
from vidobs.core.jobs import (
    AssetState,
    Job,
    JobError,
    JobSnapshot,
    JobState,
    Reason,
    TraceRef,
    Usage,
    VideoFile,
)
from vidobs.core.machine import Advance, Rules, advance, downloaded
from vidobs.core.money import CostStatus
from vidobs.core.policies import POLICIES
from vidobs.core.prices import PriceBook, PriceRow, PriceUnit

START = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
SECOND = PriceRow(
    provider="openai", model="sora-2", unit=PriceUnit.OUTPUT_SECOND, usd=Decimal("0.10")
)
RULES = Rules(book=PriceBook([SECOND]), policies=POLICIES)
RANK = {JobState.SUBMITTING: 0, JobState.UNKNOWN: 1, JobState.QUEUED: 2, JobState.IN_PROGRESS: 3}

seconds = st.none() | st.integers(1, 60).map(Decimal)
snapshots = st.builds(
    JobSnapshot,
    provider_job_id=st.none() | st.just("video_1"),
    state=st.none() | st.sampled_from(JobState),
    raw_status=st.sampled_from([None, "a", "b"]),
    progress=st.none() | st.integers(0, 100),
    model=st.sampled_from([None, "sora-2", "sora-2-pro"]),
    reason=st.none() | st.sampled_from(Reason),
    error=st.sampled_from([None, JobError(code="x")]),
    finished_at=st.none() | st.integers(-100, 100).map(lambda s: START + timedelta(seconds=s)),
    request=st.none() | st.builds(VideoRequest, seconds=seconds),
    usage=st.none() | st.builds(Usage, reported_usd=st.none() | st.integers(0, 5).map(Decimal)),
    asset=st.sampled_from([None, AssetState.DELETED, AssetState.AVAILABLE]),
    polls=st.integers(0, 3),
    file=st.none() | st.builds(VideoFile, seconds=seconds, complete=st.booleans()),
)
jobs = st.builds(
    Job,
    job_id=st.just("job_1"),
    provider=st.sampled_from(["openai", "self_hosted", "unheard-of"]),
    dialect=st.just("openai"),
    operation=st.sampled_from([Operation.CREATE, Operation.EXTEND, Operation.REMIX]),
    created_at=st.just(START),
    trace=st.just(TraceRef(trace_id="1" * 32, span_id="2" * 16)),
    model=st.sampled_from([None, "sora-2"]),
    request=st.builds(VideoRequest, seconds=seconds),
    adopted=st.booleans(),
)
stories = st.lists(st.tuples(snapshots, st.booleans()), max_size=12)


def told(job: Job, story: list[tuple[JobSnapshot, bool]]) -> list[tuple[Job, Advance]]:
    """Each job with what the next answer made of it; some answers are downloads."""
    steps = []
    for second, (snapshot, download) in enumerate(story, start=1):
        now = START + timedelta(seconds=second)
        done = (
            downloaded(job, snapshot, RULES)
            if download and job.state.terminal
            else advance(job, snapshot, now, RULES)
        )
        steps.append((job, done))
        job = done.job
    return steps


def rank(state: JobState) -> int:
    """How far a job has come."""
    return RANK.get(state, 4)


@given(jobs, stories)
def test_a_job_ends_once_and_is_settled_once(job, story):
    """One terminal event, which is that of the state, and one settlement at the same step."""
    steps = told(job, story)
    ends = [(done.job.state, name) for _, done in steps for name in done.events if name.terminal]

    assert len(ends) <= 1
    assert all(TERMINAL_EVENT_OF[state] is name for state, name in ends)
    assert sum(done.settled for _, done in steps) == len(ends)
    for before, done in steps:
        assert done.settled == any(name.terminal for name in done.events)
        assert not (done.adjusted and not before.state.terminal)


@given(jobs, stories)
def test_a_state_never_goes_back_and_progress_never_falls(job, story):
    """What has ended stays as it ended; reason and times stay with it."""
    for before, done in told(job, story):
        after = done.job
        assert rank(before.state) <= rank(after.state)
        assert (before.progress or 0) <= (after.progress or 0)
        assert before.polls <= after.polls
        if before.state.terminal:
            assert (after.state, after.reason) == (before.state, before.reason)
            assert after.finished_at == before.finished_at


@given(jobs, stories)
def test_submitted_comes_first_and_once(job, story):
    """Of a job that was accepted; nothing but an unknown outcome comes before it."""
    events = [name for _, done in told(job, story) for name in done.events]

    assert events.count(EventName.SUBMITTED) <= 1
    assert events.count(EventName.STARTED) <= 1
    assert events.count(EventName.UNKNOWN) <= 1
    accepted = {EventName.STARTED, EventName.PROGRESS, EventName.COMPLETED} & set(events)
    assert not accepted or EventName.SUBMITTED in events
    if EventName.SUBMITTED in events:
        before = events[: events.index(EventName.SUBMITTED)]
        assert set(before) <= {EventName.UNKNOWN}


@given(jobs, stories)
def test_times_are_in_order(job, story):
    """Created, submitted, started, finished: whatever the provider's clock says."""
    for _, done in told(job, story):
        after = done.job
        times = [after.created_at, after.submitted_at, after.started_at, after.finished_at]
        assert after.state.terminal == (after.finished_at is not None)
        assert all(time is None or time >= START for time in times)
        assert after.queue_s is None or after.queue_s >= 0
        assert after.render_s is None or after.render_s >= 0


@given(jobs, stories)
def test_nothing_is_written_for_nothing(job, story):
    """Without a change the very same job comes back; with an event there is one to write."""
    for before, done in told(job, story):
        assert done.changed or done.job is before
        assert done.changed or not (done.events or done.settled or done.adjusted)


@given(jobs, stories)
def test_every_answer_may_come_twice(job, story):
    """The second one is no event, no settlement and no correction."""
    for second, (before, done) in enumerate(told(job, story), start=1):
        snapshot, download = story[second - 1]
        if download and before.state.terminal:
            continue
        again = advance(done.job, snapshot, START + timedelta(seconds=second + 1), RULES)
        assert (again.events, again.settled, again.adjusted) == ((), False, False)
        assert again.job.cost == done.job.cost


@given(jobs, stories)
def test_the_cost_follows_the_state(job, story):
    """Held while it runs, final when it ended, unknown while nobody knows."""
    for before, done in told(job, story):
        cost = done.job.cost
        if done.job is before:
            continue
        if done.job.state in (JobState.QUEUED, JobState.IN_PROGRESS):
            assert cost.status is CostStatus.RESERVED
        if done.job.state is JobState.UNKNOWN:
            assert (cost.status, cost.usd) == (CostStatus.UNKNOWN, None)
        if done.job.state.terminal:
            assert cost.status in (CostStatus.SETTLED, CostStatus.RELEASED, CostStatus.UNKNOWN)
            assert (cost.status is CostStatus.UNKNOWN) == (cost.usd is None)
        if done.job.state is JobState.EXPIRED and cost.basis is None:
            assert cost.status is CostStatus.RELEASED
