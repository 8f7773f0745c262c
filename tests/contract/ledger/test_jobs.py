"""What a ledger does with jobs: intents, answers, and who may have been faster."""

import itertools
from decimal import Decimal

import msgspec
import pytest

from vidobs.core.calls import Operation
from vidobs.core.events import EventName
from vidobs.core.jobs import AssetState, JobState, Reason, Usage, VideoFile
from vidobs.core.money import CostBasis, CostStatus
from vidobs.ledger import codec
from vidobs.ledger.finder import Stranger

Q, P, C, F = JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED, JobState.FAILED


def names(recorded):
    """Return the names of the events of a write."""
    return [event.name for event in recorded.events]


def created(ledger, make, video_id="video_1", **job):
    """Create a job that is accepted; return it as stored."""
    intent = make.job(**job)
    ledger.intend(intent)
    return ledger.record(make.seen(intent, id=video_id, state=Q)).job


def test_an_intent_is_found_by_the_answer(ledger, make):
    """The answer to a create finds its intent, and the job is then found by the provider's id."""
    intent = make.job()
    ledger.intend(intent)
    assert ledger.find("openai", "video_1") is None
    recorded = ledger.record(make.seen(intent, id="video_1", state=Q))
    assert names(recorded) == [EventName.SUBMITTED]
    assert recorded.job.trace == intent.trace
    assert recorded.job.cost.status is CostStatus.RESERVED
    assert ledger.find("openai", "video_1") == recorded.job == ledger.known("openai", "video_1")
    assert ledger.find("azure", "video_1") is None


def test_an_intent_tried_again_is_one_job(backend, ledger, make):
    """An intent whose first write was acknowledged to nobody does not become two rows."""
    intent = make.job()
    ledger.intend(intent)
    ledger.intend(intent)
    assert len(backend.audit().rows) == 1


def test_two_ids_of_one_place_are_two_jobs(backend, ledger, make):
    """Jobs whose ids share the milliseconds and the last bits are told apart."""
    one = make.job()
    other = msgspec.structs.replace(one, job_id=one.job_id[:20] + "00000" + one.job_id[25:])
    assert codec.seq_of(one.job_id) == codec.seq_of(other.job_id)
    ledger.intend(one)
    ledger.intend(other)
    fresh = backend.ledger()
    for number, job in enumerate((other, one)):
        recorded = fresh.record(make.seen(job, id=f"video_{number}", state=Q))
        assert recorded.job.job_id == job.job_id
        assert [e.job.job_id for e in backend.reader().events(job.job_id)] == [job.job_id]


def test_what_changes_nothing_writes_nothing(backend, ledger, make):
    """The same answer again, and a step of progress below ten per cent, cause no event."""
    job = created(ledger, make)
    assert ledger.record(make.seen(job, id="video_1", state=Q)).events == ()
    assert names(ledger.record(make.seen(job, id="video_1", state=P, progress=12))) == [
        EventName.STARTED
    ]
    assert ledger.record(make.seen(job, id="video_1", state=P, progress=19)).events == ()
    assert names(ledger.record(make.seen(job, id="video_1", state=P, progress=20))) == [
        EventName.PROGRESS
    ]
    assert len(backend.audit().events) == 3


@pytest.mark.parametrize(
    "order", sorted(set(itertools.permutations((Q, P, C, C, F)))), ids="-".join
)
def test_one_end_in_any_order(backend, ledger, make, order):
    """However answers arrive there is one terminal event and one settlement, and it stays."""
    job = created(ledger, make)
    ends = []
    for state in order:
        recorded = ledger.record(make.seen(job, id="video_1", state=state))
        ends += [name for name in names(recorded) if name.terminal]
    first = next(state for state in order if state.terminal)
    assert ends == [EventName.COMPLETED if first is C else EventName.FAILED]
    audit = backend.audit()
    assert (audit.terminal_events, audit.settlements) == (1, 1)
    assert ledger.find("openai", "video_1").state is first


def test_the_settlement_is_the_cost_of_the_job(backend, ledger, make):
    """A completed job is settled at its price, a blocked one released, an unpriced one unknown."""
    for number, (model, state) in enumerate((("sora-2", C), ("sora-2", F), ("nobodys", C))):
        job = created(ledger, make, f"video_{number}", model=model)
        says = {"reason": Reason.MODERATION_INPUT} if state is F else {}
        assert ledger.record(make.seen(job, id=f"video_{number}", state=state, **says)).settled
    spent = [[usd for _, usd in row.spent] for row in backend.audit().rows]
    assert spent == [[800_000_000], [0], [None]]


def test_better_evidence_adjusts_what_was_settled(backend, ledger, make):
    """A reported amount after the end adds the difference, and never a second settlement."""
    job = created(ledger, make)
    ledger.record(make.seen(job, id="video_1", state=C))
    usage = Usage(reported_usd=Decimal("0.75"))
    recorded = ledger.record(make.seen(job, id="video_1", state=C, usage=usage))
    assert (recorded.settled, recorded.job.cost.basis) == (False, CostBasis.REPORTED)
    assert [usd for _, usd in backend.audit().row("video_1").spent] == [800_000_000, -50_000_000]


