"""Kill a process at each step of putting a file aside, and look at what is left.

The interpreter's audit hooks tell of everything that is done to files
(https://docs.python.org/3/library/audit_events.html): a child kills itself at the first such step,
the next child at the second, until one gets through a whole rotation.
"""

import gzip
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "kit"))

from exporter_kit import an_event

from vidobs_exporters.jsonl import JsonlExporter

FOLDER = Path(sys.argv[1])
PATH = FOLDER / "events.jsonl"
WATCHED = {"open", "os.rename", "os.remove", "os.listdir", "os.scandir", "fcntl.flock", "os.mkdir"}
BATCHES = 5  # all but the first find the file full


def exporter():
    """Make one that rotates often, compresses, and keeps all."""
    return JsonlExporter(path=PATH, max_bytes=1, compress="gzip")


def export_until(step, acknowledged):
    """Export batches; die at a step of the last, and write down which were acknowledged."""
    writing, left = exporter(), [step]

    def die(event, _arguments):
        if event in WATCHED:
            left[0] -= 1
            if left[0] == 0:
                os.write(acknowledged, f"step {event}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)

    for number in range(1, BATCHES):
        event = an_event(number=number)
        if number == BATCHES - 1:
            sys.addaudithook(die)
        writing.export([event])
        os.write(acknowledged, f"id {event.id}\n".encode())


def child(step):
    """Let a process of its own do it; return what it wrote down, and whether it got through."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        export_until(step, writing)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        lines = [line.split() for line in said]
    _, status = os.waitpid(pid, 0)
    return lines, os.WIFEXITED(status)


def found():
    """Return the ids in all files; what was put aside may be there twice, plain and compressed."""
    ids = set()
    for path in FOLDER.iterdir():
        if path.suffix == ".unfinished":
            continue
        data = path.read_bytes()
        text = gzip.decompress(data) if path.suffix == ".gz" else data
        ids |= {json.loads(line)["id"] for line in text.splitlines()}
    return ids


step, whole = 0, False
while not whole:
    step += 1
    for path in FOLDER.iterdir():
        path.unlink()
    lines, whole = child(step)
    acknowledged = {word for kind, word in lines if kind == "id"}
    sys.stdout.writelines(f"{word}\n" for kind, word in lines if kind == "step")
    assert acknowledged <= found(), step
    exporter().export([an_event(number=40), an_event(number=41)])  # the next process goes on
    exporter().export([an_event(number=42)])
    assert {*acknowledged, an_event(number=42).id} <= found(), step
    assert not [path for path in FOLDER.iterdir() if path.suffix == ".unfinished"], step
sys.stdout.write("finished\n")
