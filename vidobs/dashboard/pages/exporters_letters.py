"""Dead letters as a page lists them: the newest, with their event and their job."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.scrub import scrub
from vidobs.ledger.dead_letters import dead_letters

if TYPE_CHECKING:
    from vidobs.core.reports import DeadLetter


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that an exporter refused for good."""

    event_id: str
    exporter: str
    at: datetime  # when it was given up
    error: str  # what the exporter said; empty where a purge took it
    event: str | None  # this and all below is null where the event cannot be read any more
    event_at: datetime | None
    job_id: str | None
    provider: str | None
    model: str | None


def letters_of(path: str, *, exporter: str | None, limit: int) -> tuple[Letter, ...]:
    """Return the newest dead letters of an exporter, or of all; raises `LedgerError`."""
    return tuple(_letter(one) for one in dead_letters(path, exporter=exporter, limit=limit))


def _letter(letter: DeadLetter) -> Letter:
    event = letter.event
    job = None if event is None else event.job
    return Letter(
        event_id=letter.event_id,
        exporter=letter.exporter,
        at=letter.at,
        error=scrub(letter.error),
        event=None if event is None else event.name,
        event_at=None if event is None else event.at,
        job_id=None if job is None else job.job_id,
        provider=None if job is None else job.provider,
        model=None if job is None else job.model,
    )
