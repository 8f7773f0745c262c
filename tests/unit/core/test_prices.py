from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import pytest

from vidobs.core.money import CostLine
from vidobs.core.prices import (
    PriceBook,
    PriceQuery,
    PriceRow,
    PriceUnit,
    parse_price_rows,
    read_price_table,
)
from vidobs.data import price_table

TABLE = read_price_table(price_table())
BOOK = PriceBook(TABLE.rows)


@dataclass(frozen=True)
class Case:
    """A question to the built-in table and its answer."""

    name: str
    provider: str
    model: str
    usd: str | None
    terms: dict = field(default_factory=dict)


CASES = [
    Case("sora-2", "openai", "sora-2", "0.80", {"seconds": Decimal(8), "size": "720x1280"}),
    Case("sora default length", "openai", "sora-2", "0.40"),
    Case("veo default length", "gemini", "veo-3.1-generate-001", "3.20"),
    Case("sora-2-pro", "openai", "sora-2-pro", "2.40", {"seconds": Decimal(8)}),
    Case(
        "sora-2-pro high-res",
        "openai",
        "sora-2-pro",
        "4",
        {"seconds": Decimal(8), "size": "1024x1792"},
    ),
    Case(
        "sora-2-pro has no 1080p price",
        "openai",
        "sora-2-pro",
        None,
        {"seconds": Decimal(8), "size": "1920x1080"},
    ),
    Case("azure", "azure", "sora-2", "1.20", {"seconds": Decimal(12), "size": "1280x720"}),
    Case("two outputs", "openai", "sora-2", "1.60", {"seconds": Decimal(8), "n": 2}),
    Case(
        "veo tier",
        "gemini",
        "veo-3.1-fast-generate-001",
        "0.96",
        {"seconds": Decimal(8), "size": "1080p"},
    ),
    Case(
        "veo other tiers",
        "gemini",
        "veo-3.1-fast-generate-001",
        "0.80",
        {"seconds": Decimal(8), "size": "720p"},
    ),
    Case("sound by default", "runwayml", "veo3.1", "3.20", {"seconds": Decimal(8)}),
    Case("sound", "runwayml", "veo3.1", "3.20", {"seconds": Decimal(8), "audio": True}),
    Case("silent", "runwayml", "veo3.1", "1.60", {"seconds": Decimal(8), "audio": False}),
    Case("no default of sound", "replicate", "google/veo-3.1-fast", None, {"seconds": Decimal(8)}),
    Case("minimum", "runwayml", "aleph2", "0.56", {"seconds": Decimal(1)}),
    Case("above the minimum", "runwayml", "aleph2", "1.40", {"seconds": Decimal(5)}),
    Case("credits", "runwayml", "gen4.5", "0.60", {"credits": Decimal(60)}),
    Case(
        "credits hold everything else",
        "runwayml",
        "hailuo3",
        "0.60",
        {"credits": Decimal(60), "input_images": 3},
    ),
    Case("no credits", "runwayml", "gen4.5", "0", {"credits": Decimal(0)}),
    Case(
        "source video",
        "runwayml",
        "seedance2_5",
        "2.25",
        {"seconds": Decimal(5), "input_seconds": Decimal(5), "size": "1280:720"},
    ),
    Case(
        "source video of unknown length",
        "runwayml",
        "seedance2_5",
        None,
        {"seconds": Decimal(5), "has_input_video": True},
    ),
    Case(
        "tokens",
        "volcengine",
        "doubao-seedance-2-0-260128",
        "0.709714332",
        {"video_tokens": 108_000, "size": "720p"},
    ),
    Case(
        "tokens not known yet",
        "volcengine",
        "doubao-seedance-2-5-260628",
        "1.08",
        {"seconds": Decimal(5)},
    ),
    Case(
        "tokens with a source video are not in the table",
        "volcengine",
        "doubao-seedance-2-5-260628",
        None,
        {"video_tokens": 108_000, "has_input_video": True},
    ),
    Case(
        "five images are free",
        "minimax",
        "MiniMax-H3",
        "0.48",
        {"seconds": Decimal(6), "input_images": 5},
    ),
    Case(
        "two more are not",
        "minimax",
        "MiniMax-H3",
        "0.56",
        {"seconds": Decimal(6), "input_images": 7},
    ),
    Case("a flat price", "laozhang", "gemini-omni-1.2-flash", "0.30", {"size": "720p"}),
    Case(
        "a price for one length",
        "fal_ai",
        "luma/agent/ray/v3.2/video-to-video",
        "2.16",
        {"size": "720p", "seconds": Decimal(10)},
    ),
    Case(
        "no price for another length",
        "fal_ai",
        "luma/agent/ray/v3.2/video-to-video",
        None,
        {"size": "720p", "seconds": Decimal(7)},
    ),
    Case(
        "the only region",
        "qwencloud",
        "wan3.0-video",
        "0.50",
        {"seconds": Decimal(5), "size": "1280*720"},
    ),
    Case(
        "another region",
        "dashscope",
        "wan3.0-video",
        None,
        {"seconds": Decimal(5), "region": "ap-singapore"},
    ),
    Case("reported at the end", "openrouter", "google/veo", None, {"seconds": Decimal(5)}),
    Case("nobody's model", "openai", "sora-9", None, {"seconds": Decimal(5)}),
    Case("nobody's provider", "nobody", "sora-2", None, {"seconds": Decimal(5)}),
]


