from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from vidobs.core import billing
from vidobs.core.calls import Operation, VideoRequest
from vidobs.core.jobs import Job, JobState, Reason, TraceRef, Usage, VideoFile
from vidobs.core.money import NO_COST, Cost, CostBasis, CostLine, CostStatus
from vidobs.core.policies import POLICIES
from vidobs.core.prices import PriceBook, parse_price_rows, read_price_table
from vidobs.data import price_table

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BOOK = PriceBook(read_price_table(price_table()).rows).with_rows(
    parse_price_rows(
        [{"provider": "self_hosted", "model": "*", "unit": "gpu_second", "usd": "0.001"}]
    )
)
EIGHT = VideoRequest(seconds=Decimal(8), size="720x1280")


def sora_line(seconds: int) -> CostLine:
    """Return the line of some seconds of sora-2."""
    return CostLine(
        unit="output_second",
        quantity=Decimal(seconds),
        unit_usd=Decimal("0.10"),
        usd=Decimal(seconds) / 10,
        price="openai/sora-2/output_second",
    )


QUOTED = Cost(
    status=CostStatus.QUOTED,
    basis=CostBasis.REQUESTED,
    usd=Decimal("0.80"),
    quoted_usd=Decimal("0.80"),
    lines=(sora_line(8),),
)


def job(state: JobState = JobState.COMPLETED, **keys: object) -> Job:
    """Build a job of 8 s of sora-2 that was accepted, unless told otherwise."""
    base: dict[str, object] = {
        "job_id": "j",
        "provider": "openai",
        "dialect": "openai",
        "model": "sora-2",
        "created_at": NOW,
        "submitted_at": NOW,
        "provider_job_id": "video_1",
        "trace": TraceRef("1" * 32, "2" * 16),
        "request": EIGHT,
        "cost": billing.reserve(QUOTED),
        "state": state,
    }
    return Job(**(base | keys))


def settled(usd: str, basis: CostBasis, *lines: CostLine) -> Cost:
    """Build the settled cost of a job that was quoted at 80 cents."""
    return Cost(
        status=CostStatus.SETTLED,
        basis=basis,
        usd=Decimal(usd),
        quoted_usd=Decimal("0.80"),
        lines=lines,
    )


def released(**keys: object) -> Cost:
    """Build the released cost of a job that was quoted at 80 cents."""
    return Cost(status=CostStatus.RELEASED, usd=Decimal(0), quoted_usd=Decimal("0.80"), **keys)


def end(ended: Job) -> Cost:
    """End a job by the built-in prices and policies."""
    return billing.end(ended, BOOK, POLICIES)


def test_quote_and_reserve():
    """A quote is what the request costs; reserving changes its status only."""
    quoted = billing.quote("openai", "sora-2", EIGHT, BOOK)

    assert quoted == QUOTED
    assert billing.reserve(quoted) == msgspec.structs.replace(QUOTED, status=CostStatus.RESERVED)


def test_a_quote_without_a_price_is_unknown_not_zero():
    """The status says quoted, the figure says nothing."""
    assert billing.quote("openai", None, EIGHT, BOOK) == Cost(status=CostStatus.QUOTED)
    assert billing.quote("nobody", "x", EIGHT, BOOK) == Cost(status=CostStatus.QUOTED)


def test_reserving_again_keeps_the_first_quote():
    """What the provider will really make may cost something else; the quote stays."""
    twelve = billing.quote("openai", "sora-2", VideoRequest(seconds=Decimal(12)), BOOK)
    reserved = billing.reserve(twelve, held=QUOTED)

    assert (reserved.usd, reserved.quoted_usd) == (Decimal("1.20"), Decimal("0.80"))


def test_an_edit_has_no_default_length():
    """The four seconds of a request that names none are not those of an edit."""
    asked = VideoRequest()

    assert billing.quote("openai", "sora-2", asked, BOOK).usd == Decimal("0.40")
    remix = billing.quote("openai", "sora-2", asked, BOOK, operation=Operation.REMIX)
    assert remix.usd is None


def test_an_ambiguous_create_is_unknown_and_possibly_the_quote():
    """Nobody knows whether it runs, so nothing is in a total."""
    assert billing.ambiguous(QUOTED) == Cost(
        status=CostStatus.UNKNOWN, possible_usd=Decimal("0.80"), quoted_usd=Decimal("0.80")
    )
    assert billing.ambiguous(NO_COST) == NO_COST


def test_a_completed_job_settles_by_its_request():
    """Without better evidence the request times the price is the figure."""
    assert end(job()) == settled("0.80", CostBasis.REQUESTED, sora_line(8))


