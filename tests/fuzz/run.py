"""Fuzz one target: `python tests/fuzz/run.py mp4 -max_total_time=60 CORPUS SEEDS`.

With atheris (coverage-guided, `make fuzz` installs it) where it can be imported. Without it,
hypothesis changes the seeds at random for as long; it reads only `-max_total_time`.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "kit"))
SEEDS = Path(__file__).parent / "seeds"

try:
    import atheris
except ImportError:
    atheris = None


def with_atheris(name: str, arguments: list[str]) -> None:
    """Fuzz until a promise is broken or the time is over."""
    with atheris.instrument_imports(include=["vidobs", "python_multipart", "starlette"]):
        import fuzz_targets as targets
    atheris.Setup([sys.argv[0], *arguments], targets.TARGETS[name])
    atheris.Fuzz()


def with_hypothesis(name: str, arguments: list[str]) -> None:
    """Change the seeds at random."""
    import fuzz_targets as targets
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    seeds = [seed.read_bytes() for seed in sorted((SEEDS / name).iterdir())]
    limits = [word.partition("=")[2] for word in arguments if word.startswith("-max_total_time=")]
    end = time.monotonic() + float(limits[0] if limits else 60)

    @settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(seeds), st.lists(st.tuples(st.integers(0, 1 << 16), st.binary())))
    def changed(seed: bytes, changes: list[tuple[int, bytes]]) -> None:
        data = bytearray(seed)
        for place, new in changes:
            at = place % (len(data) + 1)
            data[at : at + len(new)] = new
        targets.TARGETS[name](bytes(data))

    while time.monotonic() < end:
        changed()


if __name__ == "__main__":
    logging.disable()  # a parser that logs every refusal
    fuzz = with_hypothesis if atheris is None else with_atheris
    sys.stderr.write(f"fuzzing {sys.argv[1]} {fuzz.__name__.replace('_', ' ')}\n")
    fuzz(sys.argv[1], sys.argv[2:])
