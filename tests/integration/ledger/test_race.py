"""Processes that race on one file: every job ends once, and nothing is lost."""

import json

import pytest


def race(stage, processes, jobs):
    """Let processes see the same jobs at once; return what each says."""
    started = [stage.start("race.py", seed, jobs, go=True) for seed in range(processes)]
    stage.begin(started)
    return [json.loads(stage.finish(process)) for process in started]


@pytest.mark.parametrize(
    ("processes", "jobs"),
    [
        pytest.param(4, 200, id="4x200"),
        pytest.param(8, 2000, id="8x2000", marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    ],
)
def test_every_job_ends_once(stage, processes, jobs):
    """As many terminal events and settlements as jobs, each told of by the one that wrote it."""
    said = race(stage, processes, jobs)
    audit = stage.audit()
    assert (len(audit.rows), audit.terminal_events, audit.settlements) == (jobs, jobs, jobs)
    assert audit.total_nano == jobs * 800_000_000
    assert [one["lost"] for one in said] == [0] * processes
    if not any(one["reports"] for one in said):  # nobody had to go on in memory for a while
        told = [event_id for one in said for event_id in one["told"]]
        assert sorted(told) == sorted(event_id for _, event_id, *_ in audit.events)
        assert sum(one["ends"] for one in said) == jobs


def test_many_processes_make_one_file(stage):
    """Processes that start on no file at all, at once, share the one that appears, and its key."""
    started = [stage.start("first.py", go=True) for _ in range(4)]
    stage.begin(started)
    assert len({stage.finish(process) for process in started}) == 1
    assert len(stage.audit().rows) == 4
