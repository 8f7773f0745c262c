"""Which video of a list comes from which create, and what was made twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from vidobs.core.calls import Operation, VideoRequest
from vidobs.core.jobs import Job, JobState, TraceRef
from vidobs.core.money import Cost, CostStatus
from vidobs.core.reconciled import Double
from vidobs.ledger.cache import Entry
from vidobs.sdk.reconcile._matching import Listed, doubles, match

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
JOB = Job(
    job_id="job_1",
    provider="openai",
    dialect="openai",
    created_at=START,
    trace=TraceRef("1" * 32, "2" * 16),
    state=JobState.UNKNOWN,
    model="sora-2",
    request=VideoRequest(seconds=Decimal(8), size="720x1280"),
    prompt_hash="a",
)
VIDEO = Listed(
    id="v1",
    created_at=START,
    model="sora-2",
    seconds=Decimal(8),
    size="720x1280",
    prompt_hash="a",
)


def a_create(number=1, *, after_s=0.0, **changes):
    """Return a create of unknown outcome, with its place in the ledger."""
    created_at = START + timedelta(seconds=after_s)
    job = msgspec.structs.replace(JOB, job_id=f"job_{number}", created_at=created_at, **changes)
    return Entry(number, 1, job)


def a_video(number=1, *, after_s=0.0, **changes):
    """Return a video of a list."""
    created_at = START + timedelta(seconds=after_s)
    return msgspec.structs.replace(VIDEO, id=f"v{number}", created_at=created_at, **changes)


def pairs(creates, videos):
    """Return which create got which video, and which are left open."""
    found = match(creates, videos)
    return {entry.job.job_id: video.id for entry, video in found.pairs}, set(found.undecided)


def test_the_same_prompt_and_about_the_same_time():
    """A video belongs to the create with its prompt that is nearest in time."""
    creates = [a_create(1), a_create(2, after_s=60), a_create(3, prompt_hash="b")]
    videos = [a_video(1, after_s=61), a_video(2, after_s=2), a_video(3, prompt_hash="b")]

    assert pairs(creates, videos) == ({"job_1": "v2", "job_2": "v1", "job_3": "v3"}, set())


def test_one_video_for_two_creates():
    """It is given to the nearer one, once."""
    assert pairs([a_create(1, after_s=-50), a_create(2)], [a_video(1)]) == ({"job_2": "v1"}, set())


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt_hash": "b"},
        {"after_s": 600},
        {"after_s": -600},
        {"model": "veo-3"},
        {"created_at": None},
        {"parent_id": "v0"},
    ],
    ids=["prompt", "later", "earlier", "model", "no time", "a remix"],
)
def test_what_speaks_against_a_video(changes):
    """Another prompt, time, model or source: it comes from somewhere else."""
    video = msgspec.structs.replace(a_video(after_s=changes.pop("after_s", 0)), **changes)

    assert pairs([a_create()], [video]) == ({}, set())


@pytest.mark.parametrize("model", ["sora-2-2025-12-08", "sora", None])
def test_the_name_of_a_model_may_be_dated(model):
    """Servers answer with the name of the version that they run, or with none."""
    assert pairs([a_create()], [a_video(model=model)]) == ({"job_1": "v1"}, set())


@pytest.mark.parametrize("parent_id", ["v0", None])
def test_a_remix_has_its_source(parent_id):
    """Where the list shows it."""
    remix = a_create(operation=Operation.REMIX, parent_id="v0")

    assert pairs([remix], [a_video(parent_id=parent_id)])[0] == {"job_1": "v1"}
    assert pairs([remix], [a_video(parent_id="v9")])[0] == {}


def test_a_list_without_prompts():
    """The only video that can be meant is taken for it, and within two minutes only."""
    silent = {"prompt_hash": None}

    assert pairs([a_create()], [a_video(after_s=100, **silent)]) == ({"job_1": "v1"}, set())
    assert pairs([a_create()], [a_video(after_s=130, **silent)]) == ({}, set())
    assert pairs([a_create()], [a_video(seconds=Decimal(4), **silent)]) == ({}, set())
    assert pairs([a_create()], [a_video(size="1x1", **silent)]) == ({}, set())
    longer = a_create(operation=Operation.EXTEND)
    assert pairs([longer], [a_video(seconds=Decimal(16), **silent)])[0] == {"job_1": "v1"}


def test_where_there_is_a_choice_nobody_guesses():
    """Two videos for one create, or two creates for one video, stay open."""
    silent = {"prompt_hash": None}
    two = [a_video(1, **silent), a_video(2, **silent)]

    assert pairs([a_create()], two) == ({}, {"job_1"})
    assert pairs([a_create(1), a_create(2)], two[:1]) == ({}, {"job_1", "job_2"})


def a_job(number, *, after_s, **changes):
    """Return a job that was accepted."""
    cost = Cost(status=CostStatus.SETTLED, usd=Decimal("0.80"))
    job = a_create(number, after_s=after_s, provider_job_id=f"v{number}", cost=cost).job
    return msgspec.structs.replace(job, **{"request_hash": "r", **changes})


def test_one_request_within_minutes_is_possibly_made_twice():
    """Everything but the first is possibly too much."""
    jobs = [a_job(3, after_s=900), a_job(1, after_s=0), a_job(2, after_s=500)]

    assert doubles(jobs) == [
        Double(
            provider="openai",
            video_ids=("v1", "v2", "v3"),
            job_ids=("job_1", "job_2", "job_3"),
            model="sora-2",
            apart_s=900.0,
            usd=Decimal("1.60"),
        )
    ]


@pytest.mark.parametrize(
    "other",
    [{"after_s": 601}, {"after_s": 1, "provider": "azure"}, {"after_s": 1, "request_hash": "s"}],
    ids=["later", "elsewhere", "another request"],
)
def test_what_was_not_made_twice(other):
    """The same video on another day, at another provider, or another request."""
    assert doubles([a_job(1, after_s=0), a_job(2, **other)]) == []


def test_a_double_of_unknown_cost():
    """No price is no figure, and never zero."""
    (double,) = doubles([a_job(1, after_s=0), a_job(2, after_s=1, cost=Cost())])

    assert double.usd is None
