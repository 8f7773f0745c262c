"""Which events an exporter wants. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.events import EventName

if TYPE_CHECKING:
    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job

_SHARE = 8  # bytes of a hash, read as a number between 0 and 1


class Patterns(msgspec.Struct, frozen=True):
    """Texts that fit: one of `wanted`, or any if there is none, and none of `unwanted`."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    def fit(self, text: str | None) -> bool:
        """Tell whether a text fits; one that is not known fits where nothing is wanted by name."""
        if text is None:
            return not self.wanted
        if any(fnmatchcase(text, pattern) for pattern in self.unwanted):
            return False
        return not self.wanted or any(fnmatchcase(text, pattern) for pattern in self.wanted)


ANYTHING = Patterns()


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What events must be like; by default anything."""

    events: frozenset[EventName] = frozenset(EventName)
    providers: Patterns = ANYTHING
    models: Patterns = ANYTHING
    tags: Mapping[str, Patterns] = {}  # every tag that is named must fit
    min_cost_usd: Decimal | None = None
    sample: float = 1.0  # the share of jobs

    def wants(self, event: VideoEvent) -> bool:
        """Tell whether an event is wanted."""
        job = event.job
        return (
            event.name in self.events
            and self.providers.fit(job.provider)
            and self.models.fit(job.model or job.served_model)
            and all(fit.fit(job.tags.get(tag)) for tag, fit in self.tags.items())
            and costs_at_least(job, self.min_cost_usd)
            and share_of(job.job_id) < self.sample
        )


def costs_at_least(job: Job, usd: Decimal | None) -> bool:
    """Tell whether a job costs so much, or may have; a cost that is not known is never too low."""
    if usd is None:
        return True
    known = [amount for amount in (job.cost.usd, job.cost.possible_usd) if amount is not None]
    return not known or max(known) >= usd


def share_of(job_id: str) -> float:
    """Return the place of a job between 0 and 1, below 1: the same in every process.

    >>> share_of("job_1") == share_of("job_1") < 1
    True
    """
    digest = sha256(job_id.encode()).digest()[:_SHARE]
    return (int.from_bytes(digest) >> 11) / (1 << 53)  # what a float holds exactly
