"""Functions of the operator's: whatever they do, the gateway goes on."""

import asyncio
import threading

import pytest
from guard_kit import subject

from vidobs.core.errors import ConfigError
from vidobs.gateway.guardrails.findings import CheckError, Found
from vidobs.gateway.guardrails.functions import FunctionCheck, function_at


def both(function):
    """A function, sync and async."""

    async def later(given):
        await asyncio.sleep(0)
        return function(given)

    return [function, later]


async def asked(function, *, redact=False, **options):
    """What comes of asking a function once."""
    check = FunctionCheck(function, **options)
    try:
        return await check.look(subject(), redact=redact)
    finally:
        await check.close()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (None, None),
        (True, None),
        (False, Found()),
        (Found(rule="brands"), Found(rule="brands")),
    ],
)
@pytest.mark.parametrize("kind", [0, 1], ids=["sync", "async"])
async def test_what_a_function_answers(answer, found, kind):
    """Nothing and true let pass; false and a finding do not."""
    assert await asked(both(lambda _: answer)[kind]) == found


@pytest.mark.parametrize("kind", [0, 1], ids=["sync", "async"])
@pytest.mark.parametrize(
    "error",
    [ValueError("secret"), SystemExit(1), KeyboardInterrupt(), StopIteration(),
     asyncio.CancelledError(), MemoryError(), GeneratorExit()],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
async def test_whatever_it_raises_stays_there(error, kind):
    """An error, and even what would end the process, is a check that failed, without its text."""

    def fails(_):
        raise error

    with pytest.raises(CheckError) as caught:
        await asked(both(fails)[kind])
    names = {type(error).__name__} | (
        {"RuntimeError"} if isinstance(error, StopIteration) else set()
    )
    assert str(caught.value) in names  # Python turns the one into the other in a coroutine
    assert not caught.value.passing


async def test_an_answer_that_makes_no_sense_is_a_failure():
    """A text, or a finding without the prompt that redacting needs, lets nothing through."""
    with pytest.raises(CheckError, match="returned str"):
        await asked(lambda _: "fine")
    with pytest.raises(CheckError, match="no prompt to send"):
        await asked(lambda _: False, redact=True)


@pytest.mark.parametrize("kind", [0, 1], ids=["sync", "async"])
async def test_one_that_hangs_is_given_up(kind):
    """The answer does not wait for longer than it may; it may work the next time."""
    over = threading.Event()

    async def hangs(_):
        await asyncio.Event().wait()

    with pytest.raises(CheckError, match="timeout") as caught:
        await asked([lambda _: over.wait(30), hangs][kind], timeout_s=0.01)
    over.set()
    assert caught.value.passing


async def test_who_asks_can_be_cancelled():
    """A client that goes away ends the function it waits for."""
    ended = asyncio.Event()
    begun = asyncio.Event()

    async def waits(_):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(asked(waits, timeout_s=60))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await ended.wait()


async def test_a_sync_function_does_not_hold_up_the_loop():
    """It runs on a thread of its own."""
    threads = []
    await asked(lambda _: threads.append(threading.current_thread()))

    assert threads[0].name.startswith("vidobs-guardrail")


def test_a_function_is_found_by_its_path():
    """`module:name`, with dots in both."""
    assert function_at("os.path:join", "x").__name__ == "join"
    assert function_at("asyncio:Event.set", "x") is asyncio.Event.set


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("os.path.join", "write module:function"),
        ("no_such_module:f", "cannot import 'no_such_module'"),
        ("os:no_such_function", "'os' has no 'no_such_function'"),
        ("os:sep", "cannot be called"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(path, problem):
    """At the start, with the place."""
    with pytest.raises(ConfigError, match=r"^config.yaml:4: ") as caught:
        function_at(path, "config.yaml:4")
    assert problem in str(caught.value)
