"""`assert_one_job`: what a test says most often, with a failure that shows what there was."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from vidobs.core.errors import unknown_name
from vidobs.core.events import VideoEvent
from vidobs.core.money import CostStatus, plain
from vidobs.ledger.reader import LedgerReader
from vidobs.testing._isolated import MOST_JOBS, Isolated
from vidobs.testing._tables import event_table, job_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Unpack

    from vidobs.core.calls import Operation
    from vidobs.core.jobs import AssetState, Job, JobState, Reason
    from vidobs.core.money import CostBasis
    from vidobs.testing._events import EventLog

    Source: TypeAlias = "Isolated | LedgerReader | EventLog | Iterable[VideoEvent | Job]"
    Usd: TypeAlias = "Decimal | float | str | None"


class ExpectedJob(TypedDict, total=False):
    """What can be expected of a job; what is left out may be anything, `None` is nothing."""

    state: JobState | str
    reason: Reason | str | None
    model: str | None
    provider: str
    operation: Operation | str
    settled_usd: Usd  # the final figure of a job that is billed; None: nothing is settled
    possible_usd: Usd
    cost_status: CostStatus | str
    cost_basis: CostBasis | str | None
    asset: AssetState | str
    user: str | None
    tags: Mapping[str, str]
    attempts: int
    adopted: bool


_READ: dict[str, Callable[[Job], object]] = {
    "state": lambda job: job.state.value,
    "reason": lambda job: _value(job.reason),
    "model": lambda job: job.model,
    "provider": lambda job: job.provider,
    "operation": lambda job: job.operation.value,
    "settled_usd": lambda job: job.cost.usd if job.cost.status is CostStatus.SETTLED else None,
    "possible_usd": lambda job: job.cost.possible_usd,
    "cost_status": lambda job: job.cost.status.value,
    "cost_basis": lambda job: _value(job.cost.basis),
    "asset": lambda job: job.asset.value,
    "user": lambda job: job.user,
    "tags": lambda job: job.tags,
    "attempts": lambda job: job.attempts,
    "adopted": lambda job: job.adopted,
}
_MONEY = frozenset({"settled_usd", "possible_usd"})


def assert_one_job(source: Source, **expected: Unpack[ExpectedJob]) -> Job:
    """Assert that there was exactly one job, as expected, which ended at most once; return it.

    ```python
    assert_one_job(events, state="completed", settled_usd="0.80", user="ada")
    ```

    Args:
        source: what `isolated` or `capture_events` gave, or jobs or events of any other origin.
        expected: fields of the job, see `ExpectedJob`. Amounts are compared as decimals.

    Raises:
        AssertionError: something differs; the text shows all differences, the jobs and the events.
        TypeError: something is expected that no job has.
    """
    for name in expected:
        if name not in _READ:
            raise TypeError(f"assert_one_job: {unknown_name('field', name, _READ)}")
    jobs, events = _seen(source)
    problems = [f"expected one job, there are {len(jobs)}"] if len(jobs) != 1 else []
    if len(jobs) == 1:
        problems += _differences(jobs[0], expected)
    ends = [event.name.value for event in events if event.name.terminal]
    if len(jobs) == 1 and len(ends) > 1:
        problems.append(f"the job ended {len(ends)} times: {', '.join(ends)}")
    if problems:
        raise AssertionError("\n".join([*problems, "", job_table(jobs), "", event_table(events)]))
    return jobs[0]


def _seen(source: Source) -> tuple[list[Job], list[VideoEvent]]:
    """Return the jobs in a source, and what it has of their events."""
    if isinstance(source, Isolated):
        jobs = source.jobs
        return jobs, [event for job in jobs for event in source.events_of(job)]
    if isinstance(source, LedgerReader):
        jobs = source.jobs(limit=MOST_JOBS)[::-1]
        return jobs, [event for job in jobs for event in source.events(job.job_id)]
    items = list(source)
    events = [item for item in items if isinstance(item, VideoEvent)]
    every = [item.job if isinstance(item, VideoEvent) else item for item in items]
    return list({job.job_id: job for job in every}.values()), events


def _differences(job: Job, expected: ExpectedJob) -> list[str]:
    found = []
    for name, wanted in expected.items():
        got = _READ[name](job)
        want = _usd(wanted) if name in _MONEY else wanted
        if got != want:
            found.append(f"{name}: expected {_shown(want)}, got {_shown(got)}")
    return found


def _usd(amount: object) -> Decimal | None:
    return None if amount is None else Decimal(str(amount))


def _shown(value: object) -> str:
    return f"${plain(value)}" if isinstance(value, Decimal) else repr(_value(value))


def _value(member: object) -> object:
    return getattr(member, "value", member)
