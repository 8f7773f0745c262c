"""Polls that fail: the caller sees the SDK's own error, the job goes on, and no poll is lost."""

from importlib import import_module

import openai
import pytest
from fault_kit import MODES, START_S, Player, client_of, seen_by_caller

import vidobs
from vidobs.core.jobs import JobState
from vidobs.testing import assert_one_job

httpx = import_module(openai.DefaultHttpxClient.__base__.__module__.partition(".")[0])


def video(status, progress=0):
    """What a server says of the job."""
    fields = {"model": "sora-2", "seconds": "2", "size": "160x96", "created_at": START_S}
    return {"id": "video_1", "object": "video", "status": status, "progress": progress, **fields}


GOES_ON = [
    (200, video("in_progress", 12)),
    (200, video("in_progress", 12)),
    (200, video("in_progress", 12)),
]
ERRORS = {
    "500": (500, {"error": {"message": "broken"}}),
    "404": (404, {"error": {"message": "unknown video"}}),
    "401": (401, {"error": {"message": "no key"}}),
    "a job that is not over": (500, video("in_progress", 12)),
    "a finished job with an error": (500, video("completed", 100)),
    "half an answer": (200, b'{"id": "video_1", "status": "fai'),
    "nothing": (200, b""),
    "a page": (200, b"<html>Log in</html>"),
    "cut": "RemoteProtocolError",
    "late": "ReadTimeout",
}


class Script:
    """A server that answers a create, and then the polls one by one."""

    def __init__(self, polls):
        self._answers = [(200, video("queued")), *polls]
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request):
        answer = self._answers.pop(0)
        if isinstance(answer, str):
            raise getattr(httpx, answer)(answer, request=request)
        status, body = answer
        if isinstance(body, bytes):
            kind = "text/html" if body.startswith(b"<") else "application/json"
            return httpx.Response(status, content=body, headers={"content-type": kind})
        return httpx.Response(status, json=body)


@pytest.fixture
def follow(kind, clock, seen):
    """Follow a scripted job to its end, bare or wrapped."""

    def play(mode, polls, *, bare):
        clock.restart()
        script = Script(polls)
        client = client_of(kind, "http://api.example/v1", clock, transport=script.transport)
        player = Player(client if bare else vidobs.wrap(client), mode)
        player.run(player.whole_life("a cat"))
        player.close()
        return seen_by_caller(player)

    return play


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "helper"])
@pytest.mark.parametrize("error", ERRORS)
def test_a_poll_that_fails(error, mode, *, follow, seen):
    """It is an event of the call; the job completes with the polls after it, all counted."""
    polls = [*GOES_ON, ERRORS[error], *GOES_ON, *[(200, video("completed", 100))] * 2]
    shown = follow(mode, polls, bare=False)
    assert shown == follow(mode, polls, bare=True)
    raises = error != "a page"  # of which the SDK returns the text
    assert [bool(step[2]) for step in shown] == [False] * 4 + [raises] + [False] * 5

    job = assert_one_job(seen, state=JobState.COMPLETED, settled_usd="0.20")
    assert job.polls == 8
    events = seen.events_of(job)
    names = ["video.submitted", "video.started", "call.failed", "video.completed"]
    assert [event.name.value for event in events] == names
    assert events[2].detail
    assert events[2].job.state is JobState.IN_PROGRESS
