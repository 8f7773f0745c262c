"""Which conditions are told, and when. Pure: times come in as arguments.

A condition is told once while it lasts, when it has lasted for long enough and was not told of
shortly before; that it is over is told to those who heard of it. No more than so many alerts are
told in a minute: what waits is told later, if it still lasts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

MINUTE = timedelta(minutes=1)


class AlertKind(StrEnum):
    """What people are told of."""

    BUDGET_WARNING = "budget_warning"  # a soft budget is reached
    BUDGET_EXCEEDED = "budget_exceeded"  # creates are refused
    FAILURE_RATIO = "failure_ratio"  # too many jobs of a model fail
    STUCK = "stuck"  # jobs do not go on
    EXPIRING = "expiring"  # videos are paid for, not downloaded, and soon gone
    EXPORTER_DOWN = "exporter_down"  # an exporter keeps failing
    SLOW_PROVIDER = "slow_provider"  # jobs take much longer than they did
    DEPLOYMENT_COOLDOWN = "deployment_cooldown"  # a server failed too often, and rests


class Phase(StrEnum):
    """Which end of a condition is told."""

    FIRING = "firing"
    RECOVERED = "recovered"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Something that holds, or did until a moment ago."""

    kind: str
    key: str
    message: str
    facts: Mapping[str, str] = {}
    since: datetime  # when it began to hold, the last time
    seen_at: datetime  # when it was last found to hold
    for_s: float | None = None  # it is over so long after it was seen; None: when it is cleared
    holds: bool = True
    told: bool = False  # people believe that it holds
    quiet_until: datetime | None = None  # it is not told again before

    @property
    def name(self) -> tuple[str, str]:
        """What tells it from others."""
        return self.kind, self.key


class Alert(msgspec.Struct, frozen=True):
    """One message to people."""

    phase: Phase
    condition: Condition  # as it stands after people were told
    at: datetime


class Manners(msgspec.Struct, frozen=True, kw_only=True):
    """How much people are told."""

    quiet_s: float = 600.0  # after the end of a condition, before it is told again
    per_minute: int = 20
    after_s: Mapping[str, float] = {}  # by kind: how long it must last


class Engine:
    """All conditions. Not thread-safe."""

    def __init__(self, manners: Manners, remembered: Iterable[Condition] = ()) -> None:
        """`remembered` are conditions of before a restart."""
        self._manners = manners
        self._all = {one.name: one for one in remembered}
        self._told: deque[datetime] = deque()  # alerts of the last minute

    def hold(
        self,
        kind: str,
        key: str,
        message: str,
        *,
        now: datetime,
        facts: Mapping[str, str] | None = None,
        for_s: float | None = None,
    ) -> None:
        """Find that a condition holds."""
        before = self._all.get((kind, key))
        lasts = before is not None and before.holds
        self._all[kind, key] = Condition(
            kind=kind,
            key=key,
            message=message,
            facts=facts or {},
            since=before.since if before is not None and lasts else now,
            seen_at=now,
            for_s=for_s,
            told=before is not None and before.told,
            quiet_until=None if before is None else before.quiet_until,
        )

    def clear(self, kind: str, key: str) -> None:
        """Find that a condition does not hold."""
        one = self._all.get((kind, key))
        if one is not None and one.holds:
            self._all[one.name] = replace(one, holds=False)

    def holding(self, kinds: Iterable[str]) -> list[Condition]:
        """Return the conditions of some kinds that hold."""
        wanted = set(kinds)
        return [one for one in self._all.values() if one.holds and one.kind in wanted]

    def tick(self, now: datetime) -> list[Alert]:
        """Return what is to be told now, what began first first."""
        self._expire(now)
        while self._told and now - self._told[0] >= MINUTE:
            self._told.popleft()
        said: list[Alert] = []
        for one in sorted(self._all.values(), key=lambda one: (one.since, one.name)):
            if len(self._told) >= self._manners.per_minute:
                break
            phase = self._due(one, now)
            if phase is not None:
                said.append(self._tell(one, phase, now))
        return said

    # -- inside ------------------------------------------------------------------------------------

    def _expire(self, now: datetime) -> None:
        """End what was told of by itself, and forget what nobody has to know any more."""
        for one in list(self._all.values()):
            over = one.for_s is not None and now >= one.seen_at + timedelta(seconds=one.for_s)
            if one.holds and over:
                self._all[one.name] = replace(one, holds=False, told=False)
            elif not one.holds and not one.told and not _quiet(one, now):
                del self._all[one.name]

    def _due(self, one: Condition, now: datetime) -> Phase | None:
        if one.told:
            return None if one.holds else Phase.RECOVERED
        least = timedelta(seconds=self._manners.after_s.get(one.kind, 0.0))
        if one.holds and now - one.since >= least and not _quiet(one, now):
            return Phase.FIRING
        return None

    def _tell(self, one: Condition, phase: Phase, now: datetime) -> Alert:
        self._told.append(now)
        if phase is Phase.FIRING:
            one = replace(one, told=True)
        else:
            quiet = now + timedelta(seconds=self._manners.quiet_s)
            one = replace(one, told=False, quiet_until=quiet)
        self._all[one.name] = one
        return Alert(phase, one, now)


def _quiet(one: Condition, now: datetime) -> bool:
    return one.quiet_until is not None and now < one.quiet_until
