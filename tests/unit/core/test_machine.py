from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from vidobs.core.calls import Operation, VideoRequest
from vidobs.core.events import EventName
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
from vidobs.core.machine import Advance, Rules, advance, cut_off, downloaded
from vidobs.core.money import Cost, CostBasis, CostStatus
from vidobs.core.policies import Billed, BillingPolicy
from vidobs.core.prices import PriceBook, PriceRow, PriceUnit

START = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
BOOK = PriceBook(
    [PriceRow(provider="openai", model="sora-2", unit=PriceUnit.OUTPUT_SECOND, usd=Decimal("0.10"))]
)
RULES = Rules(book=BOOK, policies={})
JOB = Job(
    job_id="job_1",
    provider="openai",
    dialect="openai",
    created_at=START,
    trace=TraceRef(trace_id="1" * 32, span_id="2" * 16),
    model="sora-2",
    request=VideoRequest(seconds=Decimal(8), size="720x1280"),
    cost=Cost(status=CostStatus.QUOTED, usd=Decimal("0.80"), quoted_usd=Decimal("0.80")),
)
TERMINAL = [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED]


def at(seconds: float) -> datetime:
    """A time after the start."""
    return START + timedelta(seconds=seconds)


def saw(state: JobState | None, **said: object) -> JobSnapshot:
    """An answer about the job."""
    raw = said.pop("raw_status", state.value if state else None)
    return JobSnapshot(provider_job_id="video_1", state=state, raw_status=raw, **said)


def step(job: Job, state: JobState | None, after: float = 1, **said: object) -> Advance:
    """Advance the job by one answer."""
    return advance(job, saw(state, **said), at(after), RULES)


def reached(*states: JobState) -> Job:
    """The job after some answers, one a second."""
    job = JOB
    for second, state in enumerate(states, start=1):
        job = step(job, state, second).job
    return job


def test_an_accepted_job_is_submitted():
    """The answer to the create gives it its id, and holds its price."""
    done = step(JOB, JobState.QUEUED, 2)

    assert done.events == (EventName.SUBMITTED,)
    assert done.job == msgspec.structs.replace(
        JOB,
        state=JobState.QUEUED,
        raw_status="queued",
        provider_job_id="video_1",
        submitted_at=at(2),
        cost=done.job.cost,
    )
    assert (done.job.cost.status, done.job.cost.usd) == (CostStatus.RESERVED, Decimal("0.80"))
    assert (done.changed, done.settled, done.adjusted) == (True, False, False)


def test_the_quote_made_before_the_call_holds():
    """A remix was quoted by the length of its source, which its own request does not name."""
    remix = msgspec.structs.replace(JOB, operation=Operation.REMIX, request=VideoRequest())

    cost = step(remix, JobState.QUEUED).job.cost

    assert (cost.status, cost.usd) == (CostStatus.RESERVED, Decimal("0.80"))


@pytest.mark.parametrize(
    ("before", "seen", "events"),
    [
        ((), JobState.QUEUED, (EventName.SUBMITTED,)),
        ((), JobState.IN_PROGRESS, (EventName.SUBMITTED, EventName.STARTED)),
        ((), JobState.COMPLETED, (EventName.SUBMITTED, EventName.COMPLETED)),
        ((), JobState.CANCELLED, (EventName.SUBMITTED, EventName.CANCELLED)),
        ((), JobState.EXPIRED, (EventName.SUBMITTED, EventName.EXPIRED)),
        ((), JobState.FAILED, (EventName.SUBMITTED, EventName.FAILED)),
        ((), JobState.UNKNOWN, (EventName.UNKNOWN,)),
        ((JobState.UNKNOWN,), JobState.QUEUED, (EventName.SUBMITTED,)),
        ((JobState.UNKNOWN,), JobState.COMPLETED, (EventName.SUBMITTED, EventName.COMPLETED)),
        ((JobState.QUEUED,), JobState.IN_PROGRESS, (EventName.STARTED,)),
        ((JobState.QUEUED,), JobState.COMPLETED, (EventName.COMPLETED,)),
        ((JobState.QUEUED,), JobState.FAILED, (EventName.FAILED,)),
        ((JobState.QUEUED,), JobState.EXPIRED, (EventName.EXPIRED,)),
        ((JobState.IN_PROGRESS,), JobState.COMPLETED, (EventName.COMPLETED,)),
        ((JobState.IN_PROGRESS,), JobState.FAILED, (EventName.FAILED,)),
        ((JobState.IN_PROGRESS,), JobState.CANCELLED, (EventName.CANCELLED,)),
    ],
)
def test_each_step_has_its_events(before, seen, events):
    """Also where a poll saw nothing of the states between."""
    done = step(reached(*before), seen, 5)

    assert done.job.state is seen
    assert done.events == events
    assert done.settled is seen.terminal


