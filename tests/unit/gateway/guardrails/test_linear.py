"""Regular expressions fit what Python's fit, and cannot be made to hang."""

import random
import re

import pytest
from guard_kit import subject
from hypothesis import given
from hypothesis import strategies as st

from vidobs.core.errors import ConfigError
from vidobs.gateway.guardrails.findings import CheckError, Found
from vidobs.gateway.guardrails.linear import Linear
from vidobs.gateway.guardrails.patterns import Patterns

atoms = st.sampled_from(
    ["a", "b", "B", "7", " ", ".", r"\d", r"\w", r"\W", r"\s", "[ab]", "[^a]", "[a-c7]", r"\b",
     r"\B", "^", "$", r"\n", "ä", r"[\d\-]", r"\Aa", r"b\Z"]
)  # fmt: skip
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "*?"])).map(
            lambda two: f"({two[0]}){two[1]}"
        ),
    ),
    max_leaves=6,
)
flags = st.sampled_from(["", "(?i)", "(?m)", "(?s)", "(?a)", "(?im)"])


def spans(pattern, text):
    """Return where a pattern fits."""
    return list(Linear(pattern, "here").spans(text))


@given(flags, patterns, st.text("aAbB7 ä\n-", max_size=12))
def test_it_fits_what_re_fits(flag, pattern, text):
    """There is a match exactly where `re` finds one that is not empty, and it is as far left."""
    source = flag + pattern
    try:
        linear = Linear(source, "here")
    except ConfigError:
        assert re.compile(source).search("") is not None
        return
    fitting = [
        (start, end)
        for start in range(len(text))
        for end in range(start + 1, len(text) + 1)
        if re.compile(source).fullmatch(text, start, end) and not re.search(r"[\^$\\]", source)
    ]
    found = list(linear.spans(text))

    if not re.search(r"[\^$\\]", source):  # what looks around is not the same inside of bounds
        longest = max((span for span in fitting if span[0] == fitting[0][0]), default=None)
        assert found[:1] == ([] if longest is None else [longest])
    else:
        first = next((one for one in re.finditer(source, text) if one.end() > one.start()), None)
        assert first is None or (found and found[0][0] <= first.start())
    for start, end in found:
        assert start < end
    for _ in range(2):  # made, and looked up
        assert linear.fits(text) == bool(found)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"\bfoo\d{2,3}\b", "xx foo123 foo12 foo1", [(3, 9), (10, 15)]),
        (r"(?i)HELLO|wor(ld)?", "hello WORLD wor", [(0, 5), (6, 11), (12, 15)]),
        (r"a.*b", "xaYYbYYb c", [(1, 8)]),
        (r"^x|y$", "x y\n", [(0, 1), (2, 3)]),
        (r"(?m)^x$", "x\nx", [(0, 1), (2, 3)]),
        (r"[^\W\d_]+-\w", "ab-c ü-é 1-2", [(0, 4), (5, 8)]),
        (r"(?:\d{1,3}\.){3}\d{1,3}", "ip 10.0.0.255 and 1.2.3", [(3, 13)]),
        (r"[\]\[^-]x", "]x ^x -x ax", [(0, 2), (3, 5), (6, 8)]),
    ],
)
def test_where_it_fits(pattern, text, expected):
    """The leftmost match is taken, of these the longest, and then the next."""
    assert spans(pattern, text) == expected


@pytest.mark.parametrize(
    "pattern", [r"(a+)+b", r"(a|a)*b", r"(?:a|aa)+$x", r"(\w+\s?)*!", "(.*)*,"]
)
def test_no_text_makes_it_hang(pattern):
    """Patterns that take `re` longer than the sun will shine take one pass."""
    assert spans(pattern, "a" * 5_000) == []
    assert not Linear(pattern, "here").fits("a" * 5_000)


def test_a_text_that_asks_for_too_much_is_given_up():
    """A bound on steps holds whatever the pattern; the guardrail then could not look."""
    text = "".join(random.Random(7).choices("ab", k=3_000))  # every step is a new one
    looked = Patterns({"wide": r"a[ab]{400}c"}).look(subject(text), redact=False)

    with pytest.raises(CheckError, match="TooManySteps"):
        _run(looked)


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (r"(a)\1", "looks back or ahead (groupref)"),
        (r"a(?=b)", "looks back or ahead (assert)"),
        (r"(?<!a)b", "looks back or ahead (assert_not)"),
        (r"(?>a)b", "looks back or ahead (atomic_group)"),
        (r"a++b", "looks back or ahead (possessive_repeat)"),
        ("a*", "fits an empty text"),
        ("(", "no regular expression: missing )"),
        ("a{501}", "more than 500 repeats"),
        ("(a{100}){100}", "too large: more than 2000 states"),
    ],
)
def test_what_cannot_be_bounded_is_refused(pattern, problem):
    """The operator learns of it at the start, not a client years later."""
    with pytest.raises(ConfigError) as caught:
        Linear(pattern, "config.yaml:7")

    assert str(caught.value).startswith("config.yaml:7: ")
    assert problem in str(caught.value)


def test_the_rule_is_named_and_never_the_text():
    """What is found says which pattern it was; redacting takes out what any of them fits."""
    check = Patterns({"card": r"\d{4}-\d{4}", "mail": r"\S+@\S+"})

    assert check.find("a@b.c 1234-5678", redact=False) == Found(rule="card")
    assert check.find("a@b.c 1234-5678!", redact=True) == Found(
        rule="card", prompt="[redacted] [redacted]!"
    )
    assert check.find("nothing here", redact=True) is None


def _run(awaitable):
    import asyncio

    return asyncio.run(awaitable)
