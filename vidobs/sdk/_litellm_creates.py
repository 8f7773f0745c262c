"""Creates through LiteLLM that are under way, by LiteLLM's id of the call."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from vidobs.observer.creates import Create
from vidobs.sdk import _litellm_errors as errors
from vidobs.sdk._openai_errors import Private

if TYPE_CHECKING:
    from vidobs.core.jobs import JobSnapshot
    from vidobs.runtime import Runtime
    from vidobs.sdk._litellm_calls import Told

MOST = 2000
PATIENCE_NS = 3600 * 10**9  # LiteLLM tells nothing of a call that was cancelled


class Moment:
    """A clock that stands where a call began, or ended: it is told of later."""

    def __init__(self, ns: int) -> None:
        self.ns = ns

    def time_ns(self) -> int:
        """Return the moment."""
        return self.ns


class UnderWay(msgspec.Struct, frozen=True):
    """A create whose intent is written."""

    create: Create
    clock: Moment
    private: Private

    def answer(self, snapshot: JobSnapshot | None, end_ns: int) -> None:
        """Record the answer; `None`: nobody told how it ended."""
        self.clock.ns = end_ns
        self.create.answer(snapshot, prompt=self.private.prompt)


class Creates:
    """Thread-safe. Each create is ended once, by whoever tells first how it ended."""

    def __init__(self) -> None:
        self._under_way: dict[str, UnderWay] = {}
        self._lock = Lock()

    def begin(self, runtime: Runtime, told: Told, now_ns: int) -> None:
        """Write the intent of a create; one that is under way already is one."""
        for given_up in self._overdue(now_ns):
            given_up.answer(None, now_ns)
        with self._lock:
            if told.call_id in self._under_way:
                return
        runtime.observer.warn_if_retired(told.call)
        clock = Moment(now_ns)
        create = Create(runtime.observer.at(clock), told.call)
        create.detach()
        create.begin()
        with self._lock:
            self._under_way[told.call_id] = UnderWay(create, clock, told.private)

    def end(self, call_id: str, snapshot: JobSnapshot, end_ns: int) -> None:
        """Record the answer to a create; LiteLLM makes up answers to some that were never sent."""
        found = self._take(call_id)
        if found is not None:
            found.answer(snapshot, end_ns)

    def fail(self, call_id: str, error: BaseException, end_ns: int) -> None:
        """Record that a create raised."""
        found = self._take(call_id)
        if found is not None:
            found.clock.ns = end_ns
            found.create.fail(errors.of_create(error, found.private))

    def _take(self, call_id: str) -> UnderWay | None:
        with self._lock:
            return self._under_way.pop(call_id, None)

    def _overdue(self, now_ns: int) -> list[UnderWay]:
        """Take out those of whose end nobody will tell any more: the oldest come first."""
        with self._lock:
            gone = [
                call_id
                for call_id, each in self._under_way.items()
                if now_ns - each.clock.ns > PATIENCE_NS
            ]
            most = len(self._under_way) - MOST
            gone += [each for each in list(self._under_way)[: max(0, most)] if each not in gone]
            return [self._under_way.pop(call_id) for call_id in gone]
