"""What budgets need of a job's document; what many jobs have alike is read once for all of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from vidobs.core.calls import Attribution, Operation
from vidobs.core.jobs import JobState
from vidobs.core.money import CostStatus
from vidobs.gateway.governance.figures import Figures, figures_of, made_ms

if TYPE_CHECKING:
    from collections.abc import Mapping

_NONE = b"{}"
_ANY_ID = "job_00000000000070008000000000000000"


class Bill(msgspec.Struct, frozen=True, gc=False):
    """The figures of a `Cost`, without its lines."""

    status: CostStatus = CostStatus.UNKNOWN
    usd: Decimal | None = None
    possible_usd: Decimal | None = None
    quoted_usd: Decimal | None = None


class Length(msgspec.Struct, frozen=True, gc=False):
    """How much video a `VideoRequest` asks for."""

    seconds: Decimal | None = None
    n: int = 1


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a `Job` that `figures_of` reads, under the same names."""

    job_id: str
    provider: str
    operation: Operation
    state: JobState
    model: str | None
    finished_at: datetime | None = None
    request: Length
    cost: Bill
    attribution: Attribution


class Whose(msgspec.Struct, frozen=True, gc=False):
    """An `Attribution`, whose tags are not read yet."""

    tags: msgspec.Raw = msgspec.Raw(_NONE)


class Document(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stored `Job`, whose parts are not read yet."""

    job_id: str
    provider: str
    operation: Operation = Operation.CREATE
    state: JobState = JobState.SUBMITTING
    model: str | None = None
    finished_at: datetime | None = None
    request: msgspec.Raw = msgspec.Raw(_NONE)
    cost: msgspec.Raw = msgspec.Raw(_NONE)
    attribution: Whose = Whose()

    @property
    def untagged(self) -> bool:
        """Whether nobody pays for it, or nobody any more."""
        return bytes(self.attribution.tags) == _NONE

    def tagged(self, tags: Mapping[str, str]) -> Document:
        """Return the job with other tags."""
        return replace(self, attribution=Whose(msgspec.Raw(msgspec.json.encode(tags))))

    def figures(self) -> Figures | None:
        """Return what the job means for budgets; see `figures_of`."""
        like = _figures_like(
            (self.provider, self.operation, self.state, self.model),
            (bytes(self.request), bytes(self.cost), bytes(self.attribution.tags)),
        )
        if like is None:
            return None
        job_id = self.job_id
        return replace(like, job_id=job_id, at_ms=made_ms(job_id), finished_at=self.finished_at)


_documents = msgspec.json.Decoder(list[Document])
_requests = msgspec.json.Decoder(Length)
_costs = msgspec.json.Decoder(Bill)
_tags = msgspec.json.Decoder(dict[str, str])


def documents_in(array: bytes | str) -> list[Document]:
    """Return the documents of an array in JSON."""
    return _documents.decode(array)


@lru_cache(maxsize=1024)  # most jobs are what others are, and cost what others cost
def _figures_like(
    members: tuple[str, Operation, JobState, str | None], parts: tuple[bytes, bytes, bytes]
) -> Figures | None:
    """Return the figures of any job that is like this."""
    provider, operation, state, model = members
    request, cost, tags = parts
    return figures_of(
        Facts(
            job_id=_ANY_ID,
            provider=provider,
            operation=operation,
            state=state,
            model=model,
            request=_requests.decode(request),
            cost=_costs.decode(cost),
            attribution=Attribution(tags=_tags.decode(tags)),
        )
    )
