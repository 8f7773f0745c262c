"""A spend limit never lets more through than it says, whatever happens to the jobs."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from vidobs.core.calls import Operation
from vidobs.core.errors import SpendLimitError
from vidobs.core.jobs import Job, JobState, TraceRef
from vidobs.core.money import Cost, CostStatus
from vidobs.observer.limits import SpendLimit

CENTS = st.integers(0, 500).map(lambda cents: Decimal(cents) / 100)


def job(number, usd, state=JobState.SUBMITTING, **fields):
    """Return a job with a cost."""
    return Job(
        job_id=f"job_{number}",
        provider="openai",
        dialect="openai",
        created_at=datetime(2026, 11, 20, tzinfo=UTC),
        trace=TraceRef("a" * 32, "b" * 16),
        state=state,
        cost=Cost(CostStatus.QUOTED, usd=usd),
        **fields,
    )


@given(
    limit=CENTS,
    steps=st.lists(
        st.tuples(CENTS, st.sampled_from(["keep", "settle", "free", "drop"])), max_size=30
    ),
)
def test_never_above_the_limit(limit, steps):
    """Reserved and spent together stay within it, and are what is left of the jobs."""
    spend = SpendLimit(limit)
    counted = Decimal(0)
    for number, (quote, end) in enumerate(steps):
        one = job(number, quote)
        refusal = spend.admit(one)
        assert (refusal is None) == (counted + quote <= limit)
        if refusal is not None:
            assert isinstance(refusal, SpendLimitError)
            continue
        kept = quote if end in {"keep", "settle"} else Decimal(0)
        if end == "drop":
            spend.give_back(one.job_id)
        elif end != "keep":
            cost = Cost(CostStatus.SETTLED, usd=kept)
            ended = msgspec.structs.replace(one, state=JobState.COMPLETED, cost=cost)
            spend.note(ended)
            spend.note(ended)  # a second poll says the same
        counted += kept
        assert spend.used_usd == counted <= limit


def test_possible_spend_is_held():
    """A failed job that may have been billed counts with what it may have cost."""
    spend = SpendLimit(Decimal(1))
    assert spend.admit(job(1, Decimal("0.40"))) is None
    cost = Cost(CostStatus.RELEASED, usd=Decimal(0), possible_usd=Decimal("0.40"))
    spend.note(msgspec.structs.replace(job(1, None), state=JobState.FAILED, cost=cost))
    assert spend.used_usd == Decimal("0.40")


def test_an_unknown_end_keeps_the_reservation():
    """As long as nobody knows the figure, the quote stays."""
    spend = SpendLimit(Decimal(1))
    spend.admit(job(1, Decimal("0.40")))
    spend.note(msgspec.structs.replace(job(1, None), state=JobState.UNKNOWN))
    spend.note(msgspec.structs.replace(job(1, None), state=JobState.COMPLETED))
    assert spend.used_usd == Decimal("0.40")


def test_jobs_of_others_do_not_count():
    """A job that was never admitted changes nothing."""
    spend = SpendLimit(Decimal(1))
    spend.note(job(7, Decimal(5), JobState.COMPLETED))
    spend.give_back("job_8")
    assert spend.used_usd == 0


def test_the_refusal_names_the_fix_and_no_secret():
    """A model name may be anything; what is no price is said with the way to one."""
    spend = SpendLimit(Decimal(1))
    said = str(spend.admit(job(1, None, model="sk-abcdefghijklmnop1234")))
    assert "[secret]" in said
    assert "docs/prices.md" in said
    remix = job(2, None, operation=Operation.REMIX, parent_id="video_1")
    assert "remix of video_1" in str(spend.admit(remix))
