"""A job that is looked for by its provider's id, until the ledger can say whether it has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.core.errors import LedgerBusyError

if TYPE_CHECKING:
    from vidobs.core.jobs import Job
    from vidobs.ledger.backlog import Backlog


class SoughtJob:
    """The job of a provider's id: learnt now or later. For one thread at a time.

    It is not there yet while its create waits for a busy ledger.
    """

    __slots__ = ("_backlog", "_found", "_id", "_provider", "foreign")

    def __init__(self, backlog: Backlog, provider: str, provider_job_id: str) -> None:
        self._backlog = backlog
        self._provider = provider
        self._id = provider_job_id
        self._found: Job | None = None
        self.foreign = False  # the ledger has said that it does not know it

    @property
    def job(self) -> Job | None:
        """The job, as soon as this process has seen it; does not wait for the ledger."""
        if self._found is None and not self.foreign:
            self._found = self._backlog.known(self._provider, self._id)
        return self._found

    def look(self) -> Job | None:
        """Ask the ledger, unless it has answered; `None` also while it cannot be asked."""
        if self.job is None and not self.foreign:
            try:
                self._found = self._backlog.find_out(self._provider, self._id)
            except LedgerBusyError:
                return None
            self.foreign = self._found is None
        return self._found
