"""What is going on now: jobs that run, jobs that need care, and what filters can be set to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vidobs.core.jobs import JobState
from vidobs.dashboard.index.answers import Alert, Alerts, Choice, Choices, Outcome, Running
from vidobs.dashboard.index.lists import MOST_BEFORE_US, long_ago, row_of
from vidobs.dashboard.index.statements import queries
from vidobs.ledger import codec

if TYPE_CHECKING:
    from datetime import datetime

    import apsw

MOST_COUNTED = 1000  # jobs of a kind; more are "more"


def running(connection: apsw.Connection, limit: int) -> Running:
    """Return the jobs that have not ended."""
    rows = _all(connection, "running", limit)
    ((jobs,),) = _all(connection, "count_running", MOST_COUNTED + 1)
    return Running(
        rows=tuple(row_of(row) for row in rows),
        jobs=min(jobs, MOST_COUNTED),
        more=jobs > MOST_COUNTED,
    )


def alerts(connection: apsw.Connection, now: datetime, limit: int) -> Alerts:
    """Return what needs care at a time."""
    now_us, most = codec.us(now), MOST_COUNTED + 1
    return Alerts(
        stuck=_alert(_all(connection, "stuck", long_ago(now), most), limit),
        expiring=_alert(_all(connection, "expiring", now_us, now_us + MOST_BEFORE_US, most), limit),
        unknown=_alert(_all(connection, "unknown", most), limit),
    )


def choices(connection: apsw.Connection, limit: int) -> Choices:
    """Return what filters can be set to, the most frequent first."""
    states: dict[str, int] = {}
    for outcome, jobs in _sums(connection, "outcome", limit):
        if outcome != Outcome.DELETED:
            state = JobState.FAILED.value if outcome == Outcome.MODERATED else outcome
            states[state] = states.get(state, 0) + jobs
    return Choices(
        states=_choices(states.items()),
        providers=_choices(_sums(connection, "provider", limit)),
        models=_choices(_sums(connection, "model", limit)),
        users=_choices(_all(connection, "choices_shares", "user", limit)),
        tags=_choices(_all(connection, "choices_shares", "tag", limit)),
        reasons=_choices(_all(connection, "choices_reasons")),
        prompts=bool(_all(connection, "any_prompt")[0][0]),
    )


def _alert(rows: list[Any], limit: int) -> Alert:
    places = tuple(place for (place,) in rows)
    return Alert(
        jobs=min(len(places), MOST_COUNTED),
        places=places[:limit],
        more=len(places) > MOST_COUNTED,
    )


def _sums(connection: apsw.Connection, key: str, limit: int) -> list[Any]:
    return connection.execute(queries()["choices_sums"].format(key=key), (limit,)).fetchall()


def _choices(rows: Any) -> tuple[Choice, ...]:  # noqa: ANN401 - rows of a statement
    return tuple(Choice(value, jobs) for value, jobs in rows)


def _all(connection: apsw.Connection, query: str, *bindings: str | int) -> list[Any]:
    return connection.execute(queries()[query], bindings).fetchall()
