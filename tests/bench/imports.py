"""What `import` costs in a fresh process, over an interpreter that imports nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING

from calls import environment
from rows import IMPORT_CPU_MS, IMPORT_RSS_MB, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROBE = """
import sys, time
def pages():
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1])
    except OSError:
        return 0
before, cpu = pages(), time.process_time()
__import__(sys.argv[1])
cpu = time.process_time() - cpu
print([cpu * 1e3, (pages() - before) * 4096 / 1e6])
"""


def rows(modules: Sequence[tuple[str, str]], times: int) -> list[Row]:
    """Measure modules with the interpreters that have them; ratios are to the first."""
    found: dict[str, list[list[float]]] = {module: [] for module, _ in modules}
    for _ in range(times + 1):  # the first writes the caches of compiled code
        for module, python in modules:
            found[module].append(_once(module, python))
    made: list[Row] = []
    for place, (unit, target) in enumerate((("ms CPU", IMPORT_CPU_MS), ("MB", IMPORT_RSS_MB))):
        first = median(one[place] for one in found[modules[0][0]][1:])
        for module, _ in modules:
            values = [one[place] for one in found[module][1:]]
            ours = module == modules[0][0]
            made.append(
                Row(
                    "import",
                    module,
                    unit,
                    median(values),
                    min(values),
                    max(values),
                    ratio=median(values) / first if first else None,
                    target=target if ours else None,
                )
            )
    return made


def _once(module: str, python: str = sys.executable) -> list[float]:
    ran = subprocess.run(
        [python, "-W", "ignore", "-c", _PROBE, module],
        capture_output=True,
        text=True,
        check=True,
        env=environment() | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )
    found: list[float] = json.loads(ran.stdout.splitlines()[-1])
    return found
