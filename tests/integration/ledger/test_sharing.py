"""One ledger under forks, threads and tasks."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from ledger_kit import Audit

import vidobs
from vidobs.core.jobs import JobState

SOON = 30
MANY = 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_in_the_middle(stage):
    """Parent and child go on after a fork; every job is recorded, and told of where it was made."""
    stage.finish(stage.start("fork.py", stage.sandbox.base_url))
    audit = stage.audit()
    assert {row.provider_job_id for row in audit.rows} == {job.id for job in stage.sandbox.jobs}
    assert (len(audit.rows), audit.terminal_events, audit.settlements) == (3, 3, 3)


@pytest.fixture
def configured(stage):
    """Configure this process for the stage's ledger."""
    vidobs.configure(ledger=f"sqlite:///{stage.path}")


def all_ended(stage):
    """Assert that all of the sandbox's jobs are in the ledger and ended once."""
    assert vidobs.flush(SOON) == 0
    rows = Audit(stage.path).check().rows
    assert {row.provider_job_id for row in rows} == {job.id for job in stage.sandbox.jobs}
    assert len(rows) == MANY
    assert {row.job.state for row in rows} == {JobState.COMPLETED}


def test_threads(configured, stage):
    """Threads share a client, a connection and a lock."""
    client = vidobs.wrap(openai.OpenAI(base_url=stage.sandbox.base_url, api_key="sk-x"))

    def make(number):
        return client.videos.create_and_poll(model="sora-2", prompt=str(number), seconds="4")

    with ThreadPoolExecutor(MANY) as pool:
        assert {video.status for video in pool.map(make, range(MANY))} == {"completed"}
    client.close()
    all_ended(stage)


async def test_tasks(configured, stage):
    """Tasks of one loop make their videos at once."""
    async with openai.AsyncOpenAI(base_url=stage.sandbox.base_url, api_key="sk-x") as client:
        vidobs.wrap(client)
        videos = await asyncio.gather(
            *(
                client.videos.create_and_poll(model="sora-2", prompt=str(n), seconds="4")
                for n in range(MANY)
            )
        )
    assert {video.status for video in videos} == {"completed"}
    await asyncio.to_thread(all_ended, stage)
