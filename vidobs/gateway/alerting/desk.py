"""The gateway's `Alerts`: one engine, fed by the events of this process and by the clock.

What is told of is only put down by whoever finds it; a thread looks at it every few seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from vidobs._guard import Guard
from vidobs.core.errors import LedgerError
from vidobs.core.protocols import BreakerState
from vidobs.core.scrub import scrub
from vidobs.gateway.alerting.engine import AlertKind, Engine
from vidobs.gateway.alerting.memory import AlertMemory, AlertMemoryError, NoMemory
from vidobs.gateway.alerting.sending import WAITS_S, Sender
from vidobs.gateway.alerting.watch import KINDS, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job
    from vidobs.gateway.alerting.engine import Alert, Condition, Manners
    from vidobs.gateway.alerting.payloads import Channel
    from vidobs.gateway.alerting.watch import Thresholds
    from vidobs.telemetry.deliveries import ExporterStanding

LOOK_S = 5.0
DRAIN_S = 3.0
PAST = timedelta(hours=24)  # of jobs that are looked at after a start
POINT_S = 900.0  # for which what somebody told of holds, unless it is told of again
_BUDGET_S = 86_400.0  # a budget is told of once for each of its windows, under a key of its own
_MOST_WAITING = 20_000
_DOWN = frozenset({BreakerState.OPEN, BreakerState.DISABLED})
_UNDECIDED = frozenset({None, BreakerState.HALF_OPEN})  # neither down nor back

_log = logging.getLogger("vidobs")


class _Raised(msgspec.Struct, frozen=True):
    """What somebody told of."""

    kind: str
    key: str
    message: str
    facts: Mapping[str, str]
    at: datetime


def _now() -> datetime:
    return datetime.now(UTC)


class AlertDesk:
    """Implements `seams.Alerts` and `seams.Service`."""

    def __init__(
        self,
        channels: Iterable[Channel],
        *,
        manners: Manners,
        thresholds: Thresholds,
        kinds: frozenset[str] = frozenset(AlertKind),
        memory: AlertMemory | None = None,
        standings: Callable[[], Sequence[ExporterStanding]] = tuple,
        past: Callable[[datetime], Sequence[Job]] = lambda _: (),
        guard: Guard | None = None,
        waits_s: Sequence[float] = WAITS_S,
        look_s: float = LOOK_S,
        drain_s: float = DRAIN_S,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """`past` returns the jobs since a time, the oldest first; it may raise `LedgerError`."""
        self._channels = tuple(channels)
        self._memory = memory or NoMemory()
        self._standings = standings
        self._past = past
        self._kinds = kinds
        self._guard = guard or Guard()
        self._waits_s = waits_s
        self._look_s = look_s
        self._drain_s = drain_s
        self._now = now
        self._engine = Engine(manners, self._remembered())
        self._watch = Watch(thresholds)
        self._raised: deque[_Raised] = deque(maxlen=_MOST_WAITING)
        self._events: deque[VideoEvent] = deque(maxlen=_MOST_WAITING)
        self._begun = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._senders: list[Sender] = []

    def raise_alert(self, kind: str, message: str, *, key: str, facts: Mapping[str, str]) -> None:
        """Tell, once per `key` and while it lasts; returns at once, from any thread."""
        if kind in self._kinds:
            self._raised.append(_Raised(kind, key, message, dict(facts), self._now()))
            self._wake()

    def take(self, event: VideoEvent) -> None:
        """Follow an event; returns at once, from any thread."""
        self._events.append(event)

    async def start(self) -> None:
        """Begin to look, and to send."""
        self._loop = asyncio.get_running_loop()
        self._senders = [
            Sender(channel, done=self._sent, waits_s=self._waits_s) for channel in self._channels
        ]
        for sender in self._senders:
            sender.start()
        self._task = asyncio.create_task(self._run(), name="vidobs-alerts")

    async def close(self) -> None:
        """Send what waits, for a moment, then stop."""
        self._loop = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*(sender.close(self._drain_s) for sender in self._senders))
        self._memory.close()

    # -- looking -----------------------------------------------------------------------------------

    async def _run(self) -> None:
        while self._loop is not None:
            self._more.clear()
            found = await asyncio.to_thread(self._guard.run, "alerts", self.look)
            for alert in found or ():
                for sender in self._senders:
                    sender.put(alert)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._more.wait()

    def look(self) -> list[Alert]:
        """Look at everything once; return what is to be told. Never from two threads at once."""
        now = self._now()
        if not self._begun:
            self._begin(now)
        while self._events:
            self._watch.take(self._events.popleft())
        while self._raised:
            self._hold(self._raised.popleft())
        self._watched(now)
        self._exporters(now)
        return self._engine.tick(now)

    def _begin(self, now: datetime) -> None:
        """Take in what was before the start, so that a restart is no recovery."""
        try:
            self._watch.begin(self._past(now - PAST))
        except LedgerError as error:
            _log.warning("alerts begin without the past: %s", scrub(str(error)))
        self._begun = True

    def _hold(self, one: _Raised) -> None:
        for_s = _BUDGET_S if one.kind.startswith("budget_") else POINT_S
        self._engine.hold(one.kind, one.key, one.message, now=one.at, facts=one.facts, for_s=for_s)

    def _watched(self, now: datetime) -> None:
        found = [one for one in self._watch.holding(now) if one.kind in self._kinds]
        for one in found:
            self._engine.hold(one.kind, one.key, one.message, now=now, facts=one.facts)
        self._clear(KINDS, {(one.kind, one.key) for one in found})

    def _exporters(self, now: datetime) -> None:
        if AlertKind.EXPORTER_DOWN not in self._kinds:
            return
        standings = self._standings()
        down = {one.exporter: one for one in standings if one.breaker in _DOWN}
        for name, one in down.items():
            state = "is switched off" if one.breaker is BreakerState.DISABLED else "keeps failing"
            waiting = "unknown" if one.queue is None else str(one.queue)
            self._engine.hold(
                AlertKind.EXPORTER_DOWN,
                name,
                f"exporter {name} {state}",
                now=now,
                facts={"exporter": name, "events_waiting": waiting},
            )
        unknown = {one.exporter for one in standings if one.breaker in _UNDECIDED}
        known = {(AlertKind.EXPORTER_DOWN, name) for name in (*down, *unknown)}
        self._clear((AlertKind.EXPORTER_DOWN,), known)

    def _clear(self, kinds: Iterable[str], holding: Iterable[tuple[str, str]]) -> None:
        still = {(str(kind), key) for kind, key in holding}
        for one in self._engine.holding(kinds):
            if one.name not in still:
                self._engine.clear(one.kind, one.key)

    # -- remembering -------------------------------------------------------------------------------

    def _remembered(self) -> Sequence[Condition]:
        try:
            return self._memory.load(self._now())
        except AlertMemoryError as error:
            _log.error("alerts of before the start may be told again: %s", scrub(str(error)))
            return ()

    async def _sent(self, alert: Alert) -> None:
        await asyncio.to_thread(self._keep, alert)

    def _keep(self, alert: Alert) -> None:
        try:
            self._memory.keep(alert.condition)
        except AlertMemoryError as error:
            _log.error("what was told is not remembered: %s", scrub(str(error)))

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            with suppress(RuntimeError):  # the loop was closed in between
                loop.call_soon_threadsafe(self._more.set)
