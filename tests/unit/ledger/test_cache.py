"""The cache of jobs is bounded, and forgets what was used least."""

import pytest
from ledger_kit import Maker

from vidobs.ledger.cache import Entry, JobCache


@pytest.fixture
def entries():
    """Make five jobs that the provider knows."""
    make = Maker()
    return [Entry(n, 0, make.job(provider_job_id=f"v{n}")) for n in range(5)]


def test_the_least_used_goes_first(entries):
    """What was written again stays, though it is the oldest."""
    cache = JobCache(size=3)
    for entry in (*entries[:3], entries[0], entries[3]):
        cache.put(entry)
    assert len(cache) == 3
    assert cache.by_provider("openai", "v1") is None
    assert cache.by_id(entries[1].job.job_id) is None
    for kept in (entries[0], entries[2], entries[3]):
        assert cache.by_id(kept.job.job_id) is cache.by_provider("openai", kept.job.provider_job_id)


def test_it_never_grows_beyond_its_size(entries):
    """Neither map outgrows the bound."""
    cache = JobCache(size=2)
    for entry in entries * 3:
        cache.put(entry)
    assert (len(cache), len(cache._by_provider)) == (2, 2)


def test_a_dropped_entry_takes_only_its_own_name_along(entries):
    """Forgetting a row that was merged away does not hide the row that took the id over."""
    first, second = entries[:2]
    taken_over = Entry(9, 0, Maker(7).job(provider_job_id="v0"))
    cache = JobCache()
    for entry in (first, second, taken_over):
        cache.put(entry)
    cache.drop(first.job.job_id)
    cache.drop("job_unknown")
    assert cache.by_provider("openai", "v0") is taken_over
    assert cache.by_provider("openai", None) is cache.by_id(None) is None
