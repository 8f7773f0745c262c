"""What a test reads of events: a list that knows what it holds, and can be waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, overload

from vidobs import runtime
from vidobs.core.events import spans_of
from vidobs.delivery.callbacks import events_of
from vidobs.testing._tables import event_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vidobs.core.events import SpanRecord, VideoEvent
    from vidobs.core.jobs import Job

SETTLE_S = 10.0  # until reading gives up on a callback that hangs
WAIT_S = 10.0


class EventLog(Sequence["VideoEvent"]):
    """Events, oldest first; a list to read, and never one to change.

    Events arrive from a thread. Reading waits, on a condition and not on a clock, until those of
    every call that has returned are there. Thread-safe.
    """

    def __init__(self, settle: Callable[[], object] = lambda: None) -> None:
        self._settle = settle
        self._events: tuple[VideoEvent, ...] = ()
        self._changed = threading.Condition()

    def add(self, events: Iterable[VideoEvent]) -> None:
        """Put events at the end."""
        with self._changed:
            self._events = (*self._events, *events)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget what is there."""
        self._settle()
        with self._changed:
            self._events = ()

    def named(self, pattern: str) -> list[VideoEvent]:
        """Return the events that fit a name (`video.completed`), a family (`video.*`) or `*`.

        Raises:
            ConfigError: no event of vidobs fits the pattern.
        """
        wanted = events_of(pattern)
        return [event for event in self._read() if event.name in wanted]

    def wait_for(self, pattern: str, timeout: float = WAIT_S, *, count: int = 1) -> VideoEvent:
        """Wait until so many events that fit have come since the start; return the last of them.

        It blocks: in async code `await asyncio.to_thread(events.wait_for, "video.completed")`.

        Raises:
            TimeoutError: they did not come within `timeout` seconds; the text shows those that did.
            ConfigError: no event of vidobs fits the pattern.
        """
        wanted = events_of(pattern)
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                found = [event for event in self._events if event.name in wanted]
                if len(found) >= count:
                    return found[count - 1]
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
        raise TimeoutError(
            f"{len(found)} of {count} {pattern!r} within {timeout:g} s; there came:\n"
            f"{event_table(self._events)}"
        )

    @property
    def names(self) -> list[str]:
        """The names of the events, in order."""
        return [event.name.value for event in self._read()]

    @property
    def jobs(self) -> list[Job]:
        """Each job that an event was about, as its last event has it, in order of appearance."""
        return list({event.job.job_id: event.job for event in self._read()}.values())

    @property
    def spans(self) -> list[SpanRecord]:
        """The spans that the events carry, each once, by start."""
        return spans_of(self._read())

    def _read(self) -> tuple[VideoEvent, ...]:
        self._settle()
        return self._events

    def __len__(self) -> int:
        return len(self._read())

    def __iter__(self) -> Iterator[VideoEvent]:
        return iter(self._read())

    @overload
    def __getitem__(self, index: int) -> VideoEvent: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[VideoEvent]: ...
    def __getitem__(self, index: int | slice) -> VideoEvent | Sequence[VideoEvent]:
        return self._read()[index]

    def __repr__(self) -> str:
        return f"<{len(self._events)} events>\n{event_table(self._events)}"


@contextmanager
def capture_events(pattern: str = "*") -> Iterator[EventLog]:
    """Collect the events that this process records inside the block.

    ```python
    with capture_events() as events:
        client.videos.create(...)
    assert events.names == ["video.submitted"]
    ```

    The events of other processes are not there: what they do to a shared ledger can be read with
    `vidobs jobs`. A `vidobs.shutdown()` inside ends the collection, as it ends every callback.

    Raises:
        ConfigError: no event fits the pattern, or the environment's configuration cannot be used.
    """
    log = EventLog(settled)
    settled()  # or what came before would still arrive
    unsubscribe = runtime.on(pattern, lambda event: log.add((event,)))
    try:
        yield log
    finally:
        settled()
        unsubscribe()


def settled() -> None:
    """Wait until callbacks were told of every call that has returned."""
    runtime.settle(SETTLE_S)
