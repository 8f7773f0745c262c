"""Which events an exporter wants."""

from decimal import Decimal

import pytest
from exporter_kit import an_event
from hypothesis import given
from hypothesis import strategies as st

from vidobs import EventName
from vidobs.core.calls import Attribution
from vidobs.core.capture import Content
from vidobs.core.errors import ConfigError
from vidobs.core.money import Cost, CostStatus
from vidobs.delivery.options import READERS, chosen, split
from vidobs.delivery.selection import share_of

ALL = {name.value for name in EventName}
JOBS = {name for name in ALL if name.startswith("video.")}


def read(option, value, most=Content.FULL):
    """Read one option as it was written."""
    return READERS[option](value, most)


def wants(option, value, event):
    """Tell whether an exporter with one option wants an event."""
    return chosen({option: read(option, value)}).selection.wants(event)


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        ("video.failed", {"video.failed"}),
        (["video.failed", "call.failed"], {"video.failed", "call.failed"}),
        ("video.*", JOBS),
        ("*", ALL),
        ("!video.progress", ALL - {"video.progress"}),
        (["!video.*"], ALL - JOBS),
        (["video.*", "!video.progress"], JOBS - {"video.progress"}),
        (["video.*", "!video.f*", "!video.s*"], {n for n in JOBS if n[6] not in "fs"}),
        (["video.failed", "!video.failed"], set()),
        ([], ALL),
    ],
)
def test_events_are_named_or_excluded(patterns, wanted):
    """A pattern is a name, a family or everything; with `!` in front it takes away."""
    for name in EventName:
        assert wants("events", patterns, an_event(name)) is (name.value in wanted)


@pytest.mark.parametrize(
    ("patterns", "model", "wanted"),
    [
        ("sora-*", "sora-2", True),
        ("sora-*", "veo-3", False),
        (["sora-*", "veo-*"], "veo-3", True),
        (["sora-*", "!sora-2-pro"], "sora-2-pro", False),
        (["!sora-2-pro"], "veo-3", True),
        ("sora-?", "sora-2", True),
        ("Sora-2", "sora-2", False),
        ("*", None, False),
        ("!sora-*", None, True),
    ],
)
def test_models_and_providers_by_pattern(patterns, model, wanted):
    """A model that is not known fits where no model is wanted by name."""
    assert wants("models", patterns, an_event(model=model)) is wanted
    assert model is None or wants("providers", patterns, an_event(provider=model)) is wanted


def test_the_served_model_stands_in():
    """Where a call named no model, the one that the answer named counts."""
    assert wants("models", "sora-*", an_event(model=None, served_model="sora-2-2026"))


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ({"team": "film"}, True),
        ({"team": ["ads", "f*"]}, True),
        ({"team": "ads"}, False),
        ({"team": "film", "tier": "gold"}, False),
        ({"team": "film", "tier": "!gold"}, True),
        ({"team": "!film"}, False),
        ({}, True),
    ],
)
def test_every_tag_that_is_named_must_fit(tags, wanted):
    """A job without the tag fits where no value is wanted."""
    event = an_event(attribution=Attribution("ada", {"team": "film"}))

    assert wants("tags", tags, event) is wanted


@pytest.mark.parametrize(
    ("usd", "possible", "wanted"),
    [
        ("0.50", None, True),
        ("0.49", None, False),
        ("0", "0.80", True),
        ("0", "0.10", False),
        ("0", None, False),
        (None, "0.10", False),
        (None, None, True),
    ],
)
@pytest.mark.parametrize("least", ["0.50", 0.5, Decimal("0.5")])
def test_a_cost_that_is_not_known_is_never_too_low(usd, possible, wanted, least):
    """What may have been spent counts; unknown is not zero."""
    amounts = (None if text is None else Decimal(text) for text in (usd, possible))
    cost = Cost(CostStatus.SETTLED, None, *amounts)

    assert wants("min_cost_usd", least, an_event(cost=cost)) is wanted


