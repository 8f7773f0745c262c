"""What to do about events that an exporter did not take. Pure."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 64  # events that an exporter takes at once, unless it says otherwise
MOST = 128  # that any takes, and that are read at once; more hold the interpreter for too long
STRIKES = 8  # unexpected failures until a batch is suspected of holding a poison event
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
SHORTEST_WAIT_S = 0.05
DEEPEST_CAUSE = 10  # links of a chain of exceptions that are looked at
LONGEST_RETRY_AFTER_S = 86_400.0  # what a receiver may ask for


class Verdict(Enum):
    """What happens to a batch that was not taken."""

    WAIT = auto()  # the same again, later
    SPLIT = auto()  # the first half of it, at once: one event of it may be at fault
    SPLIT_LATER = auto()  # the same after a wait, since the receiver may be at fault after all
    BURY = auto()  # its only event is at fault


class Fault(Enum):
    """What a failure says about receiver and events."""

    OUTAGE = auto()  # the receiver cannot be had right now
    REFUSAL = auto()  # the receiver does not want these events, now or later
    UNEXPECTED = auto()  # either; the exporter cannot tell, or raised what it never meant to


class Plan(msgspec.Struct, frozen=True):
    """How the next events are tried, in view of what became of those before."""

    strikes: int = 0  # unexpected failures since the last batch that was whole
    alone: int = 0  # unexpected failures of one event tried by itself
    size: int = MOST  # rows tried at once
    suspects_to: int = 0  # the place of the last row that may be a poison event
    refused: int = 0  # the smallest batch that was split, and no single event is to blame for it
    ceiling: int = MOST  # rows that are ever tried at once, for a receiver that wants fewer

    def moved(self, place: int) -> Plan:
        """Go on after the rows up to a place: carefully until the suspects are behind it."""
        if place >= self.suspects_to:
            room = self.refused // 2 if self.refused else min(MOST, self.ceiling + 1)
            return Plan(size=room, ceiling=room)
        room = self.refused // 2 if self.refused else self.ceiling
        return msgspec.structs.replace(self, alone=0, size=min(room, self.size * 2))

    def blamed(self) -> Plan:
        """Go on after one event was found to be at fault: the size of the batches was not."""
        return msgspec.structs.replace(self, refused=0)

    def failed(self, error: BaseException, places: Sequence[int]) -> tuple[Plan, Verdict]:
        """Decide what to do after the rows at `places` were not taken.

        An outage is waited for, however long it takes. A refusal is pinned on one event by halving
        the batch. Anything else may be either: it is taken for an outage `STRIKES` times, then
        pinned down too, and a single event gets as many tries of its own before it is buried.
        """
        fault, single = fault_of(error), len(places) == 1
        if fault is Fault.REFUSAL:
            return (self, Verdict.BURY) if single else (halved(self, places), Verdict.SPLIT)
        if fault is Fault.OUTAGE:
            return self, Verdict.WAIT
        plan = msgspec.structs.replace(
            self,
            strikes=self.strikes + 1,
            alone=self.alone + 1 if single else 0,
            suspects_to=max(self.suspects_to, places[-1]),
        )
        if (plan.alone if single else plan.strikes) < STRIKES:
            return plan, Verdict.WAIT
        return (plan, Verdict.BURY) if single else (halved(plan, places), Verdict.SPLIT_LATER)


FRESH = Plan()


def halved(plan: Plan, places: Sequence[int]) -> Plan:
    """Suspect the rows at `places`, and try the first half of them."""
    return msgspec.structs.replace(
        plan,
        size=len(places) // 2,
        suspects_to=max(plan.suspects_to, places[-1]),
        refused=len(places),
    )


_FAULT_OF = {True: Fault.OUTAGE, False: Fault.REFUSAL, None: Fault.UNEXPECTED}


def fault_of(error: BaseException) -> Fault:
    """Tell what a failure means; an `OSError` at its root is a network or a disk that fails."""
    if isinstance(error, ExportError):
        return _FAULT_OF[error.retryable]
    cause: BaseException | None = error
    for _ in range(DEEPEST_CAUSE):
        if cause is None:
            break
        if isinstance(cause, OSError):
            return Fault.OUTAGE
        cause = cause.__cause__ or cause.__context__
    return Fault.UNEXPECTED


def wait_s(failures: int, error: BaseException, chance: float) -> float:
    """Return how long to wait after so many failures in a row.

    Exponential back-off with full jitter, `chance` being between 0 and 1, and never less than the
    receiver asked for.
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures - 1, 16))
    backoff = max(SHORTEST_WAIT_S, chance * longest)
    asked = error.retry_after_s if isinstance(error, ExportError) else None
    if asked is None or not asked > backoff:  # written so that nan counts as nothing asked
        return backoff
    return min(asked, LONGEST_RETRY_AFTER_S)
