from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_kit import Maker

from vidobs.core import notices
from vidobs.core.calls import VideoRequest
from vidobs.core.jobs import AssetState, JobError, JobState, Notice, Reason
from vidobs.core.money import Cost, CostStatus
from vidobs.dashboard.index import documents
from vidobs.dashboard.index.answers import Outcome
from vidobs.dashboard.index.buckets import bucket_of
from vidobs.dashboard.index.facts import Bit, Entry
from vidobs.dashboard.index.periods import hour_at
from vidobs.ledger import codec


def read(entries=(), **changes):
    """Return what the index keeps of a job with some changes."""
    job = Maker().job(**{"created_at": codec.moment(1_795_000_001_000_000)} | changes)
    job = job if "cost" not in changes else type(job)(**_fields(job) | {"cost": changes["cost"]})
    return documents.read(codec.seq_of(job.job_id), 3, codec.dump_job(job).encode(), entries)


def _fields(job):
    return {name: getattr(job, name) for name in job.__struct_fields__}


@pytest.mark.parametrize("doc", [b"", b"{", b"[]", b'{"provider": 7}', b'{"provider": "\xff"}'])
def test_what_cannot_be_read_is_nothing(doc):
    """A torn document brings no row, and no exception."""
    assert documents.read(1, 0, doc, ()) is None


def test_a_document_of_a_later_version_is_read():
    """Fields that are not known yet, and words of lists that grow, do no harm."""
    doc = b'{"provider": "openai", "state": "queued", "later": {"a": [1]}}'

    assert documents.read(1, 0, doc, ()).state == JobState.QUEUED


def test_a_row_says_what_the_document_does():
    """Names, tags, money and the hour of creation, as numbers that sums are made of."""
    row = read(
        user="ada",
        tags={"team": "red", "app": "x"},
        state=JobState.COMPLETED,
        request=VideoRequest(seconds=Decimal("2.5"), n=2),
        cost=Cost(CostStatus.SETTLED, None, Decimal("0.3"), None, Decimal("0.4")),
        prompt="a fox",
    )
    facts = row.facts

    assert (row.version, row.state, row.prompt) == (3, "completed", "a fox")
    assert (facts.provider, facts.model, facts.user) == ("openai", "sora-2", "ada")
    assert facts.tags == ("team=red", "app=x")
    assert (facts.quoted, facts.billed, facts.usd) == (400_000_000, 300_000_000, 300_000_000)
    assert facts.asked_us == 5_000_000
    assert facts.created_hour == hour_at(codec.created_at(row.seq))


@pytest.mark.parametrize(
    ("changes", "bits"),
    [
        ({}, Bit.RUNNING),
        ({"state": JobState.IN_PROGRESS, "notices": (Notice.STUCK,)}, Bit.RUNNING | Bit.STUCK),
        ({"state": JobState.UNKNOWN}, Bit.UNKNOWN),
        ({"state": JobState.COMPLETED, "asset": AssetState.AVAILABLE}, Bit.UNREAD),
        (
            {
                "state": JobState.COMPLETED,
                "asset": AssetState.DOWNLOADED,
                "notices": (Notice.STUCK, Notice.EXPIRING),
            },
            Bit.EXPIRING,
        ),
        ({"state": JobState.COMPLETED, "cost": Cost(CostStatus.SETTLED)}, Bit.UNPRICED),
        ({"state": JobState.QUEUED, "adopted": True}, Bit.RUNNING | Bit.ADOPTED),
    ],
)
def test_flags_say_what_needs_care(changes, bits):
    """A notice of a job that has ended says nothing any more, a missing price does."""
    assert read(**changes).flags == bits


@pytest.mark.parametrize(
    ("state", "reason", "outcome"),
    [
        (JobState.FAILED, None, Outcome.FAILED),
        (JobState.FAILED, Reason.TIMEOUT, Outcome.FAILED),
        (JobState.FAILED, Reason.MODERATION_INPUT, Outcome.MODERATED),
        (JobState.FAILED, Reason.MODERATION_OUTPUT, Outcome.MODERATED),
        (JobState.CANCELLED, Reason.MODERATION_OUTPUT, Outcome.CANCELLED),
        (JobState.COMPLETED, None, Outcome.COMPLETED),
    ],
)
def test_filters_make_an_outcome_of_their_own(state, reason, outcome):
    """What a filter stopped is told from what broke; both have a fingerprint."""
    facts = read(state=state, reason=reason, error=JobError("x", "bad 12")).facts

    assert facts.outcome == outcome
    assert (facts.failing is not None) == (state is JobState.FAILED)
    if facts.failing is not None:
        assert facts.failing.message == "bad <n>"


def test_only_videos_that_were_made_here_have_phases():
    """Nobody saw the beginning of an adopted job, and a failure took as long as it took."""
    start = codec.moment(1_795_000_001_000_000)
    times = {
        "submitted_at": start + timedelta(seconds=2),
        "started_at": start + timedelta(seconds=12),
        "finished_at": start + timedelta(seconds=112),
    }
    done = read(state=JobState.COMPLETED, **times).facts
    adopted = read(state=JobState.COMPLETED, adopted=True, **times).facts
    failed = read(state=JobState.FAILED, **times).facts

    assert [done.queue, done.render, done.total] == [bucket_of(s) for s in (10, 100, 112)]
    assert {adopted.queue, adopted.total, failed.render, failed.total} == {None}


@given(
    kept=st.integers(min_value=-100, max_value=10**6),
    finished=st.booleans(),
)
def test_videos_expire_as_they_do_elsewhere(kept, finished):
    """The index calls a video expiring from the moment that the watch does."""
    start = codec.moment(1_795_000_001_000_000)
    end = start + timedelta(seconds=100)
    changes = {
        "state": JobState.COMPLETED,
        "finished_at": end if finished else None,
        "expires_at": (end if finished else start) + timedelta(seconds=kept),
    }
    row = read(**changes)
    job = Maker().job(**{"created_at": start} | changes)
    expected = notices.expiring_from(job, None)

    assert abs(row.expiring_us - codec.us(expected)) <= 1
    assert row.expires_us == codec.us(job.expires_at)


def test_entries_ride_along():
    """What was booked is part of what a job adds to the sums."""
    entry = Entry(1, "openai", "sora-2", None, 5, None, None)

    assert read([entry]).facts.entries == (entry,)