@pytest.mark.parametrize(
    ("before", "seen"),
    [
        (JobState.QUEUED, JobState.QUEUED),
        (JobState.QUEUED, JobState.UNKNOWN),
        (JobState.QUEUED, JobState.SUBMITTING),
        (JobState.QUEUED, None),
        (JobState.IN_PROGRESS, JobState.QUEUED),
        (JobState.IN_PROGRESS, JobState.UNKNOWN),
        (JobState.UNKNOWN, JobState.SUBMITTING),
    ],
)
def test_a_state_never_goes_back(before, seen):
    """An old or an unknown answer keeps the state, and is no event."""
    job = reached(before)
    done = step(job, seen, 9)

    assert done.job.state is before
    assert done.events == ()
    assert not done.settled


@pytest.mark.parametrize("end", TERMINAL)
@pytest.mark.parametrize("seen", [*JobState, None])
def test_an_ended_job_stays_as_it_ended(end, seen):
    """Whatever is seen later: no event, no second settlement, the same cost and reason."""
    job = reached(JobState.IN_PROGRESS, end)
    done = step(job, seen, 99, progress=100, reason=Reason.TIMEOUT)

    assert (done.events, done.settled, done.adjusted) == ((), False, False)
    assert (done.job.state, done.job.reason, done.job.cost) == (end, job.reason, job.cost)
    assert done.job.finished_at == job.finished_at


def test_an_unknown_word_for_a_state_is_recorded():
    """The last state stays; the word is kept."""
    done = step(reached(JobState.QUEUED), None, 3, raw_status="paused")

    assert (done.job.state, done.job.raw_status, done.events) == (JobState.QUEUED, "paused", ())
    assert done.changed


def test_an_id_means_that_the_job_was_accepted():
    """Also where the create's answer calls its state by a word that nobody knows."""
    done = step(JOB, None, raw_status="warming")

    assert done.events == (EventName.SUBMITTED,)
    assert (done.job.state, done.job.raw_status) == (JobState.QUEUED, "warming")


def test_an_answer_without_id_and_state_says_nothing():
    """Neither a state nor a step of progress comes from it."""
    done = advance(JOB, JobSnapshot(progress=50), at(1), RULES)

    assert (done.job.state, done.events) == (JobState.SUBMITTING, ())


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        (JobState.IN_PROGRESS, JobState.QUEUED),
        (JobState.COMPLETED, JobState.IN_PROGRESS),
        (JobState.COMPLETED, JobState.FAILED),
        (JobState.COMPLETED, None),
    ],
)
def test_an_old_answer_has_no_say(state, seen):
    """Neither its word for the state nor its error replaces what is known."""
    job = reached(state)
    late = step(job, seen, 9, raw_status="old", error=JobError(code="x"), expires_at=at(99)).job

    assert (late.raw_status, late.error) == (job.raw_status, None)
    assert late.expires_at == at(99)


def test_a_deleted_video_was_completed_all_the_same():
    """The asset is gone; the job and its cost stay."""
    job = reached(JobState.COMPLETED)
    done = step(job, JobState.CANCELLED, 9, raw_status="deleted", asset=AssetState.DELETED)

    assert done.events == ()
    assert done.job == msgspec.structs.replace(job, asset=AssetState.DELETED)


