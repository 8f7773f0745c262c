"""Writes that no answer of a provider causes, and that only hold for a job as it was looked at."""

import msgspec

from vidobs.core.events import EventName
from vidobs.core.jobs import JobState, Notice


def created(ledger, make, video_id="video_1", **says):
    """Create a job that is accepted; return it as stored."""
    intent = make.job()
    ledger.intend(intent)
    says = {"state": JobState.QUEUED, **says}
    return ledger.record(make.seen(intent, id=video_id, **says)).job


def found(seen, version, **changes):
    """Return an answer that is only meant for a row of a version."""
    return msgspec.structs.replace(seen, version=version, **changes)


def test_a_notice_is_an_event_of_its_job(backend, ledger, make):
    """It stands in the outbox like any other, and every process knows that it was said."""
    job = created(ledger, make)

    recorded = ledger.record(found(make.seen(job), 1, notice=Notice.STUCK))

    assert [event.name for event in recorded.events] == [EventName.STUCK]
    assert recorded.job.notices == (Notice.STUCK,)
    assert recorded.events[0].trace_id == job.trace.trace_id
    other = backend.ledger()
    assert other.find("openai", "video_1").notices == (Notice.STUCK,)
    again = other.record(found(make.seen(job), 2, notice=Notice.STUCK))
    assert again.events == ()
    assert [event.name for event in backend.reader().events(job.job_id)] == [
        EventName.SUBMITTED,
        EventName.STUCK,
    ]


def test_what_changed_meanwhile_is_left_alone(backend, ledger, make):
    """A job that moved since it was looked at neither hangs, nor is it lost."""
    job = created(ledger, make)
    backend.ledger().record(make.seen(job, id="video_1", state=JobState.IN_PROGRESS))

    assert ledger.record(found(make.seen(job), 1, notice=Notice.STUCK)) is None
    lost = make.seen(job, state=JobState.FAILED)
    assert ledger.record(found(lost, 1)) is None

    assert backend.ledger().find("openai", "video_1").state is JobState.IN_PROGRESS
    assert ledger.record(found(lost, 2)).job.state is JobState.FAILED


def test_two_processes_notice_at_once(backend, make):
    """The one that comes later finds another version, and says nothing."""
    first, second = backend.ledger(), backend.ledger()
    job = created(first, make, state=JobState.COMPLETED, expires_at=make.job().created_at)

    results = [
        ledger.record(found(make.seen(job), 1, notice=Notice.EXPIRING))
        for ledger in (first, second)
    ]

    assert [event.name for event in results[0].events] == [EventName.EXPIRING]
    assert results[1] is None


def test_an_unknown_create_is_claimed_once(backend, ledger, make):
    """A job of the server is given to the create that was looked at, unless somebody was faster."""
    intent = make.job()
    ledger.intend(intent)
    unknown = ledger.record(make.seen(intent, state=JobState.UNKNOWN)).job

    first = ledger.record(found(make.seen(unknown, id="video_1"), 1))
    second = backend.ledger().record(found(make.seen(unknown, id="video_2"), 1))

    assert (first.job.provider_job_id, first.job.state) == ("video_1", JobState.QUEUED)
    assert second is None
    assert backend.reader().job(unknown.job_id)[0].provider_job_id == "video_1"


def test_a_job_that_nobody_has_is_nobodys(ledger, make):
    """A version alone finds no job."""
    job = make.job()

    assert ledger.record(found(make.seen(job), 0, notice=Notice.STUCK)) is None