def row(**keys: object) -> PriceRow:
    """Build a row of openai's model `m`, one dollar a second, unless told otherwise."""
    base = {
        "provider": "openai",
        "model": "m",
        "unit": PriceUnit.OUTPUT_SECOND,
        "usd": Decimal(1),
    }
    return PriceRow(**(base | keys))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_built_in_table_answers(case):
    """A query gets the price of the table, or none and a reason."""
    answer = BOOK.price(PriceQuery(case.provider, case.model, **case.terms))

    assert answer.usd == (None if case.usd is None else Decimal(case.usd))
    assert (answer.why is None) == (case.usd is not None)
    assert sum((line.usd for line in answer.lines), Decimal(0)) == (answer.usd or 0)


def test_a_bill_has_a_line_for_each_thing_that_is_paid():
    """Seconds and images are lines of their own, each with the id of its price row."""
    answer = BOOK.price(PriceQuery("minimax", "MiniMax-H3", Decimal(6), input_images=7))

    assert answer.lines == (
        CostLine(
            unit="output_second",
            quantity=Decimal(6),
            unit_usd=Decimal("0.08"),
            usd=Decimal("0.48"),
            price="minimax/MiniMax-H3/output_second@768p",
        ),
        CostLine(
            unit="input_image",
            quantity=Decimal(2),
            unit_usd=Decimal("0.04"),
            usd=Decimal("0.08"),
            price="minimax/MiniMax-H3/input_image",
        ),
    )
    assert type(answer.lines[0].unit) is str


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (PriceQuery("nobody", "x"), "no price for nobody/x"),
        (PriceQuery("openrouter", "x"), "openrouter names the cost when the job ends"),
        (PriceQuery("minimax", "MiniMax-H3"), "the length in seconds is not known"),
        (
            PriceQuery("openai", "sora-2-pro", Decimal(8), "1920x1080"),
            "no price for openai/sora-2-pro with size '1920x1080', 8 s",
        ),
        (
            PriceQuery("self_hosted", "wan", gpu_seconds=Decimal(60)),
            (
                "self_hosted/*/gpu_second has no price yet;"
                " add one: a price row with unit gpu_second and usd"
            ),
        ),
        (
            PriceQuery("gemini", "gemini-omni-1.1-flash", Decimal(8)),
            "the number of video_tokens is not known before the provider tells it",
        ),
        (
            PriceQuery("runwayml", "seedance2_5", Decimal(5), "4k", input_seconds=Decimal(5)),
            "no price for a source video with size '4k', 5 s",
        ),
        (
            PriceQuery("openai", "sora-2", Decimal("1e12")),
            "a quantity of 1E+12 is out of range",
        ),
    ],
)
def test_an_unknown_price_says_why(query, why):
    """A price that is not known comes with the reason, for the log."""
    answer = BOOK.price(query)

    assert (answer.usd, answer.lines, answer.why) == (None, (), why)


def test_the_operator_prices_their_own_gpus():
    """A user's row for GPU seconds prices the time that the server reports, times the GPUs."""
    rows = parse_price_rows(
        [{"provider": "self_hosted", "model": "*", "unit": "gpu_second", "usd": 0.001, "gpus": 4}]
    )
    answer = BOOK.with_rows(rows).price(
        PriceQuery("self_hosted", "wan2.2", Decimal(5), gpu_seconds=Decimal("61.5"))
    )

    assert answer.usd == Decimal("0.246")


@pytest.mark.parametrize("model", ["sora-2", "SORA-2", "openai/sora-2", "sora-2-2025-10-06"])
def test_a_model_is_found_by_its_usual_spellings(model):
    """Case, a provider's prefix and a date at the end do not hide a model."""
    assert BOOK.price(PriceQuery("openai", model, Decimal(8))).usd == Decimal("0.80")


def test_a_dated_row_comes_before_the_undated_one():
    """The date is taken off only where no row has it."""
    book = PriceBook([row(model="m"), row(model="m-2026-01-01", usd=Decimal(9))])

    assert book.price(PriceQuery("openai", "m-2026-01-01", Decimal(1))).usd == 9
    assert book.price(PriceQuery("openai", "m-2026-02-02", Decimal(1))).usd == 1