@pytest.mark.parametrize(
    ("asset", "then"),
    [
        (AssetState.NONE, AssetState.NONE),
        (AssetState.AVAILABLE, AssetState.EXPIRED),
        (AssetState.DOWNLOADED, AssetState.DOWNLOADED),
        (AssetState.DELETED, AssetState.DELETED),
    ],
)
def test_only_a_file_that_waits_to_be_read_expires(asset, then):
    """A file that was read stays read, one that was deleted was, and one never made was never."""
    job = msgspec.structs.replace(JOB, provider_job_id="video_1", asset=asset)
    gone = JobSnapshot(provider_job_id="video_1", asset=AssetState.EXPIRED)
    assert advance(job, gone, at(9), RULES).job.asset is then


def test_an_end_without_an_id_was_accepted_all_the_same():
    """Only a failure can mean that a create was refused."""
    done = advance(JOB, JobSnapshot(state=JobState.CANCELLED), at(1), RULES)

    assert done.events == (EventName.SUBMITTED, EventName.CANCELLED)


def test_the_same_answer_again_changes_nothing():
    """There is nothing to write and nothing to export."""
    job = step(JOB, JobState.IN_PROGRESS, progress=40).job
    done = step(job, JobState.IN_PROGRESS, 2, progress=40)

    assert done == Advance(job)
    assert not done.changed


@pytest.mark.parametrize(
    ("seen", "events", "progress"),
    [
        (49, (), 41),
        (50, (EventName.PROGRESS,), 50),
        (97, (EventName.PROGRESS,), 97),
        (40, (), 41),
        (None, (), 41),
    ],
)
def test_progress_is_told_in_tenths(seen, events, progress):
    """A smaller step is neither an event nor worth a write, and progress never falls."""
    job = step(JOB, JobState.IN_PROGRESS, progress=41).job
    done = step(job, JobState.IN_PROGRESS, 2, progress=seen)

    assert (done.events, done.changed) == (events, bool(events))
    assert done.job.progress == progress


def test_a_completed_job_is_settled_once():
    """Times, progress, asset and the cost, with its line."""
    job = reached(JobState.QUEUED, JobState.IN_PROGRESS)
    done = step(job, JobState.COMPLETED, 60, finished_at=at(50.5), expires_at=at(3600))

    assert done.settled
    assert (done.job.started_at, done.job.finished_at, done.job.expires_at) == (
        at(2),
        at(50.5),
        at(3600),
    )
    assert (done.job.queue_s, done.job.render_s, done.job.total_s) == (1.0, 48.5, 50.5)
    assert (done.job.progress, done.job.asset) == (100, AssetState.AVAILABLE)
    cost = done.job.cost
    assert (cost.status, cost.basis, cost.usd) == (
        CostStatus.SETTLED,
        CostBasis.REQUESTED,
        Decimal("0.80"),
    )
    assert [(line.unit, line.quantity) for line in cost.lines] == [("output_second", Decimal(8))]


@pytest.mark.parametrize(("told", "kept"), [(at(-60), START), (at(500), at(10)), (None, at(10))])
def test_the_end_lies_between_start_and_now(told, kept):
    """The provider's clock may be wrong, or say nothing."""
    assert step(JOB, JobState.COMPLETED, 10, finished_at=told).job.finished_at == kept


def test_a_provider_cuts_times_to_seconds():
    """A job that ended within a second did not end before it was last seen running."""
    job = step(JOB, JobState.COMPLETED, 10.2, finished_at=at(8)).job

    assert job.finished_at == at(8.999999)


def test_a_refused_create_is_a_failed_job_that_was_never_submitted():
    """Nothing was accepted, so nothing is owed."""
    error = JobError(code="moderation_blocked", message="No.")
    refused = JobSnapshot(state=JobState.FAILED, reason=Reason.MODERATION_INPUT, error=error)
    done = advance(JOB, refused, at(1), RULES)

    assert done.events == (EventName.FAILED,)
    assert (done.job.reason, done.job.error) == (Reason.MODERATION_INPUT, error)
    assert (done.job.submitted_at, done.job.asset) == (None, AssetState.NONE)
    assert (done.job.cost.status, done.job.cost.usd, done.job.cost.possible_usd) == (
        CostStatus.RELEASED,
        Decimal(0),
        None,
    )


