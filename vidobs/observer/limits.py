"""A limit on what one wrapped client may spend: `wrap(client, max_spend_usd=...)`."""

from __future__ import annotations

from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING

from vidobs.core.errors import SpendLimitError
from vidobs.core.money import ZERO, plain

if TYPE_CHECKING:
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
        self._held: dict[str, Decimal] = {}

    @property
    def used_usd(self) -> Decimal:
        """What is spent or reserved now."""
        with self._lock:
            return sum(self._held.values(), ZERO)

    def admit(self, job: Job) -> None:
        """Reserve the job's quote, or raise `SpendLimitError`."""
        quote = job.cost.usd
        if quote is None:
            msg = (
                f"create refused before it was sent: there is no price for model {job.model!r} of "
                f"{job.provider!r} ({_asked(job)}), and max_spend_usd={plain(self.usd)} cannot be "
                "kept without one; add a price row (docs/prices.md) or pass seconds= and size="
            )
            raise SpendLimitError(msg)
        with self._lock:
            used = sum(self._held.values(), ZERO)
            if used + quote > self.usd:
                msg = (
                    f"create refused before it was sent: its quote of ${plain(quote)} on top of "
                    f"${plain(used)} would pass max_spend_usd={plain(self.usd)}"
                )
                raise SpendLimitError(msg)
            self._held[job.job_id] = quote

    def note(self, job: Job) -> None:
        """Replace the reservation of a job by what is known of its cost now."""
        if job.job_id not in self._held:
            return
        with self._lock:
            if job.state.terminal and job.cost.usd is not None:
                self._held[job.job_id] = max(job.cost.usd, job.cost.possible_usd or ZERO)


def _asked(job: Job) -> str:
    request = job.request
    return f"seconds={request.seconds}, size={request.size}"
