"""Which fault a request meets."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.faults import FAULTS, FaultPicker, parse_shares, without_tags


def names(picker: FaultPicker, times: int, *, prompt: str = "a cat") -> list[str | None]:
    """Return the faults that a row of equal requests meets."""
    picked = [picker.pick(header=None, prompt=prompt) for _ in range(times)]
    return [fault.name if fault else None for fault in picked]


def picker(*specs: str) -> FaultPicker:
    """Return a picker for faults as on the command line."""
    return FaultPicker(parse_shares(specs))


def test_the_table_of_faults():
    """Every fault is found by its own name and says what it does."""
    assert list(FAULTS) == [
        "fail",
        "moderation_input",
        "moderation_output",
        "rate_limit",
        "error_after_accept",
        "slow_after_accept",
        "cut_after_accept",
        "stuck",
        "slow_progress",
        "wrong_duration",
        "missing_fields",
        "failed_as_4xx",
        "failed_as_5xx",
        "expired_asset",
        "slow_download",
        "truncated_download",
        "stored_elsewhere",
        "garbage_json",
        "header_bomb",
    ]
    assert all(fault.name == name and fault.summary for name, fault in FAULTS.items())


def test_a_prompt_asks_for_a_fault():
    """A tag in the prompt works at every request with it."""
    assert names(picker(), 3, prompt="x [[fault:fail]] y") == ["fail"] * 3
    assert names(picker(), 1, prompt="x") == [None]


def test_a_prompt_asks_for_a_fault_a_few_times():
    """`xN` lasts for N requests with that very prompt."""
    one = picker()
    assert names(one, 3, prompt="[[fault:fail x2]]") == ["fail", "fail", None]
    assert names(one, 1, prompt="other [[fault:fail x2]]") == ["fail"]


def test_faults_of_one_prompt_come_one_after_another():
    """When the first tag is used up, the next one takes over."""
    prompt = "[[fault:rate_limit x1]][[fault:cut_after_accept x2]][[fault:fail]]"
    assert names(picker(), 5, prompt=prompt) == [
        "rate_limit",
        "cut_after_accept",
        "cut_after_accept",
        "fail",
        "fail",
    ]


def test_the_header_wins():
    """The header stands above the prompt, the prompt above the shares."""
    one = picker("rate_limit")
    assert one.pick(header="fail", prompt="[[fault:cut_after_accept]]").name == "fail"
    assert one.pick(header=None, prompt="[[fault:cut_after_accept]]").name == "cut_after_accept"
    assert one.pick(header=None, prompt="a cat").name == "rate_limit"


@pytest.mark.parametrize(
    ("header", "prompt", "param"),
    [("fial", "a cat", "x-sandbox-fault"), (None, "[[fault:fial]]", "prompt")],
)
def test_an_unknown_fault_is_refused(header: str | None, prompt: str, param: str):
    """A wrong name in a request is a 400 that says which names there are."""
    with pytest.raises(ApiError, match=r"unknown fault 'fial'; known: .*did you mean 'fail'") as no:
        picker().pick(header=header, prompt=prompt)
    assert (no.value.status, no.value.param, no.value.code) == (400, param, "unknown_fault")


def test_a_share_is_met_exactly():
    """0.25 is every fourth create, the same ones each time."""
    assert names(picker("fail:0.25"), 8) == [None, None, None, "fail"] * 2
    assert names(picker("fail"), 3) == ["fail"] * 3


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(list(FAULTS)), st.integers(1, 100), max_size=7).filter(
        lambda shares: sum(shares.values()) <= 100
    ),
    st.integers(0, 300),
)
def test_shares_are_met_side_by_side(wanted: dict[str, int], requests: int):
    """With any mix of shares, each fault is never more than a few requests from its share."""
    got = names(picker(*(f"{name}:{p / 100}" for name, p in wanted.items())), requests)
    for name, percent in wanted.items():
        assert math.isclose(got.count(name), requests * percent / 100, abs_tol=len(wanted))


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("fial", "unknown fault 'fial'; known: .*did you mean 'fail'"),
        ("", "unknown fault ''"),
        ("fail:", "above 0 and at most 1, as in fail:0.2"),
        ("fail:often", "above 0 and at most 1"),
        ("fail:0", "above 0 and at most 1"),
        ("fail:1.5", "above 0 and at most 1"),
        ("fail:-1", "above 0 and at most 1"),
        ("fail:1/0", "above 0 and at most 1"),
    ],
)
def test_a_wrong_spec_is_refused(spec: str, reason: str):
    """A fault on the command line that cannot be used raises `ValueError` with the fix."""
    with pytest.raises(ValueError, match=reason):
        parse_shares([spec])


def test_shares_above_one_are_refused():
    """Two faults cannot meet more creates than there are."""
    with pytest.raises(ValueError, match=r"add up to 1\.2; at most 1"):
        parse_shares(["fail:0.6", "rate_limit:0.6"])
    assert [share.share for share in parse_shares(["fail:0.6", "rate_limit:0.4"])] == [
        Fraction(3, 5),
        Fraction(2, 5),
    ]


def test_the_tags_are_not_drawn():
    """The picture shows the prompt as a person would read it."""
    assert without_tags("a cat [[fault:fail x2]]") == "a cat"