def test_an_unknown_price_may_become_known(backend, ledger, make):
    """A job that was settled without a price is counted once its provider names the amount."""
    job = created(ledger, make, model="nobodys")
    ledger.record(make.seen(job, id="video_1", state=C))
    usage = Usage(reported_usd=Decimal("0.75"))
    ledger.record(make.seen(job, id="video_1", usage=usage))
    (row,) = backend.reader().spend("model").rows
    assert (row.usd, row.unknown, row.jobs) == (Decimal("0.75"), 0, 1)


def test_better_evidence_for_the_same_figure_adds_nothing(backend, ledger, make):
    """A file that is as long as was asked for confirms the settlement; no entry says so."""
    job = created(ledger, make)
    ledger.record(make.seen(job, id="video_1", state=C))
    file = VideoFile(size_bytes=10, seconds=Decimal(8), size="720x1280")
    recorded = ledger.record(make.seen(job, id="video_1", file=file, download=True))
    assert recorded.job.cost.basis is CostBasis.PROBED
    assert backend.audit().row("video_1").spent == [(0, 800_000_000)]


def test_a_price_of_nothing_is_known(backend, ledger, make):
    """A job without a price that turns out to have been free is no longer unknown."""
    job = created(ledger, make, model="nobodys")
    ledger.record(make.seen(job, id="video_1", state=C))
    usage = Usage(reported_usd=Decimal(0))
    ledger.record(make.seen(job, id="video_1", usage=usage))
    (row,) = backend.reader().spend("model").rows
    assert (row.usd, row.unknown) == (0, 0)


def test_a_download_is_an_event_with_the_file(backend, ledger, make):
    """Reading an asset records what was read; a truncated read does not count as downloaded."""
    job = created(ledger, make)
    ledger.record(make.seen(job, id="video_1", state=C))
    for complete, asset in ((False, AssetState.AVAILABLE), (True, AssetState.DOWNLOADED)):
        file = VideoFile(size_bytes=10, complete=complete)
        recorded = ledger.record(make.seen(job, id="video_1", file=file, download=True))
        assert names(recorded) == [EventName.DOWNLOADED]
        assert (recorded.job.file, recorded.job.asset) == (file, asset)


def test_a_failed_call_is_not_a_failed_job(backend, ledger, make):
    """A poll that raised leaves an event with its text, and the job as it was."""
    job = created(ledger, make)
    recorded = ledger.record(make.seen(job, failure="APITimeoutError: too late"))
    (event,) = recorded.events
    assert (event.name, event.detail) == (EventName.CALL_FAILED, "APITimeoutError: too late")
    assert ledger.find("openai", "video_1").state is Q


def test_spans_ride_on_events(backend, ledger, make):
    """The call's span is on the last event of a step, the job's span on the terminal one."""
    job = created(ledger, make)
    seen = make.seen(job, id="video_1", state=C, spans=True)
    (event,) = ledger.record(seen).events
    assert event.spans == (seen.span, seen.job_span)
    assert backend.reader().events(job.job_id)[-1] == event


def test_events_are_stored_as_they_were_returned(backend, ledger, make):
    """What the caller is told, the outbox and the read model say as well, ids included."""
    intent = make.job(user="ada", tags={"team": "film"})
    ledger.intend(intent)
    told = []
    for says in ({"state": Q}, {"state": P, "progress": 5}, {"progress": 40}, {"state": C}):
        told += ledger.record(make.seen(intent, id="video_1", spans=True, **says)).events
    assert len(told) == 4
    assert list(backend.reader().events(intent.job_id)) == told
    assert [row.event for row in backend.outbox().read(0, 100)] == told


def test_a_job_created_elsewhere_is_adopted_once(backend, ledger, make):
    """The first poll of an unknown job takes it in, the next one finds it."""
    other = backend.ledger()
    first = ledger.record(make.poll("video_9", P))
    again = other.record(make.poll("video_9", P))
    assert names(first) == [EventName.SUBMITTED, EventName.STARTED]
    assert (first.job.adopted, again.events, again.job) == (True, (), first.job)


def test_an_answer_about_nothing_known_is_dropped(backend, ledger, make):
    """Without a job to start from, an answer about an unknown job writes nothing."""
    assert ledger.record(make.seen(id="video_9", state=P)) is None
    assert backend.audit().rows == []


def test_a_poll_that_was_faster_gives_its_row_to_the_create(backend, ledger, make):
    """A job adopted before its create's answer was written is one row, with the create's trace."""
    intent = make.job(user="ada", operation=Operation.REMIX)
    ledger.intend(intent)
    adopted = backend.ledger().record(make.poll("video_1", P)).job
    recorded = ledger.record(make.seen(intent, id="video_1", state=Q))
    job = recorded.job
    assert (job.job_id, job.trace, job.state) == (adopted.job_id, intent.trace, P)
    assert (job.user, job.operation, job.adopted) == ("ada", Operation.REMIX, False)
    (row,) = backend.audit().rows
    assert row.job == job
    again = backend.ledger().record(make.seen(id="video_1", state=C))
    assert again.job.trace == intent.trace