def test_a_create_over_the_budget_says_so_first():
    """Refused by vidobs itself, before anything was sent."""
    refused = JobSnapshot(state=JobState.FAILED, reason=Reason.BUDGET)

    done = advance(JOB, refused, at(1), RULES)

    assert done.events == (EventName.BUDGET_EXCEEDED, EventName.FAILED)
    assert done.job.cost.status is CostStatus.RELEASED


def test_a_failure_without_a_reason_is_the_providers():
    """Nothing more is known."""
    assert step(JOB, JobState.FAILED).job.reason is Reason.PROVIDER_ERROR


@pytest.mark.parametrize(
    ("billed", "status", "usd", "possible"),
    [
        (Billed.YES, CostStatus.SETTLED, Decimal("0.80"), None),
        (Billed.NO, CostStatus.RELEASED, Decimal(0), None),
        (Billed.UNKNOWN, CostStatus.RELEASED, Decimal(0), Decimal("0.80")),
    ],
)
def test_a_failed_job_is_billed_by_policy(billed, status, usd, possible):
    """Where nobody says, it is possible spend and in no total."""
    rules = Rules(book=BOOK, policies={"openai": BillingPolicy(bill_on_failed=billed)})
    job = reached(JobState.IN_PROGRESS)
    done = advance(job, saw(JobState.FAILED), at(9), rules)

    cost = done.job.cost
    assert (cost.status, cost.usd, cost.possible_usd) == (status, usd, possible)
    assert done.settled


def test_an_ambiguous_create_may_have_cost_something():
    """Unknown, with the quote as possible spend; never in a total."""
    job = step(JOB, JobState.UNKNOWN).job

    assert (job.cost.status, job.cost.usd, job.cost.possible_usd) == (
        CostStatus.UNKNOWN,
        None,
        Decimal("0.80"),
    )
    assert job.submitted_at is None


def test_an_ambiguous_create_may_turn_out_to_be_a_job():
    """Found later, it goes on like any other."""
    job = step(JOB, JobState.UNKNOWN).job
    found = step(job, JobState.QUEUED, 30)

    assert found.events == (EventName.SUBMITTED,)
    assert (found.job.cost.status, found.job.cost.usd, found.job.cost.possible_usd) == (
        CostStatus.RESERVED,
        Decimal("0.80"),
        None,
    )


def test_a_job_seen_first_by_a_poll_was_submitted_when_it_was_created():
    """An adopted job was accepted somewhere else, at the provider's time."""
    adopted = msgspec.structs.replace(JOB, adopted=True)

    done = step(adopted, JobState.IN_PROGRESS, 60)

    assert (done.job.submitted_at, done.job.started_at) == (START, at(60))


def test_the_answer_corrects_the_request():
    """What the provider will make counts; what it does not say stays."""
    made = VideoRequest(seconds=Decimal(4), fps=Decimal(24), prompt_chars=3)
    job = step(JOB, JobState.QUEUED, request=made, model="sora-2").job

    assert job.request == VideoRequest(
        seconds=Decimal(4), size="720x1280", fps=Decimal(24), prompt_chars=3
    )
    assert job.cost.usd == Decimal("0.40")
    assert job.cost.quoted_usd == Decimal("0.80")


def test_an_extension_is_priced_by_what_it_adds():
    """Its answer gives the length of old and new together."""
    extension = msgspec.structs.replace(JOB, operation=Operation.EXTEND)
    together = VideoRequest(seconds=Decimal(20))

    job = advance(extension, saw(JobState.COMPLETED, request=together), at(9), RULES).job

    assert job.request.seconds == 8
    assert job.cost.usd == Decimal("0.80")


def test_the_model_that_served_is_kept_apart():
    """A remix does not name its model: then the answer's is the model."""
    assert step(JOB, JobState.QUEUED, model="sora-2-2025").job.served_model == "sora-2-2025"
    assert step(JOB, JobState.QUEUED, model="sora-2").job.served_model is None
    remix = msgspec.structs.replace(JOB, model=None)
    assert step(remix, JobState.QUEUED, model="sora-2").job.model == "sora-2"


