"""What every exporter that ships with vidobs keeps to, whatever it exports to."""

import re
import tomllib
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from vidobs import ConfigError, EventName, Exporter, ExportError, Job, VideoEvent
from vidobs.core.calls import VideoRequest
from vidobs.core.jobs import JobError, Reason, TraceRef
from vidobs.delivery.registry import GROUP, resolve

AT = datetime(2026, 11, 20, 14, 3, 21, tzinfo=UTC)
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = {
    name: EntryPoint(name=name, value=value, group=GROUP)
    for name, value in PROJECT["project"]["entry-points"][GROUP].items()
}


def an_event(name=EventName.COMPLETED, number=1, **job):
    """Build an event of the job `number`."""
    known = {
        "job_id": f"job_0199f77bf40676c8aa8d95b8c037e5{number:02}",
        "provider": "openai",
        "dialect": "openai",
        "model": "sora-2",
        "provider_job_id": "video_68d7512d07848190b3e45da0ecbebcde004da08e1e0678d5",
        "created_at": AT,
        "trace": TraceRef(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", span_id="00f067aa0ba902b7"),
    }
    job = Job(**{**known, **job})
    return VideoEvent(id=f"event-{number}", name=name, at=AT, job=job)


class Target:
    """An exporter with what it has delivered so far, and a way to break what is behind it."""

    def __init__(self, exporter, delivered, break_it):
        self.exporter = exporter
        self.delivered = delivered
        self.break_it = break_it


@contextmanager
def console(folder):
    """Export to a file that stands in for the terminal."""
    path = folder / "terminal"
    with path.open("w", encoding="utf-8") as stream:
        [exporter] = resolve(["console"], {"console": {"stream": stream}}, found=SHIPPED).exporters
        yield Target(exporter, path.read_bytes, stream.close)


@contextmanager
def jsonl(folder):
    """Export to a file."""
    path = folder / "events.jsonl"
    options = {"jsonl": {"path": str(path)}}
    [exporter] = resolve(["jsonl"], options, found=SHIPPED).exporters

    def break_it():
        path.unlink(missing_ok=True)
        path.mkdir()

    yield Target(exporter, path.read_bytes, break_it)


TARGETS = {"console": console, "jsonl": jsonl}


@pytest.fixture(params=sorted(SHIPPED))
def target(request, tmp_path):
    """Each exporter that ships with vidobs, set up as a user would."""
    with TARGETS[request.param](tmp_path) as one:
        yield one
        one.exporter.close()


def test_it_keeps_the_protocol(target):
    """It is an `Exporter`, under the id it was asked for."""
    assert isinstance(target.exporter, Exporter)
    assert target.exporter.name in SHIPPED
    assert isinstance(target.exporter.durable, bool)


def test_every_event_arrives_once_and_in_order(target):
    """Every kind of event is exported, over batches, and there when `export` returns."""
    events = [an_event(name, number) for number, name in enumerate(EventName)]
    half = len(events) // 2

    target.exporter.export(events[:half])
    before = target.delivered()
    target.exporter.export(events[half:])

    text = target.delivered().decode()
    assert before.count(b"\n") == half
    named = re.findall("|".join(map(re.escape, EventName)), text)
    assert named == [event.name.value for event in events]


def test_one_event_is_one_line(target):
    """Line breaks and escape sequences in the data forge no second event and move no cursor."""
    evil = "x\nvideo.completed\r\x1b[2J\x07\x9b31m\u202e\u2028"
    event = an_event(
        EventName.FAILED,
        model=evil,
        provider_job_id=evil,
        reason=Reason.PROVIDER_ERROR,
        error=JobError(code=evil, message=evil),
        request=VideoRequest(size=evil),
    )

    target.exporter.export([event, an_event(EventName.SUBMITTED, request=event.job.request)])

    delivered = target.delivered()
    assert delivered.count(b"\n") == 2
    assert not set(delivered.replace(b"\n", b"")) & {*range(32), 127}


def test_an_empty_batch_is_nothing(target):
    """Nothing is written for no events."""
    target.exporter.export([an_event()])
    before = target.delivered()

    target.exporter.export([])

    assert target.delivered() == before


def test_events_are_left_as_they_are(target):
    """Exporting changes neither the events nor the batch."""
    batch = [an_event(), an_event(EventName.FAILED, 2)]

    target.exporter.export(batch)

    assert batch == [an_event(), an_event(EventName.FAILED, 2)]


def test_a_broken_backend_is_an_export_error(target):
    """Whatever is wrong with the other side comes out as `ExportError`, time after time."""
    target.break_it()

    for _ in range(2):
        with pytest.raises(ExportError) as caught:
            target.exporter.export([an_event()])
        assert caught.value.retryable is target.exporter.durable


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_an_unknown_option_is_refused(name):
    """The error names the options there are."""
    with pytest.raises(ConfigError, match=f"unknown option of exporter '{name}': 'colr'; known: "):
        resolve([name], {name: {"colr": 1}}, found=SHIPPED)


@pytest.mark.parametrize("entry", SHIPPED.values(), ids=SHIPPED)
def test_only_the_public_api_is_used(entry):
    """What ships with vidobs could as well be somebody else's package."""
    source = Path(import_module(entry.module).__file__).read_text(encoding="utf-8")

    assert set(re.findall(r"^\s*(?:from|import) (vidobs\S*)", source, re.MULTILINE)) == {"vidobs"}
