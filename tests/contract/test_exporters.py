"""What every exporter that ships with vidobs keeps to, whatever it exports to."""

import re
import tomllib
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import NamedTuple

import pytest
from exporter_kit import CANARIES, EVIL, an_event, every_event, secretive_events
from sink_kit import Request, Sink

from vidobs import ConfigError, EventName, Exporter, ExportError
from vidobs.core.calls import Attribution, VideoRequest
from vidobs.core.jobs import JobError, Reason
from vidobs.delivery.registry import GROUP, resolve

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = {
    name: EntryPoint(name=name, value=value, group=GROUP)
    for name, value in PROJECT["project"]["entry-points"][GROUP].items()
}
SECRET = "canary-option-7d21"
LINES = ("console", "jsonl")  # exporters of one line per event; tested without a server
SHORT_S = 0.1  # for which an exporter waits for a server that hangs


class Http(NamedTuple):
    """How an exporter of HTTP requests is set up against a server of ours."""

    options: Callable[[str], dict]  # from the server's URL
    status: int = 200  # of an answer that means success
    body: bytes = b"{}"  # and its body
    same: Callable[[Request], object] = lambda request: request.body  # when sent again
    timeout: str = "timeout_s"  # the option that limits the wait for an answer


# One entry for each exporter that sends HTTP requests: the options with which it sends to `url`, a
# small function or lambda of it. Put `SECRET` wherever an option may hold a secret (keys, headers,
# path and query of a URL that is one): no error text and no repr may show it, and no body of a
# request. Say what a success looks like where it is not 200 with `{}`, and in `same` what stays
# equal when an event is sent a second time where that is not the whole body.
TARGETS: dict[str, Http] = {
    "datadog": Http(
        lambda url: {
            "api_key": SECRET,
            "endpoint": f"{url}/{SECRET}",
            "logs_url": f"{url}/{SECRET}/logs",
            "llmobs_url": f"{url}/{SECRET}/llmobs",
            "traces": True,
        },
        # Points of a second that had one already are tagged, so that none takes its place.
        same=lambda request: (request.path, "/metrics" in request.path or request.body),
    ),
    "helicone": Http(lambda url: {"url": url, "api_key": SECRET}, body=b"ok"),
    "langsmith": Http(lambda url: {"url": url, "api_key": SECRET, "workspace": SECRET}, 202),
    "otlp": Http(
        lambda url: {"endpoint": f"{url}/{SECRET}", "headers": {"x-api-key": SECRET}},
        same=lambda request: (request.path, request.body),
    ),
    "webhook": Http(
        lambda url: {
            "url": f"{url}/hook/{SECRET}?key={SECRET}",
            "secret": "whsec_" + b64encode(f"{SECRET:>32}".encode()).decode(),
            "headers": {"authorization": f"Bearer {SECRET}"},
            "allow_private": True,
        },
        same=lambda request: (request.headers["webhook-id"], request.body),
    ),
}


def build(name, options):
    """Make an exporter as a user would."""
    [exporter] = resolve([name], {name: options}, found=SHIPPED).exporters
    return exporter


class Target:
    """An exporter with what it has delivered so far."""

    def __init__(self, exporter: Exporter, delivered: Callable[[], object]) -> None:
        self.exporter = exporter
        self.delivered = delivered


@contextmanager
def console(folder: Path) -> Iterator[Target]:
    """Export to a file that stands in for the terminal."""
    path = folder / "terminal"
    with path.open("w", encoding="utf-8") as stream:
        yield Target(build("console", {"stream": stream}), path.read_bytes)


@contextmanager
def jsonl(folder: Path) -> Iterator[Target]:
    """Export to a file."""
    path = folder / "events.jsonl"
    yield Target(build("jsonl", {"path": str(path)}), path.read_bytes)


@contextmanager
def http(name: str) -> Iterator[Target]:
    """Export to a server that takes everything."""
    with served(name) as (exporter, sink):
        yield Target(exporter, lambda: list(sink.requests))


@contextmanager
def served(name: str, **options: object) -> Iterator[tuple[Exporter, Sink]]:
    """Run an exporter and its server."""
    with Sink() as sink:
        sink.answers(TARGETS[name].status, body=TARGETS[name].body)
        exporter = build(name, TARGETS[name].options(sink.url) | options)
        try:
            yield exporter, sink
        finally:
            exporter.close()


@pytest.fixture(params=sorted(SHIPPED))
def name(request):
    """Each exporter that ships with vidobs."""
    return request.param


@pytest.fixture
def target(name, tmp_path):
    """Each of them, set up as a user would."""
    assert name in LINES or name in TARGETS, f"add {name!r} to TARGETS in {Path(__file__).name}"
    at = {"console": console, "jsonl": jsonl}
    with at[name](tmp_path) if name in at else http(name) as one:
        yield one
        one.exporter.close()


