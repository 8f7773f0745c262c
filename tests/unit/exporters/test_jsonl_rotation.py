"""Full files are put aside, and nothing is lost on the way."""

import gzip
import re
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from exporter_kit import an_event

from vidobs import ConfigError, ExportError, VideoEvent, event_to_json
from vidobs_exporters.jsonl import JsonlExporter
from vidobs_exporters.jsonl.rotation import Rotation

LINE = len(event_to_json(an_event())) + 1  # bytes
SCRIPTS = Path(__file__).parent / "scripts"


def text_of(path):
    """Read a file, compressed or not."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def ids_in(folder):
    """Return the ids of all events in all files, those put aside first."""
    paths = sorted(folder.iterdir(), key=lambda path: (path.name == "events.jsonl", path.name))
    lines = b"".join(map(text_of, paths)).splitlines()
    return [msgspec.json.decode(line, type=VideoEvent).id for line in lines]


def export(folder, numbers, **options):
    """Export events one by one; return their ids."""
    exporter = JsonlExporter(path=folder / "events.jsonl", **options)
    events = [an_event(number=number) for number in numbers]
    for event in events:
        exporter.export([event])
    return [event.id for event in events]


@pytest.mark.parametrize("compress", [None, "gzip"])
def test_a_full_file_is_put_aside(tmp_path, compress):
    """Its new name tells when; each event is in one file, in order, for the owner alone."""
    ids = export(tmp_path, range(1, 8), max_bytes=2 * LINE, compress=compress)

    names = sorted(path.name for path in tmp_path.iterdir())
    aside = r"events\.\d{8}T\d{6}\.\d{6}Z\.jsonl" + (r"\.gz" if compress else "")
    assert len(names) == 4
    assert names[-1] == "events.jsonl"
    assert all(re.fullmatch(aside, name) for name in names[:-1])
    assert ids_in(tmp_path) == ids
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_batch_stays_together(tmp_path):
    """A batch is in one file, even one that is larger than a file may be."""
    exporter = JsonlExporter(path=tmp_path / "events.jsonl", max_bytes=LINE)
    batches = [[an_event(number=n), an_event(number=n + 1)] for n in (1, 3)]

    for batch in batches:
        exporter.export(batch)

    assert sorted(text_of(path).count(b"\n") for path in tmp_path.iterdir()) == [2, 2]
    assert ids_in(tmp_path) == [event.id for batch in batches for event in batch]


@pytest.mark.parametrize("compress", [None, "gzip"])
def test_old_files_go(tmp_path, compress):
    """The newest stay, and nothing that only looks alike is touched."""
    others = ["events.2026.jsonl", "events.20261120T140321.123456Z.txt", "other.jsonl.gz"]
    for name in others:
        (tmp_path / name).write_text("mine")

    ids = export(tmp_path, range(1, 11), max_bytes=1, keep=2, compress=compress)

    for name in others:
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()
    assert ids_in(tmp_path) == ids[-3:]


def test_without_a_limit_a_file_grows(tmp_path):
    """Nothing is put aside."""
    ids = export(tmp_path, range(1, 5), max_bytes=None)

    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]
    assert ids_in(tmp_path) == ids


def test_two_files_of_one_moment(tmp_path):
    """When the clock stands still or goes back, no file is renamed onto another."""
    path = tmp_path / "events.jsonl"
    rotation = Rotation(path, keep=None, compress=False, time_ns=lambda: 1_795_183_401_999_999_000)

    for number in range(3):
        path.write_text(str(number))
        rotation.put_aside()

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "events.20261120T140321.999999Z.jsonl": "0",
        "events.20261120T140322.000000Z.jsonl": "1",
        "events.20261120T140322.000001Z.jsonl": "2",
    }


def test_what_a_crash_left_is_finished(tmp_path):
    """A file that was put aside but not compressed, and half a compressed one."""
    stamp = "events.20200101T000000.123456Z.jsonl"
    old = an_event(number=1)
    JsonlExporter(path=tmp_path / stamp).export([old])
    (tmp_path / f"{stamp}.gz.unfinished").write_bytes(b"half")

    ids = export(tmp_path, [2, 3], max_bytes=1, compress="gzip")

    assert ids_in(tmp_path) == [old.id, *ids]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".gz", ".gz", ".jsonl"]


def test_another_process_is_writing(tmp_path):
    """The batch waits for another time, and the file is as it was."""
    path = tmp_path / "events.jsonl"
    exporter = JsonlExporter(path=path)
    exporter.export([an_event()])
    before = path.read_bytes()

    with exporter._locked(), pytest.raises(ExportError) as caught:
        JsonlExporter(path=path).export([an_event(number=2)])

    assert str(caught.value) == f"cannot append to {path}: another process is writing to it"
    assert caught.value.retryable is True
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_bytes": 0}, "max_bytes is 0; give a whole number, 1 or more, or null for no limit"),
        ({"max_bytes": "1 GB"}, "max_bytes is '1 GB'; give a whole number"),
        ({"max_bytes": True}, "max_bytes is True; give a whole number"),
        ({"keep": 1.5}, "keep is 1.5; give a whole number"),
        ({"compress": "zip"}, "compress is 'zip'; give 'gzip', or leave it out"),
        ({"compress": True}, "compress is True; give 'gzip'"),
    ],
)
def test_options_that_cannot_be_used(options, message):
    """The error comes before the first event."""
    with pytest.raises(ConfigError, match=re.escape(f"exporter 'jsonl': {message}")):
        JsonlExporter(**options)


def run(script, folder):
    """Run a script on a folder; return what it prints."""
    command = [sys.executable, SCRIPTS / script, folder]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.slow
def test_a_full_disk_leaves_no_half_line(tmp_path):
    """What was begun is taken back, said as an outage, and delivered when there is room again."""
    assert run("disk_full.py", tmp_path) == [
        "ExportError True: cannot append to events.jsonl: File too large",
        "as before: True",
        "afterwards: 3 whole lines",
    ]


@pytest.mark.slow
def test_killed_at_every_step_of_a_rotation(tmp_path):
    """A kill -9 at each thing that a rotation does to files: every acknowledged event is there."""
    *steps, end = run("killed_rotation.py", tmp_path)

    assert end == "finished"
    assert {"open", "os.rename", "os.remove"} <= set(steps)


@pytest.mark.slow
def test_writers_side_by_side(tmp_path):
    """Four processes that put one file aside again and again: nothing is lost, torn or doubled."""
    files, *ids = run("writers.py", tmp_path)

    assert int(files) > 10
    assert sorted(ids_in(tmp_path)) == sorted(ids)
