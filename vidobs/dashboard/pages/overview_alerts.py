"""What needs care now: creates in doubt, expiring videos, hanging jobs, failing exporters."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.money import ZERO
from vidobs.core.protocols import BreakerState
from vidobs.dashboard.index.answers import Flag
from vidobs.runtime.exporter_objects import standings_soon

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vidobs.core.jobs import Job
    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.index.answers import Alert as Found
    from vidobs.runtime.exporter_objects import ExporterObject

MOST_NAMED = 3  # jobs that one alert names
MOST_SUMMED = 200  # jobs in doubt whose price is summed
LONG_LAG_S = 900.0  # as old as what waits may be while somebody delivers


class AlertKind(StrEnum):
    """What is the matter, the most urgent first."""

    UNKNOWN = "unknown"  # nobody knows whether a create was accepted: it may be paid for
    EXPIRING = "expiring"  # paid for, not downloaded, soon gone
    STUCK = "stuck"  # no change for longer than it should take
    EXPORTER = "exporter"  # events do not arrive where they are sent


class AlertJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that an alert names."""

    job_id: str
    model: str | None
    created_at: datetime
    expires_at: datetime | None


class Trouble(StrEnum):
    """What is the matter with an exporter."""

    DISABLED = "disabled"  # switched off after it failed for good
    FAILING = "failing"  # failed too often in a row
    BEHIND = "behind"  # what waits for it is old: it is not tried, or too slow
    DEAD_LETTERS = "dead_letters"  # it refused events for good


class AlertExporter(msgspec.Struct, frozen=True, kw_only=True):
    """An exporter that needs care."""

    exporter: str
    trouble: Trouble
    waiting: int
    dead_letters: int
    lag_s: float | None
    error: str | None


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs care. `count` are jobs or exporters."""

    kind: AlertKind
    count: int
    more: bool = False  # there are more than were counted
    flag: Flag | None = None  # narrows the list of jobs to these
    jobs: tuple[AlertJob, ...] = ()  # some of them, the most urgent first
    possible_usd: Decimal | None = None  # that they may have cost; `None`: nobody knows
    at_least: bool = False  # some more of them may have cost something
    exporters: tuple[AlertExporter, ...] = ()


def alerts_of(desk: Desk, now: datetime) -> tuple[Alert, ...]:
    """Return what needs care at a time, the most urgent first."""
    found = desk.index.alerts(now, limit=MOST_SUMMED)
    return (
        *_unknown(desk, found.unknown),
        *_of_jobs(desk, AlertKind.EXPIRING, found.expiring, Flag.EXPIRING),
        *_of_jobs(desk, AlertKind.STUCK, found.stuck, Flag.STUCK),
        *_of_exporters(standings_soon(desk.ledger, desk.settings, now)),
    )


def _unknown(desk: Desk, found: Found) -> Iterable[Alert]:
    if not found.jobs:
        return
    jobs = desk.index.load(found.places)
    amounts = [job.cost.possible_usd for job in jobs]
    known = [amount for amount in amounts if amount is not None]
    yield Alert(
        kind=AlertKind.UNKNOWN,
        count=found.jobs,
        more=found.more,
        flag=Flag.UNKNOWN,
        jobs=_named(jobs),
        possible_usd=sum(known, ZERO) if known else None,
        at_least=len(known) < found.jobs or found.more,
    )


def _of_jobs(desk: Desk, kind: AlertKind, found: Found, flag: Flag) -> Iterable[Alert]:
    if found.jobs:
        jobs = _named(desk.index.load(found.places[:MOST_NAMED]))
        yield Alert(kind=kind, count=found.jobs, more=found.more, flag=flag, jobs=jobs)


def _named(jobs: Sequence[Job]) -> tuple[AlertJob, ...]:
    return tuple(
        AlertJob(
            job_id=job.job_id,
            model=job.model,
            created_at=job.created_at,
            expires_at=job.expires_at,
        )
        for job in jobs[:MOST_NAMED]
    )


def _of_exporters(found: Iterable[ExporterObject]) -> Iterable[Alert]:
    exporters = tuple(
        AlertExporter(
            exporter=one.exporter,
            trouble=trouble,
            waiting=one.waiting,
            dead_letters=one.dead_letters,
            lag_s=one.lag_s,
            error=one.disabled or one.error,
        )
        for one in found
        if (trouble := trouble_of(one)) is not None
    )
    if exporters:
        yield Alert(kind=AlertKind.EXPORTER, count=len(exporters), exporters=exporters)


def trouble_of(one: ExporterObject) -> Trouble | None:
    """Return what is the matter with an exporter, the worst first; `None`: nothing."""
    if one.state is BreakerState.DISABLED:
        return Trouble.DISABLED
    if one.state is not BreakerState.CLOSED:
        return Trouble.FAILING
    if one.lag_s is not None and one.lag_s >= LONG_LAG_S:
        return Trouble.BEHIND
    return Trouble.DEAD_LETTERS if one.dead_letters else None
