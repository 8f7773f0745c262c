"""The seeds of the fuzzers, with what they once found, hold in every test run."""

from pathlib import Path

import pytest
from fuzz_targets import TARGETS

SEEDS = sorted((Path(__file__).parent / "seeds").glob("*/*"))


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.parent.name}-{seed.name}")
def test_a_seed_keeps_the_promises_of_its_target(seed):
    """Whatever the fuzzers start from, or once found, is taken without a fault."""
    TARGETS[seed.parent.name](seed.read_bytes())


def test_every_target_has_seeds():
    """No target is fuzzed from nothing."""
    assert {seed.parent.name for seed in SEEDS} == set(TARGETS)