@pytest.fixture(params=sorted(TARGETS))
def remote(request):
    """Each exporter that sends HTTP requests: its name."""
    return request.param


# -- all of them -----------------------------------------------------------------------------------


def test_it_keeps_the_protocol(name, target):
    """It is an `Exporter`, under the id it was asked for; what is optional is of the right kind."""
    assert isinstance(target.exporter, Exporter)
    assert target.exporter.name == name
    assert isinstance(target.exporter.durable, bool)
    assert getattr(target.exporter, "max_batch", 1) >= 1
    assert callable(getattr(target.exporter, "check", print))


def test_every_kind_of_event_is_taken(target):
    """No kind of event is too much for it, alone or with others, and something arrives."""
    target.exporter.export(every_event())
    for event in every_event():
        target.exporter.export([event])

    assert target.delivered()


def test_an_empty_batch_is_nothing(target):
    """Nothing is written and nothing sent for no events."""
    target.exporter.export([an_event()])
    before = target.delivered()

    target.exporter.export([])

    assert target.delivered() == before


def test_events_are_left_as_they_are(target):
    """Exporting changes neither the events nor the batch."""
    batch = every_event()

    target.exporter.export(batch)

    assert batch == every_event()


def test_closing_twice_is_closing_once(target):
    """Whoever closes it again does no harm."""
    target.exporter.export([an_event()])

    target.exporter.close()
    target.exporter.close()


@pytest.fixture(scope="module")
def secretive():
    """Events of calls that held a secret in every position."""
    return secretive_events()


def test_no_secret_of_a_call_arrives(target, secretive):
    """Not a key, not a signed URL, not the prompt: whatever it makes of events, none comes out."""
    target.exporter.export(secretive)

    said = repr(target.delivered())
    assert [word for word in CANARIES if word in said] == []
    assert "sora-2" in said or b"sora-2" in b"".join(r.body for r in target.delivered())


def test_an_unknown_option_is_refused(name):
    """The error names the options there are."""
    with pytest.raises(ConfigError, match=f"unknown option of exporter '{name}': 'colr'; known: "):
        resolve([name], {name: {"colr": 1}}, found=SHIPPED)


def test_only_the_public_api_is_used():
    """What ships with vidobs could as well be somebody else's package."""
    for path in (ROOT / "exporters").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        used = re.findall(r"^\s*(?:from|import) (vidobs(?!_exporters)\S*)", source, re.MULTILINE)
        assert set(used) <= {"vidobs"}, path


# -- those that write a line for each event --------------------------------------------------------


@pytest.fixture(params=LINES)
def lines(request, tmp_path):
    """Exporters of one line per event."""
    with {"console": console, "jsonl": jsonl}[request.param](tmp_path) as one:
        yield one
        one.exporter.close()


def test_every_event_arrives_once_and_in_order(lines):
    """Every kind of event is exported, over batches, and there when `export` returns."""
    events = every_event()
    half = len(events) // 2

    lines.exporter.export(events[:half])
    before = lines.delivered()
    lines.exporter.export(events[half:])

    text = lines.delivered().decode()
    assert before.count(b"\n") == half
    named = re.findall("|".join(map(re.escape, EventName)), text)
    assert named == [event.name.value for event in events]


def an_evil_event(name=EventName.FAILED):
    """Build an event with line breaks, escape sequences and worse in every text."""
    return an_event(
        name,
        model=EVIL,
        provider=EVIL,
        provider_job_id=EVIL,
        reason=Reason.PROVIDER_ERROR,
        error=JobError(code=EVIL, message=EVIL),
        request=VideoRequest(size=EVIL),
        attribution=Attribution(EVIL, {EVIL: EVIL, "note": EVIL}),
    )


def test_one_event_is_one_line(lines):
    """Line breaks and escape sequences in the data forge no second event and move no cursor."""
    lines.exporter.export([an_evil_event(), an_evil_event(EventName.SUBMITTED)])

    delivered = lines.delivered()
    assert delivered.count(b"\n") == 2
    assert not set(delivered.replace(b"\n", b"")) & {*range(32), 127}


# -- those that send HTTP requests -----------------------------------------------------------------


def test_sending_again_sends_the_same(remote):
    """An event that is delivered a second time can be told to be the same one."""
    with served(remote) as (exporter, sink):
        exporter.export(every_event())
        first = [TARGETS[remote].same(request) for request in sink.forget()]
        exporter.export(every_event())
        second = [TARGETS[remote].same(request) for request in sink.requests]

    assert first
    assert first == second


