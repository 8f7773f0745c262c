"""What a sandbox remembers is bounded and holds no secrets."""

from dataclasses import replace

import pytest

from vidobs.core.calls import Operation
from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.jobs import Course, Size, StoredJob
from vidobs.sandbox.journal import Journal, mask
from vidobs.sandbox.settings import Settings
from vidobs.sandbox.store import JobStore


def a_job(number: int) -> StoredJob:
    """Return one job of a row."""
    return StoredJob(
        id=f"video_{number}",
        operation=Operation.CREATE,
        model="sora-2",
        prompt="a cat",
        seconds=4,
        size=Size(720, 1280),
        created_ns=number,
        course=Course(),
        idempotency_key=f"key_{number}",
        digests={},
    )


def a_store(jobs: int, limit: int = 100) -> JobStore:
    """Return a store with a row of jobs."""
    store = JobStore(limit)
    for number in range(jobs):
        store.add(a_job(number))
    return store


def test_the_oldest_jobs_are_forgotten_with_their_keys():
    """The store keeps as many jobs as it may."""
    store = a_store(5, limit=2)
    assert [job.id for job in store.everything()] == ["video_3", "video_4"]
    assert store.with_key("key_2") is None
    assert store.with_key("key_3").id == "video_3"
    assert store.with_key(None) is None


def test_a_key_used_again_outlives_its_first_job():
    """When the older of two jobs with one key is forgotten, the key stays with the younger."""
    store = a_store(1, limit=2)
    for number in (1, 2):
        store.add(replace(a_job(number), idempotency_key="key_0"))
    assert [job.id for job in store.everything()] == ["video_1", "video_2"]
    assert store.with_key("key_0").id == "video_2"
    assert store.with_key("key_0", since_ns=2) is None


def test_a_deleted_job_is_gone_for_clients_only():
    """A deletion answers 404 from then on, but the record stays for the test that looks."""
    store = a_store(2)
    store.delete("video_0")
    with pytest.raises(ApiError, match="'video_0' not found"):
        store.get("video_0")
    with pytest.raises(ApiError, match="'video_0' not found"):
        store.delete("video_0")
    assert [job.deleted for job in store.everything()] == [True, False]


@pytest.mark.parametrize("descending", [True, False])
def test_pages_cover_everything_once(descending: bool):
    """Walking through the pages meets every job once, in order, though some go on the way."""
    store, seen, after = a_store(10), [], None
    while True:
        page = store.page(after=after, limit=3, descending=descending)
        seen += [job.id for job in page.jobs]
        if not page.has_more:
            break
        after = seen[-1]
        store.delete(after)
    wanted = [f"video_{number}" for number in range(10)]
    assert seen == (wanted[::-1] if descending else wanted)


def test_a_page_behind_an_unknown_job():
    """There is no page behind a job that never was."""
    assert a_store(3).page(after="video_99", limit=3, descending=True) is None


def test_secrets_are_masked():
    """Keys and cookies never get into the journal, in whatever case they are written."""
    secret = "sk-canary-1"
    headers = {"Authorization": f"Bearer {secret}", "API-Key": secret, "Cookie": secret, "A": "b"}
    assert mask(headers.items()) == {
        "authorization": "***",
        "api-key": "***",
        "cookie": "***",
        "a": "b",
    }


def test_the_journal_is_bounded_and_shortens():
    """The oldest requests go, late news of them is ignored, and a long text is cut."""
    journal = Journal(2)
    numbers = [
        journal.open(method="GET", path=f"/{i}", query="", headers=[], now_ns=0) for i in range(3)
    ]
    journal.parsed(numbers[0], {"prompt": "late"})
    journal.answered(numbers[0], 200, 0.1)
    journal.parsed(numbers[2], {"a": {"b": ["x" * 32_001]}})
    journal.answered(numbers[2], 200, 0.1)
    first, second = journal.everything()
    assert (first.path, first.status, dict(first.fields)) == ("/1", None, {})
    assert (second.path, second.status) == ("/2", 200)
    assert second.fields["a"]["b"][0].endswith("xxx... (32001 characters)")


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_a_time_scale_that_stops_the_clock_is_refused(scale: float):
    """Time must pass; freezing is what the clock is for."""
    with pytest.raises(ValueError, match="time_scale must be a number above 0"):
        Settings(time_scale=scale)
