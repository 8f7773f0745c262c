"""From what a user writes into `callbacks` to exporters and functions."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from exporter_kit import an_event

from vidobs import EventName
from vidobs.core.errors import ConfigError, MissingExtraError
from vidobs.delivery.places import Places
from vidobs.delivery.registry import GROUP, Resolved, installed, resolve


class Wanting:
    """An exporter with an option it cannot do without, and one it can."""

    durable = True

    def __init__(self, name, *, url, retries=3):
        self.name = name
        self.settings = (url, retries)

    def export(self, batch):
        """Do nothing."""

    def close(self):
        """Do nothing."""


class Anything(Wanting):
    """An exporter that takes any option."""

    def __init__(self, name, **options):
        super().__init__(name, url=options)

    def export(self, batch):
        """Keep the events where the test wants them."""
        self.settings[0]["got"].extend(batch)


class Picky(Wanting):
    """An exporter that does not believe everything."""

    def __init__(self, name, *, port=1, token="x"):
        super().__init__(name, url=int(port))
        if token == "sdk":
            raise ImportError("No module named 'sdk'")
        if token != "x":
            raise ConfigError(token)
        if port == 0:
            raise FileNotFoundError(2, "No such file", "key.pem")


def lacking_extra(name):
    """Behave like an exporter whose SDK is not installed."""
    raise MissingExtraError("datadog", "the exporter")


def entry(name, value):
    """Build an entry point of ours."""
    return EntryPoint(name=name, value=value, group=GROUP)


@pytest.fixture
def found(monkeypatch, tmp_path):
    """Entry points of a package that brings exporters."""
    text = Path(__file__).read_text(encoding="utf-8").partition("def entry(")[0]
    (tmp_path / "brought_exporters.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    kinds = {
        "wanting": "brought_exporters:Wanting",
        "anything": "brought_exporters:Anything",
        "picky": "brought_exporters:Picky",
        "lacking": "brought_exporters:lacking_extra",
        "gone": "brought_exporters.nowhere:Exporter",
        "renamed": "brought_exporters:Old",
        "odd": "brought_exporters:__doc__",
        "wrong": "builtins:dict",
    }
    return {name: entry(name, value) for name, value in kinds.items()}


def test_ids_become_exporters_with_their_options(found):
    """An id names a type; several of one type have a name behind a slash."""
    options = {"wanting": {"url": "a"}, "wanting/audit": {"url": "b", "retries": 0}, "other": {}}

    got = resolve(["wanting", "wanting/audit", "anything"], options, found=found)

    assert [one.name for one in got.exporters] == ["wanting", "wanting/audit", "anything"]
    assert [one.settings for one in got.exporters] == [("a", 3), ("b", 0), ({}, 3)]
    assert got.functions == ()


def test_objects_and_functions_are_taken_as_they_are():
    """What has an `export` is an exporter, what can be called is a function."""
    exporter = Wanting("mine", url="x")

    assert resolve([exporter, print], {}, found={}) == Resolved((exporter,), (print,))


def test_an_unknown_exporter_is_refused(found):
    """The error names what there is, and what was probably meant."""
    with pytest.raises(ConfigError) as caught:
        resolve(["wantin"], {}, found=found)

    assert str(caught.value) == (
        "unknown exporter 'wantin'; known: anything, gone, lacking, odd, picky, renamed, wanting, "
        "wrong; did you mean 'wanting'?"
    )


@pytest.mark.parametrize(
    ("item", "options", "message"),
    [
        (
            "wanting",
            {"url": "x", "retry": 1},
            (
                r"unknown option of exporter 'wanting': 'retry'; known: retries, url; every "
                r"exporter has: capture, events, min_cost_usd, models, processors, providers, "
                r"sample, tags; did you mean 'retries'\?$"
            ),
        ),
        ("wanting", {"url": "x", "evnts": "*"}, r"'evnts'; known: .*; did you mean 'events'\?"),
        ("wanting", {"url": "x", "sample": 2}, r"^exporter 'wanting': sample: 2 is no share"),
        ("wanting", {"url": "x", "capture": "full"}, r"capture: 'full' is more than is kept at a"),
        ("wanting/a", {}, r"exporter 'wanting/a' needs url; set it under 'exporters: wanting/a:'"),
        ("wanting", {"url": 1, "name": "b"}, r"unknown option of exporter 'wanting': 'name'; know"),
        ("lacking", {}, r"the exporter needs packages .*: pip install 'vidobs\[datadog\]'"),
        ("gone", {}, r"exporter 'gone' cannot be loaded from 'brought_exporters.nowhere:Exporter'"),
        (
            "renamed",
            {},
            r"exporter 'renamed' cannot be loaded .* has no attribute 'Old'; reinstall",
        ),
        ("odd", {}, r"exporter 'odd': 'brought_exporters:__doc__' is not a class or a function"),
        (
            "wrong",
            {},
            r"dict is no exporter, it lacks: name, durable, export, close; see vidobs\.E",
        ),
        ("wanting/", {}, r"'wanting/' is no id of an exporter; write 'type' or 'type/name'"),
        ("a,b", {}, r"'a,b' is no id of an exporter"),
        ("", {}, r"'' is no id of an exporter"),
        (7, {}, r"callbacks: 7 is neither the id of an exporter, nor an exporter object, nor a fu"),
        (Wanting, {}, r"callbacks: Wanting is a class; give an object, Wanting\(\.\.\.\)"),
        (Wanting("a,b", url=""), {}, r"Wanting\.name is 'a,b'; an exporter's name is an id such"),
        (Wanting(None, url=""), {}, r"Wanting\.name is None"),
    ],
)
def test_what_does_not_fit_is_refused(found, item, options, message):
    """Every mistake is an error at start that says what to do."""
    with pytest.raises(ConfigError, match=message):
        resolve([item], {item: options} if isinstance(item, str) else {}, found=found)


PLACES = Places(
    "environment VIDOBS_CALLBACKS",
    {"picky/a": "vidobs.yaml:4", "wanting": "vidobs.yaml:9"},
    {("picky/a", "prot"): "vidobs.yaml:6", ("picky/a", "sample"): "vidobs.yaml:7"},
)


@pytest.mark.parametrize(
    ("item", "options", "message"),
    [
        ("picky/a", {"prot": 1}, "vidobs.yaml:6: unknown option of exporter 'picky/a': 'prot'; k"),
        ("picky/a", {"sample": 2}, "vidobs.yaml:7: exporter 'picky/a': sample: 2 is no share"),
        ("picky/a", {"token": "no"}, "vidobs.yaml:4: exporter 'picky/a': no"),
        ("picky/a", {"token": "'picky/a' no"}, "vidobs.yaml:4: 'picky/a' no"),
        (
            "picky/a",
            {"token": "sdk"},
            "vidobs.yaml:4: exporter 'picky/a': ImportError: No module na",
        ),
        ("picky/a", {"port": "high"}, "vidobs.yaml:4: exporter 'picky/a': ValueError: invalid lit"),
        ("picky/a", {"port": []}, "vidobs.yaml:4: exporter 'picky/a': TypeError: int() argument m"),
        ("picky/a", {"port": 0}, "vidobs.yaml:4: exporter 'picky/a': FileNotFoundError: 2 No such"),
        ("wanting", {}, "vidobs.yaml:9: exporter 'wanting' needs url; set it under 'exporters: w"),
        ("wantin", {}, "environment VIDOBS_CALLBACKS: unknown exporter 'wantin'; known: "),
        ("gone", {}, "environment VIDOBS_CALLBACKS: exporter 'gone' cannot be loaded from"),
        ("a,b", {}, "environment VIDOBS_CALLBACKS: 'a,b' is no id of an exporter"),
        ("lacking", {}, "the exporter needs packages that are not installed"),
    ],
)
def test_errors_begin_with_their_place(found, item, options, message):
    """With the option's line, else the exporter's, else with what switched it on."""
    with pytest.raises(ConfigError) as caught:
        resolve([item], {item: options}, found=found, places=PLACES)

    assert str(caught.value).startswith(message)


def test_a_secret_in_an_error_is_not_repeated(found):
    """What a constructor's own exceptions quote is scrubbed."""
    options = {"picky": {"port": "sk-canary0123456789"}}

    with pytest.raises(ConfigError, match=r"ValueError: .*\[secret\]") as caught:
        resolve(["picky"], options, found=found)

    assert "canary" not in str(caught.value)


