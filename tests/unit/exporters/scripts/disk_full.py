"""Export to a file that may not grow any more: the system takes a part of a line and no more."""

import os
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "kit"))

from exporter_kit import an_event

from vidobs import ExportError
from vidobs_exporters.jsonl import JsonlExporter

os.chdir(sys.argv[1])
path = Path("events.jsonl")
exporter = JsonlExporter(path=path)
exporter.export([an_event()])
before = path.read_bytes()

_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, most))
try:
    exporter.export([an_event(number=2)])
except ExportError as error:
    text = str(error).replace(f"{Path.cwd()}/", "")
    sys.stdout.write(f"{type(error).__name__} {error.retryable}: {text}\n")
sys.stdout.write(f"as before: {path.read_bytes() == before}\n")

resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
exporter.export([an_event(number=2), an_event(number=3)])
lines = path.read_bytes().count(b"\n")
sys.stdout.write(f"afterwards: {lines} whole lines\n")
