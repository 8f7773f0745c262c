from decimal import Decimal

import msgspec
import pytest

from vidobs.core.errors import ConfigError
from vidobs.core.prices import PriceUnit, parse_price_rows, read_price_table
from vidobs.core.tiers import SHORT_EDGE
from vidobs.data import price_table

TABLE = read_price_table(price_table())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"model": "a", "unit": "video", "usd": 1}] * 2 + [{"model": "x", "usd": 1}],
            (
                "price row 3 (model 'x'): 'unit' is missing; known units: output_second, video,"
                " video_token, text_token_out, token_in, input_second, input_image, task_minimum,"
                " credit, gpu_second, provider_reported"
            ),
        ),
        (
            [{"model": "x", "unit": "output_secnd", "usd": 1}],
            (
                "price row 1 (model 'x'): unknown unit 'output_secnd'; known: credit, gpu_second,"
                " input_image, input_second, output_second, provider_reported, task_minimum,"
                " text_token_out, token_in, video, video_token; did you mean 'output_second'?"
            ),
        ),
        (
            [{"model": "x", "unit": "video", "usd": -1}],
            "price row 1 (model 'x'): 'usd' must not be negative, got -1",
        ),
        (
            [{"model": "x", "unit": "video", "usd": "ten"}],
            "price row 1 (model 'x'): 'usd' is not a number: 'ten'",
        ),
        (
            [{"model": "x", "unit": "video", "usd": True}],
            "price row 1 (model 'x'): 'usd' is not a number: True",
        ),
        (
            [{"model": "x", "unit": "video", "usd": float("nan")}],
            "price row 1 (model 'x'): 'usd' is not a number: nan",
        ),
        (
            [{"model": "x", "unit": "video", "usd": "1e12"}],
            "price row 1 (model 'x'): 'usd' is out of range: 1e12",
        ),
        (
            [{"model": "x", "unit": "video"}],
            "price row 1 (model 'x'): 'usd' is missing; give the price of one video in US dollars",
        ),
        (
            [{"unit": "video", "usd": 1}],
            (
                "price row 1 (model None): 'model' is missing;"
                " write '*' for every model of the provider"
            ),
        ),
        (
            [{"model": "x", "unit": "video", "usd": 1, "free": -1}],
            "price row 1 (model 'x'): 'free' must not be negative, got -1",
        ),
        (
            [{"model": "x", "unit": "video", "usd": 1, "resolution": "16:9"}],
            (
                "price row 1 (model 'x'): '16:9' is no resolution;"
                " write a tier such as '720p', or pixels"
            ),
        ),
        (
            [{"model": "x", "unit": "video", "usd": 1, "audio": "loud"}],
            "price row 1 (model 'x'): Expected `bool | null`, got `str` - at `$.audio`",
        ),
        (["x"], "price row 1: expected a mapping, got str"),
        ({"model": "x"}, "expected a list of price rows, got dict"),
        (None, "expected a list of price rows, got NoneType"),
    ],
)
def test_a_bad_user_row_says_what_is_wrong(rows, message):
    """An error names the row, what it says and what would be right."""
    with pytest.raises(ConfigError) as caught:
        parse_price_rows(rows)

    assert str(caught.value) == message


def test_an_unknown_key_gets_the_nearest_known_one():
    """A misspelt key is not passed over, and the file is named."""
    with pytest.raises(ConfigError, match=r"vidobs\.yaml: price row 1 .*did you mean 'resolution'"):
        parse_price_rows(
            [{"model": "x", "unit": "video", "usd": 1, "resolutoin": "720p"}], where="vidobs.yaml"
        )


def test_a_float_in_yaml_is_the_number_that_was_written():
    """0.1 is one tenth, and sizes are taken as people write them."""
    (parsed,) = parse_price_rows(
        [{"model": "x", "unit": "video", "usd": 0.1, "resolution": ["720P", "1024X1792"]}]
    )

    assert parsed.usd == Decimal("0.1")
    assert parsed.resolution == ("720p", "1024x1792")


def test_the_built_in_table_is_sound():
    """Each row is priced exactly once, exactly, dated, and has a source or says who told."""
    raw = msgspec.json.decode(price_table())

    assert TABLE.currency == "USD"
    assert raw["resolution_tiers"] == SHORT_EDGE
    ids = [each.row_id for each in TABLE.rows]
    assert len(set(ids)) == len(ids) > 240
    for each, written in zip(TABLE.rows, raw["rows"], strict=True):
        if each.unit in (PriceUnit.PROVIDER_REPORTED, PriceUnit.GPU_SECOND):
            assert each.usd is None
        else:
            assert isinstance(written["usd"], str), each.row_id
            assert each.usd is not None
            assert each.usd > 0, each.row_id
        assert each.as_of is not None, each.row_id
        assert each.source or each.via or each.notes, each.row_id
        assert parse_price_rows([written]) == (each,)


def test_a_gpu_may_be_priced_by_the_hour():
    """As people know it; a row has the price of a second."""
    [row, unpriced] = parse_price_rows(
        [
            {"provider": "hosted_vllm", "model": "*", "unit": "gpu_hour", "usd": 3.96, "gpus": 4},
            {"provider": "sglang", "model": "*", "unit": "gpu_hour"},
        ]
    )

    assert (row.unit, row.usd, row.gpus) == (PriceUnit.GPU_SECOND, Decimal("0.0011"), 4)
    assert row.row_id == "hosted_vllm/*/gpu_second"
    assert (unpriced.unit, unpriced.usd) == (PriceUnit.GPU_SECOND, None)
