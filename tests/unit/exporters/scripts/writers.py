"""Four processes write to one small file; print how many files there are, and every id."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "kit"))

from exporter_kit import an_event

from vidobs import ExportError
from vidobs_exporters.jsonl import JsonlExporter

FOLDER = Path(sys.argv[1])
WRITERS, EVENTS = 4, 15


def write(first):
    """Export events one by one, each until it is taken."""
    exporter = JsonlExporter(path=FOLDER / "events.jsonl", max_bytes=4000, compress="gzip")
    for number in range(first, first + EVENTS):
        while True:
            try:
                exporter.export([an_event(number=number)])
                break
            except ExportError:  # somebody else is writing
                continue


def forked(first):
    """Do it in a process of its own."""
    pid = os.fork()
    if pid == 0:
        write(first)
        os._exit(0)
    return pid


firsts = [writer * EVENTS for writer in range(WRITERS)]
pids = [forked(first) for first in firsts]
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
sys.stdout.write(f"{len(list(FOLDER.iterdir()))}\n")
sys.stdout.writelines(f"{an_event(number=number).id}\n" for number in range(WRITERS * EVENTS))
