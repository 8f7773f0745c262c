"""What events of jobs come to."""

from datetime import timedelta

import pytest
from outbox_kit import START, event

from vidobs.core.events import EventName
from vidobs.core.jobs import AssetState, JobState, Notice, Reason
from vidobs.gateway.alerting.watch import Thresholds, Watch, percentile

GIVEN = Thresholds(failure_jobs=4, slow_jobs=4, slow_past=4)


def after(seconds):
    """A moment."""
    return START + timedelta(seconds=seconds)


def ended(number, *, failed=False, took_s=60.0, at_s=0.0, **given):
    """The end of the n-th job."""
    import msgspec

    name = EventName.FAILED if failed else EventName.COMPLETED
    finished = after(at_s)
    one = event(
        number,
        name,
        model="sora-2",
        provider_job_id=f"video_{number}",
        state=JobState.FAILED if failed else JobState.COMPLETED,
        reason=given.pop("reason", Reason.PROVIDER_ERROR) if failed else None,
        finished_at=finished,
        **given,
    )
    job = msgspec.structs.replace(one.job, created_at=finished - timedelta(seconds=took_s))
    return msgspec.structs.replace(one, job=job, at=finished)


def found(watch, at_s=0.0):
    """What holds, in short."""
    return {(one.kind.value, one.key): one.message for one in watch.holding(after(at_s))}


def watching(*events):
    """A watch that has seen these."""
    watch = Watch(GIVEN)
    for one in events:
        watch.take(one)
    return watch


def test_a_provider_that_breaks():
    """A share of the jobs of the window, by model; it is over when the window has moved on."""
    watch = watching(*(ended(number, failed=number % 4 == 0) for number in range(8)))

    assert found(watch) == {
        ("failure_ratio", "openai/sora-2"): (
            "2 of 8 jobs of openai/sora-2 failed in the last 15 minutes"
        )
    }
    assert found(watch, 901) == {}


def test_a_few_jobs_say_nothing():
    """One failure of one job is no outage."""
    assert found(watching(*(ended(number, failed=True) for number in range(3)))) == {}


@pytest.mark.parametrize(
    "reason", [Reason.MODERATION_INPUT, Reason.MODERATION_OUTPUT, Reason.BUDGET,
               Reason.INVALID_REQUEST],
)  # fmt: skip
def test_what_is_not_the_providers_fault_does_not_count(reason):
    """Prompts that are refused, and budgets, are no outage."""
    watch = watching(*(ended(number, failed=True, reason=reason) for number in range(9)))

    assert found(watch) == {}


def test_a_provider_that_slows_down():
    """The 95th percentile of the window against that of before."""
    past = [ended(number, took_s=60, at_s=-3600 + number) for number in range(9)]
    now = [ended(number, took_s=130) for number in range(9, 14)]

    assert found(watching(*past, *now)) == {
        ("slow_provider", "openai/sora-2"): (
            "jobs of openai/sora-2 take 130 s now (95th percentile), 60 s before"
        )
    }
    assert found(watching(*past, ended(20, took_s=130), *(ended(n) for n in range(30, 60)))) == {}
    assert found(watching(*now)) == {}


def test_stuck_jobs_are_one_condition():
    """However many hang; it is over when the last of them goes on or ends."""
    watch = watching(
        *(event(number, EventName.STUCK, model="sora-2") for number in range(3)),
        event(1, EventName.PROGRESS, model="sora-2"),
    )
    assert found(watch) == {("stuck", "openai/sora-2"): "2 jobs of openai/sora-2 without progress"}

    watch.take(event(0, EventName.FAILED, model="sora-2"))
    watch.take(event(2, EventName.CANCELLED, model="sora-2"))
    assert found(watch) == {}


def test_videos_that_are_soon_gone():
    """Until they are downloaded, deleted, or gone."""
    soon = {"model": "sora-2", "asset": AssetState.AVAILABLE, "expires_at": after(100)}
    watch = watching(*(event(number, EventName.EXPIRING, **soon) for number in range(3)))
    assert found(watch) == {
        ("expiring", "openai/sora-2"): "3 jobs of openai/sora-2 not downloaded and soon gone"
    }

    watch.take(event(1, EventName.DOWNLOADED, model="sora-2", asset=AssetState.DOWNLOADED))
    assert "2 jobs" in found(watch)["expiring", "openai/sora-2"]
    assert found(watch, 100) == {}


def test_what_was_before_the_start():
    """Jobs of the ledger stand for the events that nobody here saw."""
    running = {"model": "sora-2", "state": JobState.IN_PROGRESS, "notices": (Notice.STUCK,)}
    unread = {
        "model": "veo", "state": JobState.COMPLETED, "asset": AssetState.AVAILABLE,
        "notices": (Notice.EXPIRING,), "expires_at": after(100),
    }  # fmt: skip
    watch = Watch(GIVEN)
    watch.begin(
        [
            event(1, **running).job,
            event(2, **{**running, "state": JobState.COMPLETED}).job,
            event(3, **unread).job,
            event(4, **{**unread, "asset": AssetState.DOWNLOADED}).job,
            *(ended(number, failed=True).job for number in range(10, 14)),
        ]
    )

    assert found(watch) == {
        ("stuck", "openai/sora-2"): "1 job of openai/sora-2 without progress",
        ("expiring", "openai/veo"): "1 job of openai/veo not downloaded and soon gone",
        ("failure_ratio", "openai/sora-2"): (
            "4 of 4 jobs of openai/sora-2 failed in the last 15 minutes"
        ),
    }


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([1.0], 95, 1.0), ([float(n) for n in range(1, 101)], 95, 95.0), ([2.0, 1.0], 50, 1.0)],
)
def test_percentiles(values, share, expected):
    """By the nearest rank."""
    assert percentile(values, share) == expected