def test_options_of_every_exporter_are_taken_out(found):
    """The exporter's own class never sees them, and gets only what they choose."""
    options = {"anything": {"url": "x", "events": "video.failed", "sample": 1, "models": None}}
    got = []

    [exporter] = resolve(["anything"], options, found=found).exporters
    exporter.settings[0]["got"] = got

    assert exporter.settings == ({"url": "x", "got": got}, 3)
    exporter.export([an_event(), an_event(EventName.FAILED)])
    assert [event.name for event in got] == [EventName.FAILED]
    assert exporter.passed_over == 1


def test_an_exporter_without_such_options_is_left_as_it_is(found):
    """Nothing stands between the relay and an exporter that wants everything."""
    [exporter] = resolve(
        ["wanting"], {"wanting": {"url": "x", "events": None}}, found=found
    ).exporters

    assert type(exporter).__name__ == "Wanting"


def test_an_object_has_such_options_by_its_name():
    """What is made in Python can be filtered as what is named in a file."""
    mine = Anything("mine/one")
    mine.settings = ({"got": []}, 3)

    [wrapped] = resolve([mine], {"mine/one": {"events": ["video.failed"]}}, found={}).exporters

    wrapped.export([an_event(), an_event(EventName.FAILED)])
    assert [event.name for event in mine.settings[0]["got"]] == [EventName.FAILED]


