"""One look at one server: how its jobs are doing, and which of them it does not know.

The rule for lost jobs. A job that its server does not know (404, 410) is `failed`, reason `lost`,
when the server has said so twice, ten minutes apart or more; a create of unknown outcome when a
list that goes back beyond it does not show it, ten minutes after it was sent or later. Either only
when the same key has shown another job of the ledger in this look: else it may be the key of
another account, in which these jobs never were.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from vidobs.core.api_errors import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
)
from vidobs.core.reconciled import Outcome, Reconciled
from vidobs.ledger import codec
from vidobs.ledger.claims import Claim
from vidobs.sdk.reconcile._listing import Listing, has_list, read_list
from vidobs.sdk.reconcile._matching import WINDOW, match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from vidobs.core.jobs import Job
    from vidobs.ledger.cache import Entry
    from vidobs.sdk.asking._asker import Asker
    from vidobs.sdk.reconcile._books import Books

    Told: TypeAlias = tuple[Reconciled, Claim | None]  # None: there is nothing left to do

LOST_AFTER = timedelta(minutes=10)
FIRST_POLL_S = 2.0
MOST_POLL_S = 30.0
_REFUSED = (AuthenticationError, PermissionDeniedError)
_DOWN = (APIConnectionError, RateLimitError, ServiceUnavailableError)


class Look:
    """Looks after the jobs of one server. What it met once of refusals it does not try again."""

    def __init__(self, asker: Asker, books: Books, *, pace: Callable[[], None]) -> None:
        self._asker = asker
        self._books = books
        self._pace = pace
        self._down: tuple[Outcome, str, str | None] | None = None
        self._trusted = False  # the key has shown a job of the ledger
        self.server = asker.server.base_url
        self._respect()

    def ask(self, entry: Entry, claim: Claim) -> Told:
        """Ask how one job is doing; what the answer says is recorded on its way."""
        if self._down is not None:
            return self._told(entry, self._down), claim
        self._pace()
        try:
            told = self._asker.retrieve(entry.job.provider_job_id or "")
        except NotFoundError as error:
            return self._missing(entry, claim, error)
        except APIError as error:
            return self._told(entry, self._met(error)), self._later(claim, error.retry_after_s)
        self._trusted = True
        job = self._now(entry)
        if job.state.terminal:
            return self._told(entry, (Outcome.SETTLED, None, None), job), None
        return self._told(entry, (Outcome.RUNNING, None, None), job), self._later(
            claim, told.after_s
        )

    def ended(self, entry: Entry) -> Reconciled:
        """Return what became of a job that somebody else has looked after meanwhile."""
        job = self._now(entry)
        outcome = Outcome.SETTLED if job.state.terminal else Outcome.RUNNING
        return self._told(entry, (outcome, None, None), job)

    def listing(self, since: datetime) -> Listing | None:
        """Return the server's list of a period; `None` where there is none to be had."""
        if self._down is not None or not has_list(self._asker):
            return None
        try:
            found = read_list(self._asker, self._books, since, pace=self._pace)
        except APIError as error:
            self._met(error)
            return None
        self._trusted = self._trusted or bool(found.known)
        return found

    def unknown(self, entries: Sequence[Entry], listing: Listing | None) -> Iterator[Reconciled]:
        """Look for creates of unknown outcome in the server's list."""
        if self._down is not None or listing is None:
            why = "its server has no list to look for it in"
            down = self._down or (Outcome.UNKNOWN, why, "look for it at the provider")
            yield from (self._told(entry, down) for entry in entries)
            return
        found = match(entries, listing.strangers)
        pairs = {entry.job.job_id: video for entry, video in found.pairs}
        for entry in entries:
            video = pairs.get(entry.job.job_id)
            if video is not None:
                yield self._claimed(entry, video.id)
            elif entry.job.job_id in found.undecided:
                why = "several videos of its server may come from it"
                yield self._told(entry, (Outcome.UNKNOWN, why, "retrieve the right one by its id"))
            else:
                yield self._not_listed(entry, listing)

    def lost(self, entry: Entry, claim: Claim) -> Told:
        """Give a job up that the server does not know, if the rule says so."""
        since = codec.moment(claim.missing_us)
        why = "its server does not know it (any more)"
        if not self._trusted:
            fix = "is the key that of the account which made it? it has shown no job of the ledger"
            return self._told(entry, (Outcome.MISSING, why, fix)), claim
        if self._books.now - since < LOST_AFTER:
            fix = f"asked again from {since + LOST_AFTER:%H:%M:%S} UTC on, it is lost"
            return self._told(entry, (Outcome.MISSING, why, fix)), claim
        fresh = self._books.entry(entry.job.job_id) or entry  # the asking itself was written
        return self._given_up(fresh, "the provider does not know it"), None

    # -- inside ------------------------------------------------------------------------------------

    def _claimed(self, entry: Entry, video_id: str) -> Reconciled:
        """Give a create its video, and ask how that is doing."""
        if self._books.claim(entry, video_id) is None:
            return self._told(entry, (Outcome.UNKNOWN, "another process is at it", None))
        claimed = self._books.entry(entry.job.job_id)
        if claimed is None or claimed.job.provider_job_id is None:
            return self._told(entry, (Outcome.UNKNOWN, "the ledger is busy", "try again"))
        told, _ = self.ask(claimed, Claim())
        return msgspec.structs.replace(told, before=entry.job.state)

    def _not_listed(self, entry: Entry, listing: Listing) -> Reconciled:
        sent = entry.job.created_at
        why = "its server lists no video that may come from it"
        if listing.complete_from > sent - WINDOW:
            why = "its server's list does not go back so far"
            return self._told(entry, (Outcome.UNKNOWN, why, "look for it at the provider"))
        if not self._trusted:
            fix = "is the key that of the account which made it? it has shown no job of the ledger"
            return self._told(entry, (Outcome.UNKNOWN, why, fix))
        if self._books.now - sent < LOST_AFTER:
            fix = f"when that is so after {sent + LOST_AFTER:%H:%M:%S} UTC, it was not accepted"
            return self._told(entry, (Outcome.UNKNOWN, why, fix))
        return self._given_up(entry, "the provider lists no video that may come from it")

    def _given_up(self, entry: Entry, why: str) -> Reconciled:
        lost = self._books.lose(entry, why)
        if lost is None:  # it has changed since: look again next time
            return self._told(entry, (Outcome.RUNNING, None, None), self._now(entry))
        return self._told(entry, (Outcome.SETTLED, f"lost: {why}", None), lost)

    def _missing(self, entry: Entry, claim: Claim, error: APIError) -> Told:
        now_us = codec.us(self._books.now)
        after = msgspec.structs.replace(
            claim,
            missing_us=claim.missing_us or now_us,
            retry_us=now_us + LOST_AFTER // codec.MICROSECOND,
        )
        return self._told(entry, (Outcome.MISSING, str(error), None)), after

    def _met(self, error: APIError) -> tuple[Outcome, str, str | None]:
        """Return what an error says of a job; some say the same of all jobs of the server."""
        if isinstance(error, _REFUSED):
            fix = f"set {self._asker.server.variant.key_env[0]} to the key of the right account"
            self._down = (Outcome.SKIPPED, str(error), fix)
            return self._down
        said = (Outcome.UNREACHABLE, str(error), None)
        if isinstance(error, _DOWN):
            self._down = said
            if error.retry_after_s:
                self._books.leave_alone(self.server, error.retry_after_s)
        return said

    def _respect(self) -> None:
        """Leave a server alone that has told some process to come back later."""
        until = self._books.left_alone_until(self.server)
        if until is not None:
            why = f"its server wants to be left alone until {until:%H:%M:%S} UTC"
            self._down = (Outcome.UNREACHABLE, why, None)

    def _later(self, claim: Claim, asked_s: float | None) -> Claim:
        """Return a claim that is not to be asked about before the server wants it."""
        usual_s = min(FIRST_POLL_S * 1.5 ** min(claim.tries, 10), MOST_POLL_S)
        wait_s = usual_s if asked_s is None else asked_s
        retry_us = codec.us(self._books.now) + int(wait_s * 1e6)
        return msgspec.structs.replace(claim, tries=claim.tries + 1, retry_us=retry_us)

    def _now(self, entry: Entry) -> Job:
        """Return a job as it stands now; two rows of one job may have become one."""
        found = self._books.entry(entry.job.job_id)
        if found is not None:
            return found.job
        known = self._books.known([entry.job.provider_job_id or ""])
        return known[0] if known else entry.job

    def _told(
        self, entry: Entry, said: tuple[Outcome, str | None, str | None], job: Job | None = None
    ) -> Reconciled:
        outcome, why, fix = said
        return Reconciled(
            job=job or entry.job,
            before=entry.job.state,
            outcome=outcome,
            server=self.server,
            why=why,
            fix=fix,
        )