def test_evil_characters_forge_nothing(remote):
    """Line breaks in the data make no header and no second request."""
    with served(remote) as (exporter, sink):
        exporter.export([an_event()])
        usual = [(request.method, request.path) for request in sink.forget()]
        exporter.export([an_evil_event(EventName.COMPLETED)])

    assert [(request.method, request.path) for request in sink.requests] == usual
    assert all("x-evil" not in request.headers for request in sink.requests)


ANSWERS = [  # status, headers, retryable, retry_after_s
    (500, {}, True, None),
    (503, {"Retry-After": "7"}, True, 7.0),
    (429, {"Retry-After": "7"}, True, 7.0),
    (401, {}, None, None),
    (403, {}, None, None),
    (404, {}, None, None),
    (413, {}, False, None),
    (400, {}, False, None),
]


@pytest.mark.parametrize(("status", "headers", "retryable", "retry_after_s"), ANSWERS)
def test_what_an_answer_means(remote, status, headers, retryable, retry_after_s):
    """An outage is waited for, a refusal is not, and of a wrong key nobody knows."""
    with served(remote) as (exporter, sink):
        sink.answers(status, headers, body=b"no, not " + SECRET.encode())
        error = failure(exporter)

    assert error.retryable is retryable
    assert error.retry_after_s == retry_after_s
    assert str(status) in str(error)


FAULTS = {
    "hangs": Sink.hangs,
    "drops": Sink.drops,
    "is gone": Sink.stop,
    "drips an error": lambda sink: sink.drips(503),
    "breaks off an error": lambda sink: sink.breaks_off(503),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_outage_can_be_retried(remote, fault):
    """A server that hangs, hangs up, never ends or is not there is an outage."""
    with served(remote, **{TARGETS[remote].timeout: SHORT_S}) as (exporter, sink):
        fault(sink)
        error = failure(exporter, times=1)

    assert error.retryable is True
    assert error.delivered == 0


@pytest.mark.parametrize("fault", [Sink.drips, Sink.breaks_off])
def test_half_a_success_is_none_or_a_whole_one(remote, fault):
    """When the body of a success stays away, the status counts; or the batch is sent again."""
    with served(remote, **{TARGETS[remote].timeout: SHORT_S}) as (exporter, sink):
        fault(sink)
        try:
            exporter.export([an_event()])
        except ExportError as error:
            assert error.retryable is True  # noqa: PT017 - to raise nothing is right, too
        assert sink.requests


def test_after_an_outage_everything_goes_on(remote):
    """The same exporter delivers as soon as the server is back."""
    with served(remote) as (exporter, sink):
        exporter.export([an_event()])
        sink.stop()
        failure(exporter)
        sink.start()
        before = len(sink.forget())
        exporter.export([an_event()])

    assert len(sink.requests) == before


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(remote, status):
    """Events and keys go to the place that was named, and to no other."""
    with Sink() as elsewhere, served(remote) as (exporter, sink):
        sink.redirects(elsewhere.url, status)
        error = failure(exporter)

    assert error.retryable is None
    assert elsewhere.requests == []


def test_what_is_said_to_be_delivered_has_arrived(remote):
    """After a failure in the middle, the rest of the batch completes it."""
    batch = [an_event(number=number) for number in range(1, 5)]
    ok = TARGETS[remote]
    with served(remote) as (exporter, sink):
        exporter.export(batch)
        whole = sink.forget()
        sink.answers_next(ok.status, body=ok.body)
        sink.answers(503)
        try:
            exporter.export(batch)
        except ExportError as error:
            delivered = error.delivered
        else:
            delivered = len(batch)  # one request was enough
        sent = [ok.same(request) for request in sink.forget()[:1]]
        sink.answers(ok.status, body=ok.body)
        exporter.export(batch[delivered:])
        sent += [ok.same(request) for request in sink.requests]

    assert delivered == len(batch) or len(whole) > 1
    assert all(ok.same(request) in sent for request in whole)


def test_its_own_secrets_stay_in_headers_and_url(remote):
    """They are in no body, and in nothing that it says of itself."""
    with served(remote) as (exporter, sink):
        exporter.export(every_event())
        said = repr(exporter) + str(exporter)

    assert SECRET not in said
    assert all(SECRET.encode() not in request.body for request in sink.requests)


def failure(exporter, *, times=2):
    """Return what exporting raises, time after time; it holds no secret of the exporter's."""
    for _ in range(times):
        with pytest.raises(ExportError) as caught:
            exporter.export([an_event()])
        link = caught.value
        while link is not None:
            assert SECRET not in f"{link!s} {link!r}"
            link = link.__cause__
    return caught.value


def test_every_remote_exporter_is_here():
    """Whoever adds an exporter adds it to the tables above."""
    assert set(SHIPPED) == set(TARGETS) | set(LINES)
