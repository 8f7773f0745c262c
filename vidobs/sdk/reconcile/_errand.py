"""The work at one server: ask about its jobs, share them with other processes, read its list."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from vidobs.core.reconciled import Outcome, Reconciled
from vidobs.sdk.reconcile._matching import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vidobs.ledger.cache import Entry
    from vidobs.ledger.claims import Claim
    from vidobs.sdk.client._server import Server
    from vidobs.sdk.reconcile._books import Books
    from vidobs.sdk.reconcile._listing import Listing
    from vidobs.sdk.reconcile._look import Look, Told
    from vidobs.sdk.reconcile._surplus import Surplus

BATCH = 10  # jobs that are claimed at once
PAUSE_S = 0.2  # while other processes have what is left


class Errand:
    """One server in one reconciliation."""

    def __init__(
        self, server: Server, look: Look, books: Books, *, sleep: Callable[[float], None]
    ) -> None:
        self._server = server
        self._look = look
        self._books = books
        self._sleep = sleep

    def run(self, entries: Sequence[Entry], surplus: Surplus | None) -> Iterator[Reconciled]:
        """Look after the open jobs of the server, and note in `surplus` what else it has.

        Without that its list is only read where it decides something, and no further than needed.
        """
        missing: list[tuple[Entry, Claim]] = []
        for entry, (told, claim) in self._asked([e for e in entries if e.job.provider_job_id]):
            if told.outcome is Outcome.MISSING and claim is not None:
                missing.append((entry, claim))  # what the list shows may decide it
            else:
                self._give_back(entry, claim)
                yield told
        unknown = [entry for entry in entries if not entry.job.provider_job_id]
        listing = self._listing([*unknown, *(entry for entry, _ in missing)], surplus)
        claimed = set()
        for told in self._unknown(unknown, listing):
            claimed.add(told.job.provider_job_id or "")
            yield told
        if listing is not None and surplus is not None:
            surplus.note(self._server, listing, claimed=claimed)
        for entry, claim in missing:
            told, after = self._look.lost(entry, claim)
            self._give_back(entry, after)
            yield told

    def _listing(self, entries: Sequence[Entry], surplus: Surplus | None) -> Listing | None:
        times = [entry.job.created_at for entry in entries]
        if surplus is not None:
            times.append(surplus.since)
        return self._look.listing(min(times) - WINDOW) if times else None

    def _asked(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Told]]:
        """Ask about jobs as they can be claimed; what another process has is waited for."""
        waiting = deque(entries)
        while waiting:
            batch = [waiting.popleft() for _ in range(min(BATCH, len(waiting)))]
            got = self._books.take([entry.job.job_id for entry in batch])
            for entry in batch:
                now = self._books.entry(entry.job.job_id)
                claim = got.get(entry.job.job_id)
                if now is None or now.job.state.terminal:
                    yield entry, (self._look.ended(entry), None)
                elif claim is not None:
                    yield entry, self._look.ask(now, claim)
                else:
                    waiting.append(entry)
            if waiting and not got:
                self._sleep(PAUSE_S)

    def _unknown(self, entries: Sequence[Entry], listing: Listing | None) -> Iterator[Reconciled]:
        """Look for creates in the list; one process at a time, or two would take one video."""
        if not entries:
            return
        lease = f"list:{self._server.base_url}"
        while not (got := self._books.take([lease])):
            self._sleep(PAUSE_S)
        fresh = [self._books.entry(entry.job.job_id) for entry in entries]
        still = [one for one in fresh if one is not None and not one.job.provider_job_id]
        open_ids = {one.job.job_id for one in still if not one.job.state.terminal}
        yield from self._look.unknown([e for e in still if e.job.job_id in open_ids], listing)
        yield from (
            self._look.ended(entry) for entry in entries if entry.job.job_id not in open_ids
        )
        self._books.forget(list(got))

    def _give_back(self, entry: Entry, claim: Claim | None) -> None:
        if claim is None:
            self._books.forget([entry.job.job_id])
        else:
            self._books.remember(entry.job.job_id, claim)
