"""A limit on what one wrapped client may spend: `wrap(client, max_spend_usd=...)`."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from vidobs.core.calls import Operation
from vidobs.core.errors import SpendLimitError
from vidobs.core.money import ZERO, plain
from vidobs.core.scrub import scrub

if TYPE_CHECKING:
    from decimal import Decimal

    from vidobs.core.jobs import Job


class SpendLimit:
    """Reserves each create's quote and refuses the one that would pass the limit.

    Counts the jobs that this client, its copies included, created in this process. A reservation
    becomes the settled figure, or is given back, when the process sees the job end; what may have
    been spent (an unknown outcome, an undocumented billing rule) stays reserved.
    """

    def __init__(self, usd: Decimal) -> None:
        self.usd = usd
        self._lock = Lock()
        self._held: dict[str, Decimal] = {}  # by jobs that have not ended
        self._used = ZERO  # spent and held

    @property
    def used_usd(self) -> Decimal:
        """What is spent or reserved now."""
        return self._used

    def admit(self, job: Job) -> SpendLimitError | None:
        """Reserve the job's quote; return why not, where that would pass the limit."""
        quote = job.cost.usd
        if quote is None:
            return SpendLimitError(_no_price(job, self.usd))
        with self._lock:
            if self._used + quote > self.usd:
                return SpendLimitError(
                    f"create refused before it was sent: its quote of ${plain(quote)} on top of "
                    f"${plain(self._used)} would pass max_spend_usd={plain(self.usd)}"
                )
            self._held[job.job_id] = quote
            self._used += quote
        return None

    def note(self, job: Job) -> None:
        """Replace the reservation of a job that ended by what it cost, as far as that is known."""
        cost = job.cost
        if job.state.terminal and cost.usd is not None:
            self._replace(job.job_id, max(cost.usd, cost.possible_usd or ZERO))

    def give_back(self, job_id: str) -> None:
        """Forget a reservation: there is no such job."""
        self._replace(job_id, ZERO)

    def _replace(self, job_id: str, usd: Decimal) -> None:
        with self._lock:
            held = self._held.pop(job_id, None)
            if held is not None:
                self._used += usd - held


def _no_price(job: Job, limit: Decimal) -> str:
    request = job.request
    if job.operation is Operation.CREATE:
        asked = f"seconds={request.seconds}, size={scrub(request.size or 'None', 100)}"
        hint = "add a price row (docs/prices.md) or pass seconds= and size="
    else:
        asked = f"{job.operation} of {scrub(job.parent_id or 'an upload', 100)}"
        hint = "the source must be a video that this ledger knows, of a model with a price row"
    return (
        f"create refused before it was sent: there is no price for model "
        f"{scrub(job.model or 'None', 100)!r} of {job.provider!r} ({asked}), and "
        f"max_spend_usd={plain(limit)} cannot be kept without one; {hint}"
    )
