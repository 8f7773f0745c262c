"""Instructions of one create, counted by valgrind: they depend on load far less than times do.

Each contender runs twice, with N and with 2N creates; the difference is what N creates execute in
user space, everything on other threads included. How often those wake up is a matter of time, and
valgrind is slow, so the count is not quite the same each time.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from calls import BARE, FOLDER, environment, server
from rows import INSTRUCTIONS_TARGET, VIDOBS, Row

_COUNT = re.compile(r"Collected : (\d+)")
_TIMEOUT_S = 400


def rows(creates: int) -> list[Row]:
    """Return the instructions that vidobs adds to a create, if valgrind is here."""
    if shutil.which("valgrind") is None:
        return [Row("instructions of a create", VIDOBS, "1000", note="valgrind is not installed")]
    with server() as base, ThreadPoolExecutor(2) as pool:
        jobs = [(who, count) for who in (BARE, VIDOBS) for count in (creates, 2 * creates)]
        counts = list(pool.map(lambda job: _count(*job, base=base), jobs))
    bare, ours = ((twice - once) / creates for once, twice in (counts[:2], counts[2:]))
    return [
        Row("instructions of a create", BARE, "1000", bare / 1e3, note="the whole call"),
        Row(
            "instructions of a create",
            VIDOBS,
            "1000",
            (ours - bare) / 1e3,
            target=INSTRUCTIONS_TARGET / 1e3,
        ),
    ]


def _count(who: str, creates: int, *, base: str) -> int:
    with tempfile.TemporaryDirectory(prefix="vidobs-bench-") as folder:
        place = {
            "base_url": f"{base}/v1",
            "sink_url": base,
            "folder": folder,
            "is_async": False,
        }
        ran = subprocess.run(
            [
                "valgrind",
                "--tool=callgrind",
                f"--callgrind-out-file={Path(folder) / 'out'}",
                sys.executable,
                str(FOLDER / "worker.py"),
                who,
                json.dumps(place),
            ],
            input=f"create {creates}\n",
            capture_output=True,
            text=True,
            check=True,
            timeout=_TIMEOUT_S,
            env=environment(),
        )
    found = _COUNT.search(ran.stderr)
    if found is None:
        raise RuntimeError(f"valgrind said no count: {ran.stderr[-300:]}")
    return int(found[1])
