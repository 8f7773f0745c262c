"""Lists of jobs: one page at a time by their places, whatever they are narrowed to.

The filter that fits the fewest jobs as a rule leads, through its index; the others look at what it
gives. So that a filter which fits hardly anything cannot take long, no more than `WINDOW` jobs are
looked at for a page, and the page says where the look ended.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.jobs import JobState
from vidobs.dashboard.index.answers import Flag, JobPage, JobRow
from vidobs.dashboard.index.facts import Bit
from vidobs.dashboard.index.statements import queries
from vidobs.ledger import codec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import apsw

    from vidobs.dashboard.index.answers import JobFilter

WINDOW = 30_000
TEXT_WINDOW = 10_000  # where words of prompts lead
DAY_S = 86_400
MOST_BEFORE_US = 6 * 3_600_000_000  # before its end, that a video is called expiring
_TOP = 2**63 - 1
_PREFIX = 3  # letters, of a word that may go on: as many as the index of prompts is made for
_WORD = re.compile(r"[^\W_]+")
_EXPIRING = "flags & 8 AND expires_us > ? AND expires_us <= ? AND (flags & 4 OR expiring_us <= ?)"


class _Lead(msgspec.Struct, frozen=True):
    """Where the jobs come from: a query, and one binding for each of its runs."""

    query: str
    runs: tuple[tuple[str | int, ...], ...]
    column: str = ""

    @property
    def window(self) -> int:
        """How many jobs are looked at."""
        return TEXT_WINDOW if self.query == "from_text" else WINDOW


class _Rest(msgspec.Struct, frozen=True):
    """What else must be true of them."""

    where: tuple[str, ...] = ()
    bindings: tuple[str | int, ...] = ()

    def plus(self, where: str, *bindings: str | int) -> _Rest:
        """Return this and one more."""
        return _Rest((*self.where, where), (*self.bindings, *bindings))


class _Bounds(msgspec.Struct, frozen=True):
    """Between which places, both outside, and in which direction."""

    above: int
    below: int
    order: str
    limit: int


def page(
    connection: apsw.Connection,
    wanted: JobFilter,
    *,
    now: datetime,
    before: int | None,
    after: int | None,
    limit: int,
) -> JobPage:
    """Return the jobs older than `before`, or else newer than `after`, the newest first."""
    upwards = before is None and after is not None
    bounds = _bounds(wanted, before, after, "ASC" if upwards else "DESC", limit + 1)
    lead, rest = _plan(wanted, now)
    rows, end = _look(connection, lead, rest, bounds)
    more = len(rows) > limit
    shown = sorted((row_of(row) for row in rows[:limit]), key=lambda row: -row.place)
    if upwards:
        return _newer(shown, bounds, end, more=more)
    first = before is None
    newer = None if first else (shown[0].place if shown else (before or _TOP) - 1)
    older = shown[-1].place if more else end
    back_to = codec.created_at(end) if end is not None and not more else None
    return JobPage(
        rows=tuple(shown), newer=newer, older=older, complete=back_to is None,
        looked_back_to=back_to,
    )  # fmt: skip


def _newer(shown: list[JobRow], bounds: _Bounds, end: int | None, *, more: bool) -> JobPage:
    newest = shown[0].place if more else end
    oldest = shown[-1].place if shown else bounds.above + 1
    return JobPage(rows=tuple(shown), newer=newest, older=oldest, complete=more or end is None)


def row_of(row: tuple[Any, ...]) -> JobRow:
    """Return a line of a list."""
    seq, state, provider, model, usd = row
    return JobRow(
        place=seq,
        state=JobState(state),
        provider=provider,
        model=model,
        created_at=codec.created_at(seq),
        usd=None if usd is None else codec.dollars(usd),
    )


def _bounds(
    wanted: JobFilter, before: int | None, after: int | None, order: str, limit: int
) -> _Bounds:
    above = -1 if wanted.since is None else codec.seq_at(max(wanted.since, codec.EPOCH)) - 1
    below = _TOP if wanted.until is None else codec.seq_at(max(wanted.until, codec.EPOCH))
    if before is not None:
        below = min(below, before)
    elif after is not None:
        above = max(above, after)
    return _Bounds(above, below, order, limit)


# -- which filter leads ----------------------------------------------------------------------------


def _plan(wanted: JobFilter, now: datetime) -> tuple[_Lead, _Rest]:
    """Return the filter that leads, and what the others say. The order is that of their rarity."""
    leads: list[tuple[_Lead, _Rest]] = [*_texts(wanted), *_flags(wanted, now), *_columns(wanted)]
    rest = _Rest()
    for _, condition in leads[1:]:
        rest = rest.plus(condition.where[0], *condition.bindings)
    if wanted.moderated is not None:
        rest = rest.plus(queries()["moderated" if wanted.moderated else "not_moderated"])
    if wanted.min_usd is not None:
        rest = rest.plus(queries()["min_usd"], codec.nano(wanted.min_usd) or 0)
    return (leads[0][0] if leads else _Lead("from_all", ((),))), rest


def _texts(wanted: JobFilter) -> Iterable[tuple[_Lead, _Rest]]:
    if wanted.text is not None and (match := _match(wanted.text)):
        yield _Lead("from_text", ((match,),)), _Rest()  # it always leads
    if wanted.tags:
        tags = tuple(f"{name}={value}" for name, value in wanted.tags)
        runs = tuple((tag,) for tag in tags)
        yield _Lead("from_tag", runs), _Rest((queries()["in_tags"],), (_json(tags),))


def _flags(wanted: JobFilter, now: datetime) -> Iterable[tuple[_Lead, _Rest]]:
    """Yield one condition for each flag: of several all must be set."""
    now_us = codec.us(now)
    for flag in wanted.flags:
        if flag is Flag.EXPIRING:
            times = now_us, now_us + MOST_BEFORE_US, now_us
            yield _Lead("from_expiring", (times,)), _Rest((_EXPIRING,), times)
        elif flag is Flag.STUCK:
            where = f"(flags & 2 OR seq < {long_ago(now)})"
            running = f"flags & {int(Bit.RUNNING)}"
            both = f"{running} AND {where}"
            yield _Lead("from_flag", ((),), both), _Rest((both,))
        elif flag is Flag.UNKNOWN:
            state = JobState.UNKNOWN.value
            yield _Lead("from_column", ((state,),), "state"), _Rest(("state = ?",), (state,))
        else:
            where = f"flags & {int(Bit[flag.name])}"
            yield _Lead("from_flag", ((),), where), _Rest((where,))


def _columns(wanted: JobFilter) -> Iterable[tuple[_Lead, _Rest]]:
    for column, values in (
        ("failure", wanted.failures),
        ("user", wanted.users),
        ("reason", wanted.reasons),
        ("state", wanted.states),
        ("model", wanted.models),
        ("provider", wanted.providers),
    ):
        if values:
            runs = tuple((str(value),) for value in values)
            where = queries()["in_column"].format(column=column)
            yield _Lead("from_column", runs, column), _Rest((where,), (_json(values),))


def long_ago(now: datetime) -> int:
    """Return the place before which a job that has not ended hangs for sure."""
    return codec.seq_at(max(now, codec.EPOCH)) - (DAY_S * 1000 << codec.SEQ_RANDOM_BITS)


def _match(text: str) -> str:
    """Return words as a question to the index of prompts; the last one may go on."""
    words = _WORD.findall(text)[:16]
    if not words:
        return ""
    unfinished = "*" if len(words[-1]) >= _PREFIX else ""
    return " AND ".join(f'"{word}"' for word in words) + unfinished


# -- looking ---------------------------------------------------------------------------------------


def _look(
    connection: apsw.Connection, lead: _Lead, rest: _Rest, bounds: _Bounds
) -> tuple[list[tuple[Any, ...]], int | None]:
    """Return the next rows in order, one more than a page has; and where the look ended early."""
    source = queries()[lead.query].format(column=lead.column, flag=lead.column, order=bounds.order)
    where = " AND ".join(rest.where) or "TRUE"
    query = queries()["look"].format(**{"from": source, "where": where})
    found: dict[int, tuple[Any, ...]] = {}
    ends: list[int] = []
    for run in lead.runs:
        given = (*run, bounds.above, bounds.below, lead.window)
        rows: list[Any] = connection.execute(
            query, (*given, *rest.bindings, bounds.limit)
        ).fetchall()
        found |= {row[0]: row for row in rows}
        if len(rows) < bounds.limit and rest.where:
            ends += _ends(connection, source, given, lead.window)
    downwards = bounds.order == "DESC"
    ordered = sorted(found.values(), key=lambda row: row[0], reverse=downwards)
    if not ends:
        return ordered[: bounds.limit], None
    end = max(ends) if downwards else min(ends)
    seen = [row for row in ordered if (row[0] >= end if downwards else row[0] <= end)]
    return seen[: bounds.limit], end


def _ends(
    connection: apsw.Connection, source: str, given: tuple[str | int, ...], window: int
) -> list[int]:
    """Return the last place of a full window, nothing of one that was not full."""
    query = queries()["last_of"].format(**{"from": source})
    rows: list[Any] = connection.execute(query, (*given, window - 1)).fetchall()
    return [seq for (seq,) in rows]


def _json(values: Iterable[object]) -> str:
    return msgspec.json.encode([str(value) for value in values]).decode()