@pytest.mark.parametrize(
    ("probed", "billed"),
    [("8.04", 8), ("7.5", 8), ("5.04", 5), ("4.5", 5), ("0.2", 1), ("12.6", 13)],
)
def test_the_delivered_file_beats_the_request(probed, billed):
    """A shorter file costs less; half a second is noise, and seconds are whole."""
    ended = job(file=VideoFile(seconds=Decimal(probed), size="720x1280"))

    assert end(ended) == settled(str(Decimal(billed) / 10), CostBasis.PROBED, sora_line(billed))


def test_a_truncated_file_is_no_evidence():
    """A download that broke off says nothing of the video's length."""
    ended = job(file=VideoFile(seconds=Decimal(3), complete=False))

    assert end(ended).basis is CostBasis.REQUESTED


def test_the_file_of_an_extension_is_no_evidence():
    """It holds the source as well, which was paid before."""
    ended = job(operation=Operation.EXTEND, file=VideoFile(seconds=Decimal(16)))

    assert end(ended) == settled("0.80", CostBasis.REQUESTED, sora_line(8))


@pytest.mark.parametrize(
    ("asked", "probed", "usd"),
    [
        ("720x1280", "1024x1792", "4.00"),
        ("1024x1792", "720x1280", "2.40"),
        ("720x1280", "200x200", "2.40"),
        ("720p", "1024x1792", "2.40"),
        (None, "1024x1792", "4.00"),
        (None, None, "2.40"),
    ],
)
def test_the_size_of_the_file_counts_where_it_has_a_price(asked, probed, usd):
    """Pixels correct pixels; a tier that was asked for by name stays."""
    ended = job(
        model="sora-2-pro",
        request=VideoRequest(seconds=Decimal(8), size=asked),
        file=VideoFile(seconds=Decimal(8), size=probed),
    )

    assert end(ended).usd == Decimal(usd)


@pytest.mark.parametrize(
    ("provider", "model", "usage", "usd"),
    [
        ("minimax", "MiniMax-H3", Usage(output_seconds=Decimal(6)), "0.48"),
        ("runwayml", "gen4.5", Usage(credits=Decimal(60)), "0.60"),
        ("runwayml", "gen4.5", Usage(credits=Decimal(0)), "0"),
        ("volcengine", "doubao-seedance-2-5-260628", Usage(video_tokens=100_000), "1.00"),
        ("self_hosted", "wan2.2", Usage(gpu_seconds=Decimal("61.5")), "0.0615"),
        (
            "gemini",
            "gemini-omni-1.1-flash",
            Usage(video_tokens=46_336, text_tokens_out=100, tokens_in=29),
            "0.8118235",
        ),
        (
            "runwayml",
            "seedance2_5",
            Usage(output_seconds=Decimal(5), input_seconds=Decimal(2)),
            "1.80",
        ),
    ],
)
def test_the_usage_of_the_provider_beats_the_file(provider, model, usage, usd):
    """What the provider counted is what it bills by."""
    ended = job(
        provider=provider,
        model=model,
        request=VideoRequest(seconds=Decimal(8)),
        usage=usage,
        file=VideoFile(seconds=Decimal(8)),
    )

    cost = end(ended)

    assert (cost.status, cost.basis, cost.usd) == (
        CostStatus.SETTLED,
        CostBasis.USAGE,
        Decimal(usd),
    )


def test_usage_is_a_total_of_all_outputs():
    """Two videos of four seconds were counted as eight, and are not doubled again."""
    two = VideoRequest(seconds=Decimal(4), size="720x1280", n=2)
    ended = job(request=two, usage=Usage(output_seconds=Decimal(8)))

    assert end(ended) == settled("0.80", CostBasis.USAGE, sora_line(8))


@pytest.mark.parametrize(
    "usage",
    [
        Usage(),
        Usage(gpu_seconds=Decimal(60)),
        Usage(video_tokens=0),
        Usage(output_seconds=Decimal(0)),
        Usage(output_seconds=Decimal("NaN")),
        Usage(output_seconds=Decimal("sNaN")),
        Usage(output_seconds=Decimal("Infinity")),
        Usage(output_seconds=Decimal(-5)),
        Usage(reported_usd=Decimal(-1)),
        Usage(reported_usd=Decimal("NaN")),
    ],
)
def test_a_usage_without_a_price_or_a_sense_is_no_evidence(usage):
    """Counters that a server leaves at zero, or fills with nonsense, bill nothing."""
    assert end(job(usage=usage)) == settled("0.80", CostBasis.REQUESTED, sora_line(8))


