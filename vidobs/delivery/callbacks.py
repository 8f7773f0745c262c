"""Functions of the user's that are told of events: `vidobs.on(pattern)(function)`."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.events import EventName, matches
from vidobs.delivery.inbox import CAPACITY, Inbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeAlias

    from vidobs.core.events import VideoEvent
    from vidobs.delivery.worker import Report

    Callback: TypeAlias = Callable[[VideoEvent], object]


class CallbackRunner:
    """Calls a function, and runs what it returns to its end when that can be awaited.

    Async functions run on an event loop that belongs to this function and its thread, so one that
    blocks its loop blocks nobody else's. What several of them share must not be bound to a loop.
    """

    def __init__(self, function: Callback) -> None:
        self._function = function
        self._runner: asyncio.Runner | None = None
        self._inherited: list[asyncio.Runner] = []

    def handle(self, events: Sequence[VideoEvent]) -> None:
        """Call the function once for each event."""
        for event in events:
            answer = self._function(event)
            if inspect.isawaitable(answer):
                self._loop().run(completed(answer))

    def close(self) -> None:
        """Close the event loop, if there is one."""
        if self._runner is not None:
            self._runner.close()

    def after_fork(self) -> None:
        """Start over with a new loop.

        The inherited one is kept and never closed: it shares its selector with the parent process,
        and closing it would unregister the parent's.
        """
        if self._runner is not None:
            self._inherited.append(self._runner)
            self._runner = None

    def _loop(self) -> asyncio.Runner:
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner


class Subscription(msgspec.Struct, frozen=True, eq=False):
    """A function and the events it wants."""

    names: frozenset[EventName]
    runner: CallbackRunner
    inbox: Inbox

    def after_fork(self) -> None:
        """Keep the function; forget thread, loop, lock and queue of the parent process."""
        self.runner.after_fork()
        self.inbox.after_fork()


class Callbacks:
    """Hands events to functions, sync or async, each in a thread of its own, in order.

    They see each event at most once. A function that raises, hangs or exits is its own problem:
    the first fault of a kind is reported, all are counted.
    """

    def __init__(self, *, report: Report, capacity: int = CAPACITY) -> None:
        self._report = report
        self._capacity = capacity
        self._subscriptions: tuple[Subscription, ...] = ()
        self._lock = threading.Lock()

    def add(self, pattern: str, function: Callback) -> Callable[[], None]:
        """Tell `function` of the events that fit `pattern`; return a way to take that back.

        A pattern is an event's name, a family such as `video.*`, or `*`.

        Raises:
            ConfigError: no event fits the pattern, or `function` cannot be called.
        """
        names = events_of(pattern)
        if not callable(function):
            raise ConfigError(
                f"a callback is called with one event, but {type(function).__name__!r} object "
                "cannot be called; give a function, or an exporter in `callbacks`"
            )
        runner = CallbackRunner(function)
        subscription = Subscription(names, runner, self._inbox(function, runner))
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return lambda: self._remove(subscription)

    def dispatch(self, events: Sequence[VideoEvent]) -> None:
        """Queue the events for whom they concern; never waits for a function."""
        for subscription in self._subscriptions:
            wanted = [event for event in events if event.name in subscription.names]
            subscription.inbox.put(wanted)

    @property
    def failed(self) -> int:
        """How many calls raised, of the functions that are still subscribed."""
        return sum(one.inbox.failed for one in self._subscriptions)

    @property
    def dropped(self) -> int:
        """How many events were dropped because a function fell too far behind."""
        return sum(one.inbox.dropped for one in self._subscriptions)

    @property
    def left(self) -> int:
        """How many events wait for a function or are with one."""
        return sum(one.inbox.left for one in self._subscriptions)

    def start(self) -> None:
        """Start every thread now: while the interpreter shuts down, no thread can start."""
        for one in self._subscriptions:
            one.inbox.wake()

    def drain(self, timeout_s: float) -> int:
        """Wait until every function has had its events, for `timeout_s` at most; return `left`."""
        deadline = time.monotonic() + timeout_s
        for one in self._subscriptions:
            one.inbox.settle(deadline)
        return self.left

    def close(self, timeout_s: float) -> int:
        """Drain, then end every thread that can be ended; return what is left."""
        deadline = time.monotonic() + timeout_s
        left = self.drain(timeout_s)
        with self._lock:
            gone, self._subscriptions = self._subscriptions, ()
        for one in gone:
            one.inbox.stop()
        for one in gone:
            one.inbox.join(deadline)
        return left

    def after_fork(self) -> None:
        """Keep the functions; forget threads, locks and queues of the parent process."""
        self._lock = threading.Lock()
        for one in self._subscriptions:
            one.after_fork()

    def _remove(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions = tuple(
                one for one in self._subscriptions if one is not subscription
            )
        subscription.inbox.stop()

    def _inbox(self, function: Callback, runner: CallbackRunner) -> Inbox:
        return Inbox(
            f"vidobs-callback-{name_of(function)}",
            runner.handle,
            report=self._report,
            finish=runner.close,
            batch=1,
            capacity=self._capacity,
        )


async def completed(awaitable: Awaitable[object]) -> None:
    """Await anything that can be awaited: a runner takes coroutines only."""
    await awaitable


def events_of(pattern: str) -> frozenset[EventName]:
    """Return the events that fit a pattern.

    Raises:
        ConfigError: none does.
    """
    if isinstance(pattern, str):
        names = frozenset(name for name in EventName if matches(pattern, name))
        if names:
            return names
    raise ConfigError(unknown_name("event", str(pattern), [name.value for name in EventName]))


def name_of(function: Callback) -> str:
    """Return what to call a function in thread names and reports."""
    return str(getattr(function, "__name__", type(function).__name__))
