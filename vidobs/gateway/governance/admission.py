"""Whether a create may leave: limits and budgets, in one step and from memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import Operation
from vidobs.gateway.governance.book import Book, Claim, Passed, Shortfall
from vidobs.gateway.governance.database import StoreError
from vidobs.gateway.governance.figures import busy_of, figures_of, held_nano, made_ms
from vidobs.gateway.governance.holders import nano
from vidobs.gateway.governance.rates import Limit
from vidobs.gateway.governance.refusals import refused_rate, refused_shortfall, refused_unread

if TYPE_CHECKING:
    from datetime import datetime

    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Recorded
    from vidobs.gateway.governance.directory import Directory, Party
    from vidobs.gateway.governance.rates import Counted, Rate, Rates
    from vidobs.gateway.seams import Ask, Permit, Principal

REQUESTS = "requests"
SECONDS = "output-seconds"


class ModelLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody together may ask of one name of `model_list`."""

    rpm_limit: int | None = None
    output_seconds_per_minute: int | None = None
    max_parallel_requests: int | None = None


NO_MODEL_LIMITS = ModelLimits()
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Listener(msgspec.Struct, frozen=True):
    """Who is told of budgets; both return at once."""

    soft: Callable[[Passed], None]
    exceeded: Callable[[Shortfall], None]


class _Permit:
    """See `Permit`."""

    __slots__ = ("_book", "_job_id", "_rates", "_seconds", "headers")

    def __init__(
        self,
        book: Book,
        job_id: str,
        headers: Mapping[str, str],
        *,
        rates: Rates,
        seconds: tuple[Counted, ...],
    ) -> None:
        self._book = book
        self._job_id = job_id
        self._rates = rates
        self._seconds = seconds
        self.headers = headers

    def give_back(self) -> None:
        """Free the quote, the place and the seconds; that it was asked for stays counted."""
        self._book.give_back(self._job_id)
        seconds, self._seconds = self._seconds, ()
        self._rates.give_back(seconds)


class LocalAdmission:
    """See `Admission`. For one process; `listener` is told of budgets outside of all locks."""

    def __init__(
        self,
        directory: Directory,
        book: Book,
        *,
        rates: Rates,
        listener: Listener,
        models: Mapping[str, ModelLimits] | None = None,
        count_polls: bool = False,
    ) -> None:
        self._directory = directory
        self._book = book
        self._rates = rates
        self._listener = listener
        self._models = models or {}
        self._count_polls = count_polls
        self._lock = Lock()  # rates and book are one step

    def request(
        self, principal: Principal, now: datetime, *, operation: Operation
    ) -> Mapping[str, str]:
        """Count a request that makes or fetches a video; asking how a job is doing is free."""
        del now  # the storage has a clock of its own: it may be another machine's
        counted = self._directory.party(principal.owner).by_requests
        if not counted:
            return _NO_HEADERS
        if not (operation.creates_job or operation is Operation.DOWNLOAD or self._count_polls):
            return _NO_HEADERS
        limits = [
            Limit(f"rpm/{holder.whose[0]}/{holder.whose[1]}", holder.requests, 1, holder.name)
            for holder in counted
            if holder.requests is not None
        ]
        rate = self._rates.hit(limits)
        return self._headers(rate, REQUESTS)

    def admit(self, principal: Principal, ask: Ask) -> Permit:
        """Reserve the quote and a place; see `Admission`."""
        party = self._directory.party(principal.owner)
        of_model = self._models.get(ask.model, NO_MODEL_LIMITS)
        requests = _of_model(ask, of_model)
        seconds = _of_seconds(party, ask, of_model)
        claim = Claim(
            job_id=ask.job_id,
            at_ms=made_ms(ask.job_id),
            nano=nano(ask.quote_usd),
            whose=party.whose,
            party=party.holders,
            model=ask.model,
            model_jobs=of_model.max_parallel_requests,
        )
        with self._lock:
            headers = _NO_HEADERS
            counted: tuple[Counted, ...] = ()
            if requests:
                headers = self._headers(self._rates.hit(requests), REQUESTS)
            if seconds:
                headers = {**headers, **self._hit_seconds(seconds, requests)}
                counted = self._rates.counted(seconds)
            outcome = self._reserve(claim)
            if isinstance(outcome, Shortfall):
                self._rates.undo((*requests, *seconds))
        if isinstance(outcome, Shortfall):
            if outcome.standing is not None:
                self._listener.exceeded(outcome)
            raise refused_shortfall(outcome, claim)
        for passed in outcome:
            self._listener.soft(passed)
        return _Permit(self._book, ask.job_id, headers, rates=self._rates, seconds=counted)

    def recorded(self, seen: Recorded) -> None:
        """Follow a job; see `Admission`."""
        job = seen.job
        if not job.state.terminal and self._book.holds(
            job.job_id, held_nano(job), busy_of(job.state)
        ):
            return  # as mostly: it was accepted, at the price that was reserved for it
        figures = figures_of(job)
        if figures is not None:
            with suppress(StoreError):  # then it holds on until the projection finds its end
                self._book.follow(figures)

    def resume(self, jobs: Mapping[str, Job]) -> None:
        """Hold again what unfinished jobs held; see `Admission`."""
        for job in jobs.values():
            figures = figures_of(job)
            if figures is not None and not figures.final:
                self._book.follow(figures)

    def _reserve(self, claim: Claim) -> Shortfall | tuple[Passed, ...]:
        try:
            return self._book.reserve(claim)
        except StoreError as error:
            raise refused_unread() from error

    def _hit_seconds(
        self, seconds: tuple[Limit, ...], requests: tuple[Limit, ...]
    ) -> Mapping[str, str]:
        rate = self._rates.hit(seconds)
        if rate is not None and rate.exceeded:
            self._rates.undo(requests)
        return self._headers(rate, SECONDS)

    @staticmethod
    def _headers(rate: Rate | None, what: str) -> Mapping[str, str]:
        if rate is None:
            return _NO_HEADERS
        if rate.exceeded:
            raise refused_rate(rate, what)
        return rate.headers(what)


def _of_model(ask: Ask, limits: ModelLimits) -> tuple[Limit, ...]:
    """Return the counter of requests for a model."""
    if limits.rpm_limit is None:
        return ()
    return (Limit(f"rpm/model/{ask.model}", limits.rpm_limit, 1, f"model {ask.model}"),)


def _of_seconds(party: Party, ask: Ask, limits: ModelLimits) -> tuple[Limit, ...]:
    """Return the counters of seconds of output that are asked for."""
    of_model = limits.output_seconds_per_minute
    if not party.by_seconds and of_model is None:
        return ()
    cost = 0 if ask.seconds is None else math.ceil(ask.seconds)
    seconds = [
        Limit(f"spm/{holder.whose[0]}/{holder.whose[1]}", holder.seconds, cost, holder.name)
        for holder in party.by_seconds
        if holder.seconds is not None
    ]
    if of_model is not None:
        seconds.append(Limit(f"spm/model/{ask.model}", of_model, cost, f"model {ask.model}"))
    return tuple(seconds)
