"""`function`: a check of the operator's own, sync or async; what it raises stays here."""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING

from vidobs.core.errors import ConfigError
from vidobs.gateway.guardrails.findings import CheckError, Found, Subject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    Function: TypeAlias = Callable[[Subject], object]

TIMEOUT_S = 10.0
AT_ONCE = 8  # sync functions; one that hangs keeps its thread
_ENDS = (SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, asyncio.CancelledError)


class _EndedError(Exception):
    """The function raised what would end more than itself; its name."""


class FunctionCheck:
    """Asks a function. It gets a `Subject`, and returns `None` or true where all is well.

    False, or a `Found` with a rule and perhaps a prompt that may be sent, says that it is not.
    """

    redacts = True
    reads_text = False

    def __init__(self, function: Function, *, timeout_s: float = TIMEOUT_S) -> None:
        self._function = function
        self._timeout_s = timeout_s
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__
        )
        self._threads: ThreadPoolExecutor | None = None

    async def look(self, subject: Subject, *, redact: bool) -> Found | None:
        """Ask the function.

        Raises:
            CheckError: it raised, took too long or returned something else.
        """
        answer = await self._answer(subject)
        if answer is None or answer is True:
            return None
        found = Found() if answer is False else answer
        if not isinstance(found, Found):
            raise CheckError(f"returned {type(answer).__name__}", passing=False)
        if redact and not isinstance(found.prompt, str):
            raise CheckError("no prompt to send", passing=False)
        return found

    async def close(self) -> None:
        """Let threads go; one that hangs is not waited for."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, subject: Subject) -> object:
        """Return what the function returned; what it raises is looked at, never raised."""
        task: asyncio.Future[object]
        if self._is_async:
            task = asyncio.ensure_future(_awaited(self._function, subject))
        else:
            loop = asyncio.get_running_loop()
            task = loop.run_in_executor(self._pool(), _called, self._function, subject)
        try:
            done, _ = await asyncio.wait({task}, timeout=self._timeout_s)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            raise CheckError("timeout", passing=True)
        error = task.exception()
        if error is not None:
            name = str(error) if isinstance(error, _EndedError) else type(error).__name__
            raise CheckError(name, passing=False)
        return task.result()

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="vidobs-guardrail")
        return self._threads


def _called(function: Function, subject: Subject) -> object:
    try:
        answer = function(subject)
        return asyncio.run(_result(answer)) if inspect.isawaitable(answer) else answer
    except _ENDS as error:
        raise _EndedError(type(error).__name__) from None


async def _awaited(function: Function, subject: Subject) -> object:
    try:
        answer = function(subject)
        return await answer if inspect.isawaitable(answer) else answer
    except _ENDS as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise _EndedError(type(error).__name__) from None


async def _result(answer: Awaitable[object]) -> object:
    return await answer


def function_at(path: str, where: str) -> Function:
    """Return the function that `module:name` stands for.

    Raises:
        ConfigError: there is none.
    """
    module, colon, name = path.partition(":")
    if not colon or not module or not name:
        raise ConfigError(f"{where}: got {path!r}; write module:function, such as checks:no_brands")
    try:
        found: object = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise ConfigError(f"{where}: cannot import {module!r}: {error}") from None
    except AttributeError:
        raise ConfigError(f"{where}: {module!r} has no {name!r}") from None
    if not callable(found):
        raise ConfigError(f"{where}: {path!r} cannot be called")
    return found
