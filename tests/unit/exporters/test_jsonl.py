"""Events in a file."""

import os
import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from vidobs import ConfigError, EventName, ExportError, Job, VideoEvent
from vidobs.core.jobs import TraceRef
from vidobs_exporters.jsonl import JsonlExporter

AT = datetime(2026, 11, 20, 14, 3, 21, tzinfo=UTC)


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


def test_a_file_holds_the_events_themselves(tmp_path):
    """Each line decodes to the event; folders are made; the file is the owner's alone."""
    path = tmp_path / "some" / "where" / "events.jsonl"
    events = [an_event(name, number) for number, name in enumerate(EventName)]

    JsonlExporter(path=path).export(events)

    lines = path.read_bytes().splitlines()
    assert [msgspec.json.decode(line, type=VideoEvent) for line in lines] == events
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_torn_line_breaks_no_other(tmp_path):
    """A process that died in the middle of a line costs that line only."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"schema_version":1,"id":"half')

    JsonlExporter(path=path).export([an_event()])

    torn, whole = path.read_bytes().splitlines()
    assert torn == b'{"schema_version":1,"id":"half'
    assert msgspec.json.decode(whole, type=VideoEvent) == an_event()


def test_a_file_may_be_moved_away(tmp_path):
    """A rotated file gets nothing more; the next batch starts a new one."""
    path = tmp_path / "events.jsonl"
    exporter = JsonlExporter(path=path)
    exporter.export([an_event()])
    path.rename(tmp_path / "events.jsonl.1")

    exporter.export([an_event(number=2)])

    assert path.read_bytes().count(b"\n") == 1


def test_the_default_file_is_in_the_working_directory(tmp_path, monkeypatch):
    """Without options the file has a telling name, where the process was when it started."""
    monkeypatch.chdir(tmp_path)
    exporter = JsonlExporter()
    monkeypatch.chdir("/")

    exporter.export([an_event()])

    assert (tmp_path / "vidobs-events.jsonl").exists()


def test_a_home_is_expanded(tmp_path, monkeypatch):
    """A tilde means the home of the user."""
    monkeypatch.setenv("HOME", str(tmp_path))

    assert JsonlExporter(path="~/events.jsonl").path == tmp_path / "events.jsonl"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "",
            "exporter 'jsonl': path is ''; give the path of a file, such as 'vidobs-events.jsonl'",
        ),
        (7, "exporter 'jsonl': path is 7; give the path of a file, such as 'vidobs-events.jsonl'"),
        (None, "exporter 'jsonl': path is None; give the path of a file"),
        ("/", "exporter 'jsonl': path '/' is a folder; add the name of a file"),
    ],
)
def test_a_path_that_is_none_is_refused_at_start(path, message):
    """The error comes before the first event."""
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        JsonlExporter(path=path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_can_be_retried():
    """The message says which file and why, and the events stay with the relay."""
    with pytest.raises(ExportError) as caught:
        JsonlExporter(path="/dev/full").export([an_event()])

    assert str(caught.value) == f"cannot append to /dev/full: {os.strerror(28)}"
    assert caught.value.retryable