def test_an_object_takes_no_options_of_its_own():
    """It has been made already."""
    places = Places(options={("mine", "url"): "vidobs.yaml:3"})

    with pytest.raises(ConfigError) as caught:
        resolve([Wanting("mine", url="x")], {"mine": {"url": "y"}}, found={}, places=places)

    assert str(caught.value) == (
        "vidobs.yaml:3: exporter 'mine' is given as an object, so 'url' is for its class; "
        "'exporters' takes: capture, events, min_cost_usd, models, processors, providers, sample, "
        "tags"
    )


def test_an_object_that_is_nearly_an_exporter_is_refused():
    """The error says what it lacks."""

    class Nearly:
        name = "nearly"

        def export(self, batch):
            """Do nothing."""

    with pytest.raises(ConfigError) as caught:
        resolve([Nearly()], {}, found={})

    assert (
        str(caught.value) == "Nearly is no exporter, it lacks: durable, close; see vidobs.Exporter"
    )


def test_installed_packages_are_asked(monkeypatch, tmp_path):
    """An exporter of another distribution is found by its entry point."""
    metadata = tmp_path / "brought-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[vidobs.exporters]\nbrought = brought:Exporter\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert installed()["brought"].value == "brought:Exporter"


def test_a_default_is_for_those_that_have_the_option(found):
    """What is said for one exporter comes before it, and others never hear of it."""
    items, options = ["wanting/a", "wanting/b", "picky"], {"wanting/b": {"url": "own"}}

    made = resolve(
        items, options | {"wanting/a": {"url": "a"}}, found=found, defaults={"retries": 7}
    )
    told = resolve(
        ["wanting"], {"wanting": {"url": "x", "retries": 1}}, found=found, defaults={"retries": 7}
    )

    assert [one.settings for one in made.exporters] == [("a", 7), ("own", 7), (1, 3)]
    assert told.exporters[0].settings == ("x", 1)
