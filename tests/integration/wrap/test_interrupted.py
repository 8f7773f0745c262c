"""What stops a create in the middle: a failure before sending, an interrupt, a cancelled task."""

import asyncio

import openai
import pytest

from vidobs.core.events import EventName
from vidobs.core.jobs import JobState, Reason

ASKED = {"model": "sora-2", "seconds": "4", "size": "160x96"}
UNKNOWN = (JobState.UNKNOWN, None)


class Interrupted(BaseException):
    """As `KeyboardInterrupt`, which would end the test run too."""


def interrupting(client_class, step):
    """Return a client whose `step` is interrupted, in the middle or by a failure before sending."""
    if issubclass(client_class, openai.AsyncOpenAI):

        class Broken(client_class):
            async def _prepare_request(self, _request):
                raise step

    else:

        class Broken(client_class):
            def _prepare_request(self, _request):
                raise step

    return Broken


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (Interrupted(), UNKNOWN),
        (OSError("no token"), (JobState.FAILED, Reason.NOT_SENT)),
    ],
    ids=["interrupted", "before it was sent"],
)
def test_an_exception_in_the_middle(step, expected, *, sandbox, seen, connect, kind):
    """What interrupts is unknown wherever it strikes; what fails before sending was not sent."""
    cls = interrupting(openai.OpenAI if kind == "sync" else openai.AsyncOpenAI, step)
    api = connect(sandbox.base_url, cls=cls)
    with pytest.raises(type(step)) as caught:
        api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    assert caught.value is step
    assert (seen.job.state, seen.job.reason) == expected
    assert sandbox.requests == []


@pytest.mark.parametrize("kind", ["async"], indirect=True)
def test_a_cancelled_create_is_unknown(sandbox, seen, connect):
    """The task is cancelled while the server has the request: nobody knows."""
    api = connect(sandbox.base_url)

    async def cancel():
        prompt = "a cat [[fault:slow_after_accept]]"
        task = asyncio.create_task(api.client.videos.create(prompt=prompt, **ASKED))
        await _until(lambda: sandbox.jobs)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    api.run(cancel())
    assert (seen.job.state, seen.job.reason) == UNKNOWN
    assert EventName.UNKNOWN in [event.name for event in seen.events]


@pytest.mark.parametrize("kind", ["async"], indirect=True)
def test_cancelled_while_waiting_to_send_again(raw, seen, connect):
    """In the pause after a 429 nothing is under way: the job was refused."""
    raw.script = [(429, {"retry-after": "60"}, {"error": {"message": "slow down"}})]
    api = connect(raw.base_url)

    async def cancel():
        task = asyncio.create_task(api.client.videos.create(prompt="a cat", **ASKED))
        await _until(lambda: raw.at_answer.is_set() and _sleeping(task))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    api.run(cancel())
    assert (seen.job.state, seen.job.reason) == (JobState.FAILED, Reason.RATE_LIMITED)


async def _until(true):
    while not true():  # noqa: ASYNC110 - the server's thread has no event of this loop
        await asyncio.sleep(0)


def _sleeping(task):
    """Tell whether a task is in the SDK's pause before it sends again."""
    coroutine = task.get_coro()
    while coroutine is not None and hasattr(coroutine, "cr_await"):
        if coroutine.cr_code.co_name == "_sleep_for_retry":
            return True
        coroutine = coroutine.cr_await
    return False
