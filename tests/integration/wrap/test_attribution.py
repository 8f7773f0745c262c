"""`vidobs.context`: who a job is for, across await, tasks and threads, and never for another."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import vidobs

ASKED = {"model": "sora-2", "seconds": "4", "size": "160x96"}


@pytest.fixture
def api(sandbox, seen, connect):
    """A wrapped client."""
    return connect(sandbox.base_url)


@pytest.fixture
def whose(seen):
    """Return the user of each job by its prompt's place in the alphabet (its length)."""

    def read():
        return {job.request.prompt_chars: job.user for job in seen.jobs}

    return read


def test_nested_contexts(api, seen):
    """The inner user replaces the outer, tags add up, and afterwards all is as before."""
    with vidobs.context(user="ada", tags={"team": "film", "take": 1}):
        with vidobs.context(user="bob", tags={"take": 2}):
            api(lambda c: c.videos.create(prompt="a", **ASKED))
        api(lambda c: c.videos.create(prompt="b", **ASKED))
    api(lambda c: c.videos.create(prompt="c", **ASKED))
    inner, outer, none = seen.jobs
    assert (inner.user, inner.tags) == ("bob", {"team": "film", "take": "2"})
    assert (outer.user, outer.tags) == ("ada", {"team": "film", "take": "1"})
    assert (none.user, none.tags) == (None, {})


def test_a_job_keeps_its_user(api, seen):
    """Who polls is not who asked: every event of the job names the user of its create."""
    with vidobs.context(user="ada", tags={"team": "film"}):
        video = api(lambda c: c.videos.create(prompt="a", **ASKED))
    with vidobs.context(user="bob"):
        api(lambda c: c.videos.poll(video.id))
    assert {event.job.user for event in seen.events} == {"ada"}
    assert all(event.job.tags == {"team": "film"} for event in seen.events)


@pytest.mark.parametrize("kind", ["async"], indirect=True)
def test_tasks_do_not_mix(api, whose):
    """Tasks that run at once each have their own user, those they start as well."""

    async def work(number):
        with vidobs.context(user=f"user-{number}"):
            await asyncio.sleep(0)
            child = asyncio.create_task(api.client.videos.create(prompt="x" * number, **ASKED))
            await child

    async def together():
        await asyncio.gather(*(work(number) for number in range(1, 7)))
        await api.client.videos.create(prompt="x" * 7, **ASKED)

    api.run(together())
    assert whose() == {**{n: f"user-{n}" for n in range(1, 7)}, 7: None}


@pytest.mark.parametrize("kind", ["sync"], indirect=True)
def test_threads_started_inside(api, whose):
    """A thread belongs to who started it; one started outside belongs to nobody."""

    def create(number):
        api.client.videos.create(prompt="x" * number, **ASKED)

    def run(number):
        thread = threading.Thread(target=create, args=(number,))
        thread.start()
        thread.join()

    with vidobs.context(user="ada"):
        run(1)
    run(2)
    with vidobs.context(user="bob"):
        run(3)
    assert whose() == {1: "ada", 2: None, 3: "bob"}


@pytest.mark.parametrize("kind", ["sync"], indirect=True)
def test_pools_work_for_everybody(api, whose):
    """A pool's worker threads outlive the context in which the first of them started."""

    def create(number):
        api.client.videos.create(prompt="x" * number, **ASKED)

    with ThreadPoolExecutor(max_workers=1) as pool:
        with vidobs.context(user="ada"):
            pool.submit(create, 1).result()
        pool.submit(create, 2).result()
        with vidobs.context(user="bob"):
            list(pool.map(create, [3]))
            with vidobs.context(user="eve"):
                later = pool.submit(create, 4)
        later.result()
    assert whose() == {1: "ada", 2: None, 3: "bob", 4: "eve"}


@pytest.mark.parametrize("kind", ["sync"], indirect=True)
def test_callbacks_are_nobodys(api, sandbox, whose):
    """A callback that makes a video does not do so for whoever used vidobs first."""
    done = threading.Event()

    def remake(event):
        if event.job.request.prompt_chars == 1:
            api.client.videos.create(prompt="xx", **ASKED)
            done.set()

    with vidobs.context(user="ada"):
        vidobs.on("video.submitted")(remake)
        api(lambda c: c.videos.create(prompt="x", **ASKED))
        assert done.wait(30)
    assert whose() == {1: "ada", 2: None}


def test_secrets_in_tags_are_taken_out(api, seen):
    """Tags are kept for long: a key in one is not."""
    tags = {"note": "key sk-abcdefghijklmnop1234", "long": "many words " * 50}
    with vidobs.context(user="ada", tags=tags):
        api(lambda c: c.videos.create(prompt="a", **ASKED))
    assert seen.job.tags["note"] == "key [secret]"
    assert len(seen.job.tags["long"]) == 200
