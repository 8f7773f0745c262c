"""Exporters: how each stands, what it never got, what it refused, what can be sent once more."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import LedgerMissingError
from vidobs.core.objects import LetterObject, letter_object
from vidobs.core.protocols import BreakerState
from vidobs.core.reports import DropReason
from vidobs.dashboard import formats
from vidobs.dashboard.page import BadQueryError, Page, Parameter
from vidobs.ledger.dead_letters import dead_letters
from vidobs.runtime.exporter_objects import ExporterObject, known_names, standings_soon

if TYPE_CHECKING:
    from datetime import datetime

    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.page import Asked

LETTERS = 50
_MOST_ASKED = 10**12
_DAY = timedelta(days=1)
_WORDS = {
    BreakerState.CLOSED: "ok",
    BreakerState.OPEN: "down",
    BreakerState.HALF_OPEN: "trying",
    BreakerState.DISABLED: "off",
}
_WHY_DROPPED: dict[str, str] = {
    DropReason.AGE: "waited longer than outbox_max_days",
    DropReason.BYTES: "more than outbox_max_bytes waited",
    DropReason.DEAD_LETTER: "was refused, and nobody looked after it in time",
}


class Drop(msgspec.Struct, frozen=True):
    """Events that an exporter never gets, and why."""

    reason: str
    events: int
    said: str


class ExporterRow(msgspec.Struct, frozen=True, kw_only=True):
    """An exporter, in figures and in words. The commands do what the buttons do."""

    exporter: ExporterObject
    word: str  # `ok`, `retrying`, `down`, `trying`, `off` or `new`
    said: str  # how it stands, in a sentence
    drops: tuple[Drop, ...]
    replay_command: str
    letters_command: str


class Exporters(msgspec.Struct, frozen=True, kw_only=True):
    """Every exporter that the ledger or the settings name, and the newest dead letters."""

    rows: tuple[ExporterRow, ...]
    waiting: int  # events, at all of them
    complete: bool  # False: more may wait
    dead_letters: int
    dropped: int
    troubled: int  # exporters that are down, tried again, or off
    letters: tuple[LetterObject, ...]
    letters_of: str | None  # only those of this exporter are listed
    notice: str | None  # what was asked for just now
    day_before: str  # a day ago, as a form has it: where a replay begins unless told otherwise


def answer(desk: Desk, asked: Asked) -> Exporters:
    """Look at every exporter."""
    now = desk.now()
    found = standings_soon(desk.ledger, desk.settings, now)
    wanted = asked.one("exporter")
    if wanted is not None and wanted not in known_names(found):
        raise BadQueryError(f"exporter={wanted[:100]!r} is none of the exporters here")
    rows = tuple(_row(one, now) for one in found)
    return Exporters(
        rows=rows,
        waiting=sum(one.waiting for one in found),
        complete=all(one.complete for one in found),
        dead_letters=sum(one.dead_letters for one in found),
        dropped=sum(sum(one.dropped.values()) for one in found),
        troubled=sum(row.word in ("down", "trying", "off", "retrying") for row in rows),
        letters=_letters(desk, wanted),
        letters_of=wanted,
        notice=_notice(asked, found),
        day_before=f"{now - _DAY:%Y-%m-%dT%H:%M}",
    )


def _letters(desk: Desk, wanted: str | None) -> tuple[LetterObject, ...]:
    try:
        found = dead_letters(desk.ledger, exporter=wanted, limit=LETTERS)
    except LedgerMissingError:  # there is none, or it is just being made
        return ()
    return tuple(letter_object(letter) for letter in found)


def _row(one: ExporterObject, now: datetime) -> ExporterRow:
    name = shlex.quote(one.exporter)
    return ExporterRow(
        exporter=one,
        word=_word(one),
        said=_said(one, now),
        drops=tuple(
            Drop(reason, events, _WHY_DROPPED.get(reason, reason))
            for reason, events in one.dropped.items()
        ),
        replay_command=f"vidobs replay --exporter {name} --since 24h",
        letters_command=f"vidobs dead replay --exporter {name}",
    )


def _word(one: ExporterObject) -> str:
    if not one.known:
        return "new"
    if one.state is BreakerState.CLOSED and one.failures:
        return "retrying"
    return _WORDS[one.state]


def _said(one: ExporterObject, now: datetime) -> str:
    if not one.known:
        return "The ledger does not know it yet: it is not durable, or no program has used it."
    if one.disabled is not None:
        name = shlex.quote(one.exporter)
        return f"Switched off: {one.disabled}. Once that is mended: vidobs exporters enable {name}"
    if one.failures:
        return f"Failed {_times(one.failures)} in a row; {_again(one, now)}."
    return _waiting(one) if one.waiting else "Everything that was for it was delivered."


def _waiting(one: ExporterObject) -> str:
    more = "" if one.complete else "At least "
    waits = f"{more}{_events(one.waiting)} {'waits' if one.waiting == 1 else 'wait'}"
    if one.delivered_by is None:
        return f"{waits}, and no process delivers to it now."
    since = "" if one.lag_s is None else f", the oldest for {formats.span(one.lag_s)}"
    return f"{waits}{since}."


def _again(one: ExporterObject, now: datetime) -> str:
    if one.state is BreakerState.HALF_OPEN:
        return "the next batch shows whether it is back"
    if one.retry_at is None or one.retry_at <= now:
        return "it is tried again now"
    return f"it is tried again in {formats.span((one.retry_at - now).total_seconds())}"


def _notice(asked: Asked, found: list[ExporterObject]) -> str | None:
    """Say what was asked for, as the address has it after a replay."""
    to = asked.one("to")
    if to is None or to not in known_names(found):
        return None
    count = asked.number("asked", 0, most=_MOST_ASKED)
    if not count:
        return f"There was nothing to send to {to} once more."
    return f"{_events(count)} will be delivered to {to} once more, beside what waits."


def _events(count: int) -> str:
    return f"{count:,} event{'' if count == 1 else 's'}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


PAGE = Page(
    name="exporters",
    path="/exporters",
    title="Exporters",
    doc="Exporters: what waits, what is down, what was never delivered, and the dead letters",
    template="exporters.html",
    struct=Exporters,
    answer=answer,
    parameters=(
        Parameter(name="exporter", doc="Only the dead letters of this exporter"),
        Parameter(name="to", doc="The exporter of a replay that was just asked for"),
        Parameter(name="asked", doc="How many events that replay asked for"),
    ),
)