def test_a_replayed_create_is_the_job_it_made_before(backend, ledger, make):
    """Two creates that the provider answers with one job are one row, and the first one's."""
    first = created(ledger, make)
    other = backend.ledger()
    second = make.job()
    other.intend(second)
    recorded = other.record(make.seen(second, id="video_1", state=P))
    assert (recorded.job.job_id, recorded.job.trace) == (first.job_id, first.trace)
    (row,) = backend.audit().rows
    assert row.events == [EventName.SUBMITTED, EventName.STARTED]


def test_a_merge_keeps_the_events_of_both(backend, ledger, make):
    """What was said of a create before it turned out to be another row's job is not lost."""
    intent = make.job()
    ledger.intend(intent)
    ledger.record(make.seen(intent, state=JobState.UNKNOWN, failure="APITimeoutError"))
    backend.ledger().record(make.poll("video_1", P))
    ledger.record(make.seen(intent, id="video_1", state=P))
    (row,) = backend.audit().rows
    assert sorted(row.events) == sorted([EventName.UNKNOWN, EventName.SUBMITTED, EventName.STARTED])


def test_a_stale_reader_writes_on_what_another_wrote(backend, ledger, make):
    """A process that saw a job long ago neither overwrites nor repeats what others recorded."""
    job = created(ledger, make)
    other = backend.ledger()
    assert other.record(make.seen(id="video_1", state=C, progress=100)).settled
    late = ledger.record(make.seen(job, id="video_1", state=F))
    assert (late.events, late.settled, late.job.state) == ((), False, C)


class TestUnanswered:
    """Creates whose answer nobody saw, and the polls that may show their jobs."""

    def unknown(self, ledger, make, prompt_hash, **job):
        """Write a create with an unknown outcome."""
        intent = make.job(prompt_hash=prompt_hash, **job)
        ledger.intend(intent)
        seen = make.seen(intent, state=JobState.UNKNOWN, failure="APITimeoutError: cut")
        assert names(ledger.record(seen)) == [EventName.UNKNOWN]
        return intent

    def stranger(self, make, prompt_hash, **more):
        """Describe a job seen at the provider."""
        known = {"provider": "openai", "created_at": codec.moment(make.now_ns // 1000), **more}
        return Stranger(prompt_hash=prompt_hash, now_ns=make.tick(), seed=make.bits(74), **known)

    def test_a_poll_with_the_prompt_claims_the_create(self, backend, ledger, make):
        """A job that shows the prompt of an unknown create is that create, with its trace."""
        intent = self.unknown(ledger, make, "aa")
        recorded = backend.ledger().record(make.poll("video_1", P, prompt_hash="aa"))
        assert (recorded.job.job_id, recorded.job.trace) == (intent.job_id, intent.trace)
        assert names(recorded) == [EventName.SUBMITTED, EventName.STARTED]
        assert len(backend.audit().rows) == 1

    def test_it_can_be_asked_for_before(self, backend, ledger, make):
        """The create is named for a job that was seen, so that a poll can join its trace."""
        intent = self.unknown(ledger, make, "aa")
        found = backend.ledger().unanswered(self.stranger(make, "aa", model="sora-2"))
        assert found.job_id == intent.job_id

    @pytest.mark.parametrize(
        "other",
        [{"prompt_hash": "bb"}, {"provider": "azure"}, {"model": "sora-2-pro"}],
        ids=lambda other: next(iter(other)),
    )
    def test_another_job_is_not_claimed(self, ledger, make, other):
        """Another prompt, provider or model is another job."""
        self.unknown(ledger, make, "aa")
        assert ledger.unanswered(self.stranger(make, **{"prompt_hash": "aa", **other})) is None

    def test_a_job_of_another_hour_is_not_claimed(self, ledger, make):
        """The same prompt an hour later is another create."""
        self.unknown(ledger, make, "aa")
        make.tick(3600)
        assert ledger.unanswered(self.stranger(make, "aa")) is None

    def test_the_nearest_in_time_is_claimed(self, ledger, make):
        """Of two unknown creates with one prompt the one made at about that time is meant."""
        self.unknown(ledger, make, "aa")
        make.tick(100)
        near = self.unknown(ledger, make, "aa")
        assert ledger.unanswered(self.stranger(make, "aa")).job_id == near.job_id

    def test_each_is_claimed_once(self, ledger, make):
        """Two jobs of one prompt are two creates."""
        intents = {self.unknown(ledger, make, "aa").job_id for _ in range(2)}
        found = {
            ledger.record(make.poll(f"video_{n}", P, prompt_hash="aa")).job.job_id for n in range(2)
        }
        assert found == intents