def test_the_amount_that_the_provider_reports_beats_everything():
    """No price is needed for it."""
    line = CostLine("provider_reported", Decimal(1), Decimal("0.33"), Decimal("0.33"))
    ended = job(usage=Usage(reported_usd=Decimal("0.33"), credits=Decimal(5)))

    assert end(ended) == settled("0.33", CostBasis.REPORTED, line)


def test_a_completed_job_without_a_price_is_unknown():
    """Its video is there, its cost is not known, and that is not zero."""
    ended = job(model="no-such-model", cost=Cost(status=CostStatus.RESERVED))

    assert end(ended) == Cost(status=CostStatus.UNKNOWN)


def test_the_served_model_is_priced_where_the_asked_one_has_no_price():
    """A deployment's own name says nothing, what it serves does."""
    ended = job(provider="azure", model="my-deployment", served_model="sora-2-2025-10-06")

    assert end(ended).usd == Decimal("0.80")


FAILED = JobState.FAILED
POSSIBLE = {"basis": CostBasis.POLICY_UNKNOWN, "possible_usd": Decimal("0.80")}


@pytest.mark.parametrize(
    ("state", "keys", "expected"),
    [
        (FAILED, {"reason": Reason.PROVIDER_ERROR}, released(**POSSIBLE)),
        (FAILED, {"reason": Reason.MODERATION_OUTPUT}, released(**POSSIBLE)),
        (JobState.CANCELLED, {}, released(**POSSIBLE)),
        (JobState.CANCELLED, {"provider": "nobody"}, released(**POSSIBLE)),
        (JobState.EXPIRED, {}, released()),
        (FAILED, {"provider": "dashscope", "reason": Reason.TIMEOUT}, released()),
        (FAILED, {"provider": "dashscope", "reason": Reason.MODERATION_INPUT}, released()),
        (FAILED, {"provider": "runwayml", "reason": Reason.PROVIDER_ERROR}, released()),
    ],
)
def test_a_job_without_a_video_ends_by_the_policy(state, keys, expected):
    """Unbilled is released; unstated is released too, and possibly the reserved figure."""
    assert end(job(state, **keys)) == expected


def test_a_moderated_job_is_billed_where_the_provider_says_so():
    """Runway bills what its filter withholds like any other video."""
    ended = job(
        FAILED,
        provider="runwayml",
        model="gen4.5",
        reason=Reason.MODERATION_OUTPUT,
        request=VideoRequest(seconds=Decimal(5)),
    )

    cost = end(ended)

    assert (cost.status, cost.basis, cost.usd) == (
        CostStatus.SETTLED,
        CostBasis.REQUESTED,
        Decimal("0.60"),
    )


def test_a_billed_failure_without_a_price_is_unknown():
    """The GPU ran, nobody said for how long."""
    ended = job(FAILED, provider="self_hosted", model="wan", reason=Reason.PROVIDER_ERROR)

    assert end(ended) == Cost(status=CostStatus.UNKNOWN, quoted_usd=Decimal("0.80"))


@pytest.mark.parametrize(
    "reason",
    [
        Reason.INVALID_REQUEST,
        Reason.AUTH,
        Reason.BUDGET,
        Reason.NOT_SENT,
        Reason.RATE_LIMITED,
        Reason.MODERATION_INPUT,
        Reason.PROVIDER_ERROR,
    ],
)
def test_a_create_that_was_never_accepted_costs_nothing(reason):
    """A refusal is no job, whatever the policy says of jobs."""
    ended = job(FAILED, submitted_at=None, provider_job_id=None, reason=reason, cost=QUOTED)

    assert end(ended) == released()


def test_an_ambiguous_create_that_the_provider_does_not_know_may_have_run():
    """Lost is not refused: the quote stays possible spend."""
    ended = job(
        FAILED,
        submitted_at=None,
        provider_job_id=None,
        reason=Reason.LOST,
        cost=billing.ambiguous(QUOTED),
    )

    assert end(ended) == released(**POSSIBLE)


def test_a_job_that_was_made_elsewhere_may_have_cost_its_price():
    """Without a quote the price of what is known of the job is the possible spend."""
    assert end(job(FAILED, cost=NO_COST)).possible_usd == Decimal("0.80")


@pytest.mark.parametrize("state", [FAILED, JobState.CANCELLED, JobState.EXPIRED])
def test_a_reported_amount_rules_over_the_policy(state):
    """An amount is billed, and zero is a refund."""
    billed = job(state, usage=Usage(reported_usd=Decimal("0.25")))
    refunded = job(state, usage=Usage(reported_usd=Decimal(0)))

    assert end(billed).status is CostStatus.SETTLED
    assert end(billed).usd == Decimal("0.25")
    assert end(refunded) == released(basis=CostBasis.REPORTED)


