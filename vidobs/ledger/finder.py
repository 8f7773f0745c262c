"""Finds the job that an answer belongs to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.ledger import codec
from vidobs.ledger.cache import Entry
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    import apsw

_MATCH_WINDOW_S = 600.0  # how far the provider's clock may be from ours for a create to match


class Stranger(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a job that was seen at the provider and that no row has the id of."""

    provider: str
    prompt_hash: str
    created_at: datetime
    now_ns: int
    seed: int  # random bits
    model: str | None = None


class Finder:
    """Looks jobs up in the file. The caller holds the lock of the connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._sql = queries()

    def by_id(self, job_id: str) -> Entry | None:
        """Return the job with our id."""
        first = codec.seq_of(job_id)
        for row in self._rows("load_near", first, first + codec.PLACES):
            entry = entry_of(row)
            if entry.job.job_id == job_id:
                return entry
        return None

    def by_provider(self, provider: str, provider_job_id: str) -> Entry | None:
        """Return the job with the provider's id."""
        rows = self._rows("load_by_provider", provider, provider_job_id)
        return entry_of(rows[0]) if rows else None

    def unanswered(self, like: Stranger) -> Entry | None:
        """Return the create with an unknown outcome that a job at the provider is most like."""
        rows = self._rows("load_unknown", like.provider, like.prompt_hash)
        near: list[tuple[timedelta, int, Entry]] = []
        for row in rows:
            entry = entry_of(row)
            apart = abs(entry.job.created_at - like.created_at)
            same_model = entry.job.model == like.model or not (entry.job.model and like.model)
            if same_model and apart.total_seconds() < _MATCH_WINDOW_S:
                near.append((apart, entry.seq, entry))
        return min(near)[2] if near else None

    def abandoned(self, process: int, first_seq: int) -> list[Entry]:
        """Return the creates of a process that have no answer yet."""
        return [entry_of(row) for row in self._rows("abandoned", first_seq, process)]

    def _rows(self, query: str, *bindings: str | int) -> Sequence[tuple[Any, ...]]:
        return self._connection.execute(self._sql[query], bindings).fetchall()


def entry_of(row: tuple[Any, ...]) -> Entry:
    """Return the entry of a row of `job`."""
    return Entry(row[0], row[1], codec.load_job(row[2]))