def test_better_evidence_corrects_a_settled_cost():
    """The provider's own amount, named later: adjusted, without a second settlement."""
    job = reached(JobState.COMPLETED)
    billed = Usage(reported_usd=Decimal("0.75"))
    done = step(job, JobState.COMPLETED, 9, usage=billed)

    assert (done.events, done.settled, done.adjusted, done.changed) == ((), False, True, True)
    assert (done.job.cost.usd, done.job.cost.basis) == (Decimal("0.75"), CostBasis.REPORTED)
    assert step(done.job, JobState.COMPLETED, 10, usage=billed) == Advance(done.job)


FILE = VideoFile(size_bytes=7, sha256="ab", seconds=Decimal(8), size="720x1280")


def test_a_download_is_an_event_of_its_own():
    """Every time; the asset is downloaded, the state stays, the cost rests on the file."""
    done = downloaded(reached(JobState.COMPLETED), JobSnapshot(file=FILE), RULES)

    assert (done.events, done.changed, done.settled) == ((EventName.DOWNLOADED,), True, False)
    assert (done.job.asset, done.job.file) == (AssetState.DOWNLOADED, FILE)
    assert (done.job.cost.usd, done.job.cost.basis) == (Decimal("0.80"), CostBasis.PROBED)


def test_a_shorter_file_corrects_the_cost():
    """Asked for 8 seconds, got 5."""
    short = msgspec.structs.replace(FILE, seconds=Decimal("5.0"))
    done = downloaded(reached(JobState.COMPLETED), JobSnapshot(file=short), RULES)

    assert done.adjusted
    assert done.job.cost.usd == Decimal("0.50")


def test_a_cut_download_proves_nothing():
    """It is told, but the asset is not downloaded and the cost stays."""
    job = reached(JobState.COMPLETED)
    cut = msgspec.structs.replace(FILE, complete=False)
    done = downloaded(job, JobSnapshot(file=cut), RULES)

    assert done.events == (EventName.DOWNLOADED,)
    assert (done.job.asset, done.job.cost) == (AssetState.AVAILABLE, job.cost)


def test_a_download_that_raises_leaves_what_came():
    """The part is noted without an event of its own; the call that failed is the event."""
    job = reached(JobState.COMPLETED)
    part = VideoFile(size_bytes=3, complete=False)
    done = cut_off(job, JobSnapshot(file=part), RULES)

    assert (done.changed, done.events) == (True, ())
    assert (done.job.file, done.job.asset, done.job.cost) == (part, job.asset, job.cost)


def test_polls_are_added_up():
    """Those that brought nothing new are counted with the next that did."""
    job = step(JOB, JobState.QUEUED, polls=1).job
    job = step(job, JobState.IN_PROGRESS, 2, polls=20).job

    assert job.polls == 21


SHORT = msgspec.structs.replace(FILE, seconds=Decimal("5.005"))


def test_a_file_that_was_not_asked_for_is_told_once():
    """However often it is downloaded; again when another file comes."""
    both = (EventName.DOWNLOADED, EventName.MISMATCH)
    first = downloaded(reached(JobState.COMPLETED), JobSnapshot(file=SHORT), RULES)
    again = downloaded(first.job, JobSnapshot(file=SHORT), RULES)
    other = msgspec.structs.replace(FILE, size="640x360")

    assert first.events == both
    assert again.events == (EventName.DOWNLOADED,)
    assert not again.adjusted
    assert downloaded(first.job, JobSnapshot(file=other), RULES).events == both
    assert downloaded(first.job, JobSnapshot(file=FILE), RULES).events == both[:1]


def test_a_part_does_not_unlearn_what_the_whole_file_said():
    """A resumed read after a whole one keeps length and size, and the cost that rests on them."""
    job = downloaded(reached(JobState.COMPLETED), JobSnapshot(file=SHORT), RULES).job
    part = VideoFile(size_bytes=3, complete=False)
    done = downloaded(job, JobSnapshot(file=part), RULES)

    assert done.events == (EventName.DOWNLOADED,)
    assert (done.job.file.size_bytes, done.job.file.complete) == (3, False)
    assert (done.job.file.seconds, done.job.file.size) == (Decimal("5.005"), "720x1280")
    assert (done.job.asset, done.job.cost) == (AssetState.DOWNLOADED, job.cost)
