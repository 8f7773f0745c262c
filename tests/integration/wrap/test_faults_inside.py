"""When vidobs itself breaks: every verb works as without it, and the fault is counted and said."""

import asyncio
import gzip
import json

import openai
import pytest

import vidobs
from vidobs import runtime
from vidobs.core.jobs import JobState

ASKED = {"model": "sora-2", "seconds": "4", "size": "160x96"}


class Broken:
    """Something inside that fails in a way nobody thought of."""

    def __getattr__(self, name):
        def fail(*_args, **_kwargs):
            raise LookupError(name)

        return fail


@pytest.fixture
def api(sandbox, seen, connect):
    """A wrapped client."""
    return connect(sandbox.base_url)


@pytest.mark.parametrize("part", ["backlog", "tracing", "clock", "rules", "hand_on", "polls"])
def test_no_verb_feels_it(part, api, guard_trips):
    """Whatever is broken, calls return what they return and raise what they raise."""
    observer = runtime.current().observer
    setattr(observer, part, Broken())
    if part == "hand_on":
        observer.hand_on = Broken().anything
    video = api(lambda c: c.videos.create_and_poll(prompt="a cat", **ASKED))
    assert video.status == "completed"
    data = api.chunks(lambda c: c.videos.with_streaming_response.download_content(video.id))
    assert b"".join(data)[4:8] == b"ftyp"
    assert [one.id for one in api.every(lambda c: c.videos.list())] == [video.id]
    with pytest.raises(openai.BadRequestError):
        api(lambda c: c.videos.create(prompt="a", size="1x1"))
    with pytest.raises(openai.NotFoundError):
        api(lambda c: c.videos.retrieve("video_none"))
    api(lambda c: c.videos.delete(video.id))
    trips = runtime.current().guard.trips
    assert sum(trips.values()) >= 3
    guard_trips.expected = set(trips)


def test_a_limit_holds_although_it_cannot_be_written(sandbox, seen, connect, guard_trips):
    """The ledger is broken, the refusal stands: nothing is sent."""
    api = connect(sandbox.base_url, settings={"max_spend_usd": "0.10"})
    runtime.current().observer.backlog = Broken()
    with pytest.raises(vidobs.SpendLimitError):
        api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    assert sandbox.requests == []
    guard_trips.expected = {"create: LookupError"}


def test_what_could_not_be_written_is_written_by_the_next_poll(api, seen, guard_trips):
    """A poll that was lost to a fault does not make the next one pass for unchanged."""
    observer = runtime.current().observer
    video = api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    healthy, observer.backlog = observer.backlog, HalfBroken(observer.backlog)
    api(lambda c: c.videos.poll(video.id))
    observer.backlog = healthy
    api(lambda c: c.videos.retrieve(video.id))
    assert seen.job.state is JobState.COMPLETED
    guard_trips.expected = {"poll: LookupError"}


class HalfBroken:
    """A backlog that can be read but not written."""

    def __init__(self, backlog):
        self.known = backlog.known
        self.find = backlog.find

    def record(self, _seen):
        """Fail."""
        raise LookupError


def test_a_compressed_answer_is_understood(raw, video, seen, connect):
    """A streamed answer that comes packed is unpacked for the ledger, whatever the caller does."""
    body = gzip.compress(json.dumps(video()).encode())
    raw.script = [(200, {"content-encoding": "gzip"}, body)]
    api = connect(raw.base_url)
    create = lambda c: c.videos.with_streaming_response.create(prompt="a cat", **ASKED)  # noqa: E731
    assert b"video_raw" in api.stream(create, lambda response: response.read())
    assert (seen.job.provider_job_id, seen.job.state) == ("video_raw", JobState.QUEUED)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"id": "video_raw", "status": "warming_up"}, JobState.QUEUED),
        ({"id": "video_raw"}, JobState.QUEUED),
        ({"status": "queued"}, JobState.UNKNOWN),
        ({}, JobState.UNKNOWN),
        ([], JobState.UNKNOWN),
    ],
)
def test_answers_that_say_little(answer, state, raw, seen, connect):
    """An id means accepted, whatever the status is called; without one nobody can follow it."""
    raw.script = [(200, {}, answer)]
    api = connect(raw.base_url)
    api(lambda c: c.post("/videos", body={"prompt": "a cat"}, cast_to=object))
    assert seen.job.state is state


@pytest.mark.parametrize("kind", ["async"], indirect=True)
@pytest.mark.parametrize("http_spans", ["creates", "all"])
def test_a_poll_that_was_cancelled_is_nothing(http_spans, *, sandbox, connect, watch):
    """Giving up on a poll is neither an error of the call nor of the job."""
    vidobs.configure(ledger="memory:", http_spans=http_spans)
    seen = watch()
    api = connect(sandbox.base_url)
    video = api(lambda c: c.videos.create(prompt="a cat", **ASKED))

    async def give_up():
        task = asyncio.create_task(api.client.videos.poll(video.id))
        while len(sandbox.requests) < 2:  # noqa: ASYNC110 - the server has no event of this loop
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    api.run(give_up())
    assert "call.failed" not in seen.names
    api(lambda c: c.videos.poll(video.id))
    assert seen.job.state is JobState.COMPLETED
