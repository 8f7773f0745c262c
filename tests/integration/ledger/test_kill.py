"""kill -9 in the middle of a call: afterwards one job, one trace, one settlement."""

import os
import random
from contextlib import closing

import pytest

from vidobs.core.events import EventName
from vidobs.core.jobs import JobState
from vidobs.ledger.reader import LedgerReader

ROUNDS = [
    pytest.param(n, id=f"round{n}") for n in range(int(os.getenv("VIDOBS_KILL9_ROUNDS", "2")))
]


def ended_once(stage, before):
    """Assert that a job went on as it was: one row, one trace, one end, one settlement."""
    (row,) = stage.audit().rows
    assert (row.job.job_id, row.job.trace) == (before.job.job_id, before.job.trace)
    assert (row.provider_job_id, row.job.state) == (stage.sandbox.jobs[0].id, JobState.COMPLETED)
    assert row.events[: len(before.events)] == before.events
    assert row.spent == [(0, 400_000_000)]
    assert row.events.count(EventName.DOWNLOADED) == 1
    events = stage.events(row.job.job_id)
    assert [event.id for event in events] == row.event_ids
    spans = {span.span_id: span for event in events for span in event.spans}
    assert {span.trace_id for span in spans.values()} == {row.job.trace.trace_id}
    (end,) = [event for event in events if event.name is EventName.COMPLETED]
    assert end.spans[-1].name == "video_job sora-2"
    return row


@pytest.mark.slow
@pytest.mark.parametrize("round_", ROUNDS)
def test_kill_in_a_create(stage, round_):
    """A create killed before its answer is `unknown`, and the poll that follows is of that job."""
    stage.kill("create")
    (before,) = stage.audit().rows
    assert (before.job.state, before.events) == (JobState.SUBMITTING, [])
    stage.live(stage.sandbox.jobs[0].id)
    row = ended_once(stage, before)
    assert row.events[:2] == [EventName.UNKNOWN, EventName.SUBMITTED]


@pytest.mark.slow
@pytest.mark.parametrize("round_", ROUNDS)
def test_kill_in_a_poll_or_a_download(stage, round_):
    """A process killed later is followed by one that goes on with the same job."""
    if round_ % 2:
        stage.kill("poll", sent=random.random() < 0.5)
    else:
        stage.kill("download")
    (before,) = stage.audit().rows
    stage.live(before.provider_job_id)
    ended_once(stage, before)


def test_kill_before_the_request_was_seen(stage):
    """A create that never arrived stays `unknown`: possible spend, and no job is made up."""
    stage.kill("create", sent=False)
    assert stage.sandbox.jobs == []
    stage.live()
    lost, made = stage.audit().rows
    assert (lost.job.state, lost.events) == (JobState.UNKNOWN, [EventName.UNKNOWN])
    assert (made.job.state, made.provider_job_id) == (
        JobState.COMPLETED,
        stage.sandbox.jobs[0].id,
    )
    with closing(LedgerReader(str(stage.path))) as reader:
        assert reader.spend("model").possible_usd == lost.job.cost.quoted_usd


@pytest.mark.slow
@pytest.mark.parametrize("round_", ROUNDS)
def test_kill_again_and_again(stage, round_):
    """However often and wherever a job's processes are killed, the last one ends it once."""
    stage.kill("create")
    (before,) = stage.audit().rows
    video = stage.sandbox.jobs[0].id
    for what in ("poll", "poll", "download", "download"):
        stage.kill(what, 1, video)
    stage.live(video)
    ended_once(stage, before)