def test_policies_of_a_user_are_given_as_a_mapping():
    """The caller hands in whatever holds for its providers."""
    assert billing.end(job(FAILED), BOOK, {}) == released(**POSSIBLE)


def test_a_better_evidence_adjusts_a_settled_cost():
    """A file, then a reported amount: each corrects the figure once."""
    first = job(cost=end(job()))
    probed = msgspec.structs.replace(first, file=VideoFile(seconds=Decimal(5)))
    corrected = billing.adjust(probed, BOOK)

    assert billing.adjust(first, BOOK) is None
    assert corrected == settled("0.50", CostBasis.PROBED, sora_line(5))
    again = msgspec.structs.replace(probed, cost=corrected)
    assert billing.adjust(again, BOOK) is None
    reported = msgspec.structs.replace(again, usage=Usage(reported_usd=Decimal("0.45")))
    last = billing.adjust(reported, BOOK)
    assert last is not None
    assert (last.basis, last.usd) == (CostBasis.REPORTED, Decimal("0.45"))
    assert billing.adjust(msgspec.structs.replace(reported, cost=last), BOOK) is None


def test_the_same_figure_on_better_evidence_is_an_adjustment():
    """The basis changes, the amount does not."""
    ended = job(cost=end(job()), file=VideoFile(seconds=Decimal(8)))

    assert billing.adjust(ended, BOOK) == settled("0.80", CostBasis.PROBED, sora_line(8))


def test_a_new_price_does_not_change_an_old_settlement():
    """Only what is newly known of the job does."""
    dearer = BOOK.with_rows(
        parse_price_rows(
            [{"provider": "openai", "model": "sora-2", "unit": "output_second", "usd": 9}]
        )
    )

    assert billing.adjust(job(cost=end(job())), dearer) is None


def test_a_job_of_unknown_cost_settles_when_the_amount_arrives():
    """A completed job without a price is not lost for good."""
    ended = job(model="no-such-model", cost=Cost(), usage=Usage(reported_usd=Decimal("0.7")))
    cost = billing.adjust(ended, BOOK)

    assert cost is not None
    assert (cost.status, cost.usd) == (CostStatus.SETTLED, Decimal("0.7"))


def test_a_released_job_is_settled_only_by_a_reported_amount():
    """Usage does not bill a failed job, the provider's own word does."""
    failed = job(FAILED, cost=released(**POSSIBLE))
    counted = msgspec.structs.replace(failed, usage=Usage(output_seconds=Decimal(8)))
    billed = msgspec.structs.replace(failed, usage=Usage(reported_usd=Decimal("0.8")))
    refunded = msgspec.structs.replace(failed, usage=Usage(reported_usd=Decimal(0)))

    assert billing.adjust(counted, BOOK) is None
    cost = billing.adjust(billed, BOOK)
    assert cost is not None
    assert (cost.status, cost.possible_usd) == (CostStatus.SETTLED, None)
    assert billing.adjust(refunded, BOOK) == released(basis=CostBasis.REPORTED)


@pytest.mark.parametrize("state", [JobState.UNKNOWN, JobState.IN_PROGRESS, JobState.SUBMITTING])
def test_a_job_that_has_not_ended_is_not_adjusted(state):
    """There is nothing final to correct."""
    assert billing.adjust(job(state, usage=Usage(reported_usd=Decimal(1))), BOOK) is None


@pytest.mark.parametrize(
    ("model", "keys", "usd"),
    [
        ("sora-2", {"seconds": 8}, "0.80"),
        ("sora-2", {"seconds": "8", "size": "1280x720", "n": 2}, "1.60"),
        ("azure/sora-2-pro", {"seconds": 4.0}, "1.20"),
        ("sora-2", {"provider": "azure", "seconds": 4}, "0.40"),
        ("veo-3.1-generate-001", {"seconds": 8}, "3.20"),
        ("kling-4.0", {"seconds": 5, "size": "720p"}, None),
        ("gen4.5", {"credits": 60}, "0.60"),
        ("sora-2", {"seconds": "long"}, "0.40"),
        ("nobody", {"seconds": 8}, None),
    ],
)
def test_cost_of_a_model(model, keys, usd):
    """A model alone is enough where it has one provider, or all agree on the price."""
    expected = None if usd is None else Decimal(usd)

    assert billing.cost(model, book=BOOK, **keys) == expected