@given(st.text(min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_sample_holds_the_smaller_one(job_id, one, other):
    """Whether a job is in the sample depends on its id and the share alone."""
    event, again = an_event(EventName.SUBMITTED, job_id=job_id), an_event(job_id=job_id)
    small, large = sorted([one, other])

    assert wants("sample", small, event) <= wants("sample", large, again)
    assert not wants("sample", 0, event)
    assert wants("sample", 1, event)


def test_a_sample_has_its_share():
    """Of many jobs about the share is in; the same ones in every process and version."""
    ids = [f"job_{number:032x}" for number in range(10_000)]

    assert 950 < sum(share_of(job_id) < 0.1 for job_id in ids) < 1050
    assert share_of("job_0199f77bf40676c8aa8d95b8c037e501") == pytest.approx(0.1774255696162489)


def test_everything_must_fit_together():
    """Options of several kinds are all asked."""
    given, own = {"events": "video.*", "models": "sora-*", "sample": None}, {"url": "x"}
    assert split(given | own) == (own, {"events": "video.*", "models": "sora-*"})
    values = {name: read(name, value) for name, value in split(given)[1].items()}

    selection = chosen(values).selection

    assert selection.wants(an_event())
    assert not selection.wants(an_event(model="veo-3"))
    assert not selection.wants(an_event(EventName.CALL_FAILED))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("events", "video.complete", "unknown event 'video.complete'; known: .*'video.completed'"),
        ("events", ["!vide.*"], r"unknown event 'vide.\*'"),
        ("events", 7, "7 is neither a text nor a list of texts"),
        ("models", [7], "a value of type list is neither"),
        ("models", ["sora", ""], "a value of type list is neither"),
        ("tags", ["team"], "a value of type list is no mapping of tags to values, such as {team: "),
        ("tags", {1: "x"}, "a value of type dict is no mapping"),
        ("tags", {"team": 7}, "7 is neither a text nor a list"),
        ("min_cost_usd", "much", "'much' is no amount of US dollars, such as 0.50"),
        ("min_cost_usd", -1, "-1 is no amount"),
        ("min_cost_usd", True, "True is no amount"),
        ("min_cost_usd", "nan", "'nan' is no amount"),
        ("sample", 2, "2 is no share; give a number from 0 to 1"),
        ("sample", "half", "'half' is no share"),
        ("sample", True, "True is no share"),
        ("sample", "nan", "'nan' is no share"),
        ("capture", "ful", "unknown choice 'ful'; known: full, hash, none; did you mean 'full'"),
        ("processors", 7, "7 is no function; give one that takes an event and returns an event or"),
        ("processors", "clean", "'clean' names no function; write 'package.module:function'"),
        ("processors", "os.path:", "'os.path:' names no function"),
        ("processors", "nowhere.at.all:f", "'nowhere.at.all:f' cannot be loaded: No module named"),
        ("processors", "os.path:joyn", "'os.path:joyn' cannot be loaded: module .* has no attrib"),
        ("processors", "os:sep", "'os:sep' is no function"),
    ],
)
def test_what_cannot_be_used_is_refused(option, value, message):
    """The text says what was given and what is allowed."""
    with pytest.raises(ConfigError, match=f"^{message}"):
        read(option, value)


@pytest.mark.parametrize("most", Content)
@pytest.mark.parametrize("given", Content)
def test_no_exporter_gets_more_than_is_kept(given, most):
    """Asking for more than the global policy keeps is an error: it would never come."""
    if given.rank <= most.rank:
        assert read("capture", given.value, most) is given
        return
    with pytest.raises(ConfigError) as caught:
        read("capture", given.value, most)
    assert str(caught.value) == (
        f"{given.value!r} is more than is kept at all: the setting 'capture' has {most.value!r}; "
        "raise that one, or lower this"
    )


async def late(event):
    """Return an event, later."""
    return event


def test_an_async_processor_is_refused():
    """The relay has no event loop to run it on."""
    with pytest.raises(ConfigError, match=r"^late is async; a processor is a plain function"):
        read("processors", late)
