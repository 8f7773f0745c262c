"""What the backlog asks of a ledger, be it the one in the file or the one that stands in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Observed, Recorded
    from vidobs.ledger.finder import Stranger


class Store(Protocol):
    """A ledger as the backlog uses it; `SqliteLedger` says what each method does."""

    def intend(self, job: Job) -> None: ...  # noqa: D102
    def record(self, seen: Observed) -> Recorded | None: ...  # noqa: D102
    def write_together(self, writes: Sequence[Job | Observed]) -> list[Recorded | None]: ...  # noqa: D102
    def find(self, provider: str, provider_job_id: str) -> Job | None: ...  # noqa: D102
    def known(self, provider: str, provider_job_id: str) -> Job | None: ...  # noqa: D102
    def unanswered(self, like: Stranger) -> Job | None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102
    def abandon(self) -> None: ...  # noqa: D102
