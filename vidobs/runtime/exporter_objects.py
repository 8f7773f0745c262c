"""How exporters stand: what the ledger knows of them, and whether they are configured here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import LedgerMissingError
from vidobs.core.protocols import BreakerState
from vidobs.core.reports import ExporterProgress
from vidobs.core.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vidobs.config import Settings

MOST_COUNTED = 20_000  # events behind an exporter that a page looks at
_STEPS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"))


class ExporterObject(msgspec.Struct, frozen=True, kw_only=True):
    """One exporter of `vidobs exporters`. Times are UTC, `lag_s` is in seconds."""

    exporter: str
    configured: bool  # in the settings that hold here
    known: bool  # the ledger has a place for it: it is durable, and was set up once
    state: BreakerState
    waiting: int  # events that it has not had, those asked for once more included
    asked_again: int
    lag_s: float | None  # age of the oldest of these
    delivered: int  # events
    retried: int  # batches that were not taken
    dropped: Mapping[str, int]  # events that it never gets, by reason
    dead_letters: int
    failures: int  # in a row
    retry_at: datetime | None
    disabled: str | None  # why it is switched off
    error: str | None  # the last one
    failed_at: datetime | None
    delivered_at: datetime | None
    delivered_by: str | None
    complete: bool = True  # False: more may wait, for not all events were looked at


def standings(
    path: str, settings: Settings, now: datetime, *, most: int = -1
) -> list[ExporterObject]:
    """Return every exporter that the ledger or the settings name, by name; no ledger is no error.

    With `most`, no more of the events that are behind each are looked at; all of them otherwise.
    Raises `LedgerError` when there is a ledger that cannot be read.
    """
    from vidobs.ledger.survey import exporters

    found: Sequence[ExporterProgress] = ()
    with suppress(LedgerMissingError):  # there is none, or it is just being made
        found = exporters(path, now, most=most)
    here = configured(settings)
    stored = {one.exporter: one for one in found}
    return [
        _object(stored.get(name) or _nothing(name), now, here=name in here, known=name in stored)
        for name in sorted({*stored, *here})
    ]


def standings_soon(path: str, settings: Settings, now: datetime) -> list[ExporterObject]:
    """As `standings`, in some milliseconds: of what waits, no more is counted than people read."""
    return standings(path, settings, now, most=MOST_COUNTED)


def configured(settings: Settings) -> list[str]:
    """Return the ids of the exporters that are switched on by name."""
    return [name for name in settings.callbacks if isinstance(name, str)]


def known_names(found: Iterable[ExporterObject]) -> list[str]:
    """Return the names, for a message about one that is not among them."""
    return [one.exporter for one in found]


def span(seconds: float) -> str:
    """Return how long something has been so: `12 s`, `3.5 min`, `5.2 h`, `3.0 d`."""
    for length, unit in _STEPS:
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _nothing(name: str) -> ExporterProgress:
    return ExporterProgress(exporter=name, cursor=0, behind=0)


def _object(found: ExporterProgress, now: datetime, *, here: bool, known: bool) -> ExporterObject:
    from vidobs.delivery.breaker import state_of

    since = found.waiting_since
    return ExporterObject(
        exporter=found.exporter,
        configured=here,
        known=known,
        state=state_of(found.failures, found.retry_at, found.disabled, now),
        waiting=found.behind,
        asked_again=found.asked_again,
        lag_s=None if since is None else max(0.0, (now - since).total_seconds()),
        delivered=found.delivered,
        retried=found.retried,
        dropped=found.dropped,
        dead_letters=found.dead_letters,
        failures=found.failures,
        retry_at=found.retry_at,
        disabled=None if found.disabled is None else scrub(found.disabled),
        error=None if found.error is None else scrub(found.error),
        failed_at=found.failed_at,
        delivered_at=found.delivered_at,
        delivered_by=found.worker,
        complete=found.complete,
    )
