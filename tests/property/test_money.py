from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from vidobs.core import billing
from vidobs.core.calls import Operation, VideoRequest
from vidobs.core.jobs import Job, JobState, Reason, TraceRef, Usage, VideoFile
from vidobs.core.money import CostStatus, plain, to_nano
from vidobs.core.policies import Billed, BillingPolicy
from vidobs.core.prices import PriceBook, PriceQuery, PriceRow, PriceUnit, read_price_table
from vidobs.data import price_table

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BOOK = PriceBook(read_price_table(price_table()).rows)

# What a wire may say: sensible numbers most of the time, and anything a Decimal can be.
wild = st.one_of(
    st.none(),
    st.decimals(min_value=0, max_value=60, places=2),
    st.decimals(allow_nan=True, allow_infinity=True),
)
seconds = st.integers(min_value=1, max_value=600).map(Decimal)
sizes = st.sampled_from([None, "720x1280", "1024x1792", "1080p", "720p", "16:9", "4k", "0x0", "?"])
models = st.sampled_from([*sorted({(row.provider, row.model) for row in BOOK.rows()}), ("x", "y")])
amounts = st.decimals(min_value=0, max_value=10**6, places=12)
requests = st.builds(
    VideoRequest,
    seconds=wild,
    size=sizes,
    audio=st.sampled_from([None, True, False]),
    n=st.integers(min_value=-1, max_value=10**12),
    input_images=st.integers(min_value=-1, max_value=20),
    input_seconds=wild,
)
usages = st.builds(
    Usage,
    reported_usd=wild,
    credits=wild,
    output_seconds=wild,
    input_seconds=wild,
    video_tokens=st.one_of(st.none(), st.integers(min_value=-1, max_value=10**15)),
    gpu_seconds=wild,
)
files = st.builds(VideoFile, seconds=wild, size=sizes, complete=st.booleans())
answers = st.sampled_from(Billed)
policies = st.builds(
    BillingPolicy,
    bill_on_failed=answers,
    bill_on_moderated=answers,
    bill_on_cancelled=answers,
)
ENDS = [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED]


@st.composite
def ended_jobs(draw: st.DrawFn) -> Job:
    """A job that just ended, with whatever a provider may have said of it."""
    provider, model = draw(models)
    request = draw(requests)
    state = draw(st.sampled_from(ENDS))
    return Job(
        job_id="j",
        provider=provider,
        dialect="openai",
        operation=draw(st.sampled_from([Operation.CREATE, Operation.EXTEND, Operation.EDIT])),
        model=draw(st.sampled_from([model, None])),
        created_at=NOW,
        submitted_at=draw(st.sampled_from([NOW, None])),
        trace=TraceRef("1" * 32, "2" * 16),
        state=state,
        reason=draw(st.sampled_from(Reason)) if state is JobState.FAILED else None,
        request=request,
        usage=draw(st.one_of(st.none(), usages)),
        file=draw(st.one_of(st.none(), files)),
        cost=billing.reserve(billing.quote(provider, model, request, BOOK)),
    )


@given(models, seconds, seconds, sizes)
def test_longer_never_costs_less(named, first, more, size):
    """The price of a model is monotone in the length, minimums included."""
    provider, model = named
    short = BOOK.price(PriceQuery(provider, model, first, size)).usd
    long = BOOK.price(PriceQuery(provider, model, first + more, size)).usd

    assert short is None or long is None or short <= long


@given(seconds, seconds, amounts)
def test_seconds_add_up(first, second, usd):
    """Two videos cost what one of their joint length costs, to the rounding of two lines."""
    row = PriceRow(provider="p", model="m", unit=PriceUnit.OUTPUT_SECOND, usd=usd)
    book = PriceBook([row])
    apart = [book.price(PriceQuery("p", "m", length)).usd for length in (first, second)]
    joint = book.price(PriceQuery("p", "m", first + second)).usd

    assert joint is not None
    assert abs(sum(figure for figure in apart if figure is not None) - joint) <= Decimal("2e-9")


@given(models, requests)
@example(("openai", "sora-2"), VideoRequest(seconds=Decimal("5E-9"), size="720x1280"))
def test_a_quote_is_never_negative_and_never_a_silent_zero(named, request):
    """Whatever is asked for, the quote is unknown or the sum of its lines."""
    cost = billing.quote(*named, request, BOOK)

    assert cost.status is CostStatus.QUOTED
    if cost.usd is None:
        assert (cost.lines, cost.basis) == ((), None)
    else:
        assert cost.usd > 0
        assert cost.usd == sum(line.usd for line in cost.lines)
        assert cost.usd == cost.quoted_usd


@given(models, seconds, amounts)
def test_the_price_of_a_user_wins(named, length, usd):
    """A user's price per second is the price, whatever the table says of the model."""
    provider, model = named
    row = PriceRow(provider=provider, model=model, unit=PriceUnit.VIDEO, usd=usd)
    answer = BOOK.with_rows([row]).price(PriceQuery(provider, model, length))

    assert answer.lines[0].price == row.row_id
    assert answer.lines[0].usd == to_nano(usd)


@given(ended_jobs(), policies)
def test_an_end_is_final_and_makes_sense(job, policy):
    """A cost is settled, released at zero, or unknown without a figure; never negative."""
    cost = billing.end(job, BOOK, {job.provider: policy})

    assert cost.quoted_usd == job.cost.quoted_usd
    if cost.status is CostStatus.SETTLED:
        assert cost.usd is not None
        assert cost.usd >= 0
        assert cost.basis is not None
        assert cost.usd == sum(line.usd for line in cost.lines)
    elif cost.status is CostStatus.RELEASED:
        assert cost.usd == 0
        assert job.state is not JobState.COMPLETED
        assert cost.possible_usd is None or cost.possible_usd >= 0
    else:
        assert cost.status is CostStatus.UNKNOWN
        assert (cost.usd, cost.basis, cost.lines) == (None, None, ())


@given(ended_jobs(), policies, st.one_of(st.none(), usages), st.one_of(st.none(), files))
def test_an_adjustment_never_rests_on_worse_evidence(job, policy, usage, file):
    """The rank of the basis only rises, and adjusting twice by the same facts is adjusting once."""
    ended = msgspec.structs.replace(job, cost=billing.end(job, BOOK, {job.provider: policy}))
    assert billing.adjust(ended, BOOK) is None

    later = msgspec.structs.replace(ended, usage=usage, file=file)
    adjusted = billing.adjust(later, BOOK)
    if adjusted is None:
        return
    assert adjusted.status in (CostStatus.SETTLED, CostStatus.RELEASED)
    assert adjusted.basis is not None
    assert ended.cost.basis is None or adjusted.basis.rank <= ended.cost.basis.rank
    assert adjusted.quoted_usd == ended.cost.quoted_usd
    assert billing.adjust(msgspec.structs.replace(later, cost=adjusted), BOOK) is None


@given(requests, models)
def test_an_ambiguous_create_is_in_no_total(request, named):
    """It has no figure, only a possible one."""
    quoted = billing.quote(*named, request, BOOK)
    cost = billing.ambiguous(quoted)

    assert (cost.status, cost.usd, cost.basis) == (CostStatus.UNKNOWN, None, None)
    assert cost.possible_usd == quoted.usd


@given(amounts)
def test_rounding_twice_is_rounding_once(usd):
    """An amount of nine places stays what it is, also through its text."""
    once = to_nano(usd)

    assert to_nano(once) == once
    assert abs(once - usd) <= Decimal("5e-10")
    assert Decimal(plain(once)) == once