def test_a_user_row_replaces_the_same_built_in_row():
    """A row with the same id is replaced, and the documented default length stays."""
    mine = row(model="sora-2", usd=Decimal("0.05"))
    book = BOOK.with_rows([mine])

    assert book.rows("openai", "sora-2") == (mine,)
    assert book.price(PriceQuery("openai", "sora-2", Decimal(8))).usd == Decimal("0.40")
    assert BOOK.price(PriceQuery("openai", "sora-2", Decimal(8))).usd == Decimal("0.80")


def test_a_general_user_row_beats_a_special_built_in_one():
    """A price for any size is also the price for the sizes that the table names."""
    book = BOOK.with_rows([row(model="sora-2-pro", usd=Decimal("0.20"))])

    assert book.price(PriceQuery("openai", "sora-2-pro", Decimal(1), "1024x1792")).usd == Decimal(
        "0.20"
    )


def test_a_flat_user_price_beats_a_built_in_price_per_second():
    """A row of another unit overrides as well, when it prices the video itself."""
    book = BOOK.with_rows([row(model="sora-2", unit=PriceUnit.VIDEO, usd=Decimal(1))])

    assert book.price(PriceQuery("openai", "sora-2", Decimal(8))).usd == 1


def test_a_row_for_every_model_fills_gaps_only():
    """`*` never beats a row that names the model, whoever wrote it."""
    book = BOOK.with_rows([row(model="*", usd=Decimal(7))])

    assert book.price(PriceQuery("openai", "new-model", Decimal(1))).usd == 7
    assert book.price(PriceQuery("openai", "sora-2", Decimal(1))).usd == Decimal("0.10")


def test_a_row_without_a_provider_is_for_every_provider():
    """One row prices a model wherever it is served."""
    book = BOOK.with_rows(parse_price_rows([{"model": "wan", "unit": "video", "usd": "0.02"}]))

    assert book.price(PriceQuery("litellm", "wan")).usd == Decimal("0.02")
    assert book.price(PriceQuery("sandbox", "wan")).usd == Decimal("0.02")


def test_two_regions_without_a_choice_are_no_price():
    """Where prices differ by region and none is asked for, none is guessed."""
    rows = [row(region="eu"), row(region="us", usd=Decimal(2))]
    book = PriceBook(rows)

    assert book.price(PriceQuery("openai", "m", Decimal(1))).usd is None
    assert book.price(PriceQuery("openai", "m", Decimal(1), region="us")).usd == 2
    both = PriceBook([*rows, row(usd=Decimal(3))])
    assert both.price(PriceQuery("openai", "m", Decimal(1))).usd == 3


def test_tokens_of_text_are_added_where_they_are_counted():
    """A model that is billed by tokens has a line for each kind."""
    query = PriceQuery(
        "gemini",
        "gemini-omni-1.1-flash",
        video_tokens=100_000,
        text_tokens_out=1000,
        tokens_in=2000,
    )

    assert [line.usd for line in BOOK.price(query).lines] == [
        Decimal("1.75"),
        Decimal("0.009"),
        Decimal("0.003"),
    ]


def test_the_memory_of_answers_is_bounded():
    """A service that asks for ever new lengths does not grow the book."""
    book = PriceBook(TABLE.rows)
    for tenth in range(1, 3000):
        book.price(PriceQuery("openai", "sora-2", Decimal(tenth) / 10))

    assert len(book._memo) <= 1024


def test_the_same_question_gets_the_same_answer_object():
    """The second time, nothing is computed."""
    first = BOOK.price(PriceQuery("openai", "sora-2", Decimal(8), "720x1280"))

    assert BOOK.price(PriceQuery("openai", "sora-2", Decimal(8), "720x1280")) is first


def test_retired_models_are_known():
    """A model is retired from its last day on, while every row of it is."""
    gone = BOOK.retired("openai", "sora-2", date(2026, 9, 24))

    assert gone is not None
    assert gone.retired_on == date(2026, 9, 24)
    assert BOOK.retired("openai", "sora-2", date(2026, 9, 23)) is None
    assert BOOK.retired("minimax", "MiniMax-H3", date(2030, 1, 1)) is None
    assert BOOK.retired("nobody", "sora-2", date(2030, 1, 1)) is None
    revived = BOOK.with_rows([row(model="sora-2")])
    assert revived.retired("openai", "sora-2", date(2030, 1, 1)) is None


def test_providers_of_a_model():
    """The book lists who sells a model by name."""
    assert BOOK.providers("sora-2") == ("azure", "openai")
    assert BOOK.providers("no-such-model") == ()
    assert "runwayml" in BOOK.providers()
