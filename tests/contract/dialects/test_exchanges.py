"""Every documented answer of every dialect says what its file says it says."""

import pytest
from dialect_kit import FIXTURES, exchanges, says

from vidobs.dialects.variants import VARIANTS

EVERY = [
    pytest.param(exchange, id=f"{dialect}-{name}")
    for dialect in VARIANTS
    for name, exchange in exchanges(FIXTURES / dialect).items()
]
NEEDED = {"create", "running", "completed", "failed", "missing"}


@pytest.mark.parametrize("exchange", EVERY)
def test_an_answer_says(exchange):
    """State, reason, error, request, usage and cost: all that is in it, and nothing else."""
    assert says(exchange) == exchange["says"]


@pytest.mark.parametrize("dialect", VARIANTS)
def test_the_life_of_a_job_is_there(dialect):
    """From the create to both of its ends, and a refusal; each says where it is documented."""
    found = exchanges(FIXTURES / dialect)

    assert set(found) >= NEEDED
    assert all(exchange["from"] for exchange in found.values())
