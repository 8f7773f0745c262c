"""How guardrails are written down: ours, and LiteLLM's as far as it goes."""

import pytest

from vidobs.core.errors import ConfigError
from vidobs.core.verdicts import Stage
from vidobs.gateway.guardrails.denylist import Denylist
from vidobs.gateway.guardrails.functions import FunctionCheck
from vidobs.gateway.guardrails.guardrail import Mode, OnError
from vidobs.gateway.guardrails.litellm import read_litellm
from vidobs.gateway.guardrails.moderations import Moderations
from vidobs.gateway.guardrails.patterns import Patterns
from vidobs.gateway.guardrails.settings import read_guardrails

WHERE = "config.yaml:9"


def read(*entries):
    """Read a list."""
    return read_guardrails(list(entries), WHERE)


def test_every_type_in_its_order():
    """The list keeps its order; what is left out has its usual value."""
    brands, cards, openai, own = read(
        {"name": "brands", "type": "denylist", "words": ["acme"], "mode": "redact"},
        {"name": "cards", "type": "regex", "patterns": {"card": r"\d{16}"}, "keys": ["alice"]},
        {"name": "openai", "type": "moderations", "api_key": "sk-1", "on_error": "open"},
        {"name": "own", "type": "function", "function": "os.path:join", "models": ["sora-2"],
         "when": ["prompt", "result"]},
    )  # fmt: skip

    kinds = [type(one.check) for one in (brands, cards, openai, own)]
    assert kinds == [Denylist, Patterns, Moderations, FunctionCheck]
    assert (brands.mode, cards.mode) == (Mode.REDACT, Mode.BLOCK)
    assert (cards.keys, own.models) == (frozenset({"alice"}), frozenset({"sora-2"}))
    assert (openai.on_error, own.on_error) == (OnError.OPEN, OnError.CLOSED)
    assert (brands.stages, own.stages) == (frozenset({Stage.PROMPT}), frozenset(Stage))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"a": 1}, "guardrails must be a list"),
        ([3], "guardrails[0] must be a mapping"),
        ([{"type": "denylist"}], "guardrails[0].name: got nothing"),
        ([{"name": "a b", "type": "denylist"}], "guardrails[0].name: allowed are letters"),
        ([{"name": "a", "type": "denilist"}], "did you mean 'denylist'?"),
        ([{"name": "a", "type": "denylist"}], "needs 'words' or 'words_file'"),
        ([{"name": "a", "type": "denylist", "wrods": ["x"]}], "did you mean 'words'?"),
        ([{"name": "a", "type": "regex", "patterns": ["("]}], "patterns.pattern 1: no regular"),
        ([{"name": "a", "type": "regex"}], "a regex needs 'patterns'"),
        ([{"name": "a", "type": "moderations", "mode": "redact"}], "cannot be redacted"),
        ([{"name": "a", "type": "moderations", "api_base": "host"}], "write https://host/v1"),
        ([{"name": "a", "type": "moderations", "thresholds": {"hate": 2}}], "from 0 to 1"),
        ([{"name": "a", "type": "moderations", "timeout_s": 0}], "more than 0 seconds"),
        ([{"name": "a", "type": "function"}], "guardrails[0].function: got nothing"),
        ([{"name": "a", "type": "denylist", "words": ["x"], "mode": "stop"}], "allowed: block"),
        ([{"name": "a", "type": "denylist", "words": ["x"], "when": "after"}], "allowed: prompt"),
        ([{"name": "a", "type": "denylist", "words": ["x"], "when": []}], "allowed: prompt"),
        ([{"name": "a", "type": "denylist", "words": ["x"], "mode": "redact", "when": "result"}],
         "a result cannot be redacted"),
        ([{"name": "a", "type": "denylist", "words": ["x"]}] * 2, "two guardrails"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(value, problem):
    """With the place, what is wrong and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        read_guardrails(value, WHERE)

    assert str(caught.value).startswith(WHERE)
    assert problem in str(caught.value)


def test_an_error_does_not_repeat_a_key():
    """A key in the wrong place is not told."""
    with pytest.raises(ConfigError) as caught:
        read({"name": "a", "type": "moderations", "api_key": ["sk-verysecret"]})

    assert "verysecret" not in str(caught.value)


def test_what_litellm_has_is_understood():
    """Its moderation, our types under its names, and functions by path."""
    understood = read_litellm(
        [
            {"guardrail_name": "openai moderation", "litellm_params": {
                "guardrail": "openai_moderation", "mode": "pre_call", "default_on": True,
                "api_key": "sk-1"}},
            {"guardrail_name": "words", "litellm_params": {
                "guardrail": "denylist", "mode": "logging_only", "default_on": True,
                "words": ["acme"]}},
            {"guardrail_name": "own", "litellm_params": {
                "guardrail": "os.path:join", "mode": ["pre_call", "post_call"],
                "default_on": True}},
        ],
        WHERE,
    )  # fmt: skip

    moderation, denylist, own = understood.guardrails
    assert understood.warnings == ()
    assert [one.name for one in understood.guardrails] == ["openai-moderation", "words", "own"]
    assert isinstance(moderation.check, Moderations)
    assert (denylist.mode, own.stages) == (Mode.LOG, frozenset(Stage))


def test_what_is_not_understood_is_told_in_one_warning():
    """Other kinds, and those that a request would have to ask for, are left out by name."""
    understood = read_litellm(
        [
            {"guardrail_name": "a", "litellm_params": {"guardrail": "aporia", "mode": "pre_call"}},
            {"guardrail_name": "b", "litellm_params": {"guardrail": "custom_guardrail.Mine"}},
            {"guardrail_name": "c", "litellm_params": {"guardrail": "openai_moderation"}},
        ],
        WHERE,
    )

    assert understood.guardrails == ()
    [said] = understood.warnings
    assert said == (
        "config.yaml:9: guardrails that vidobs leaves out: a (aporia), b (custom_guardrail.Mine), "
        "c (not default_on: requests cannot ask for guardrails here); it has denylist, regex, "
        "moderations, function, see docs/gateway-guardrails.md"
    )


def test_nothing_is_no_guardrail():
    """Without the sections there are none."""
    assert read_guardrails(None, WHERE) == ()
    assert read_litellm(None, WHERE).guardrails == ()
