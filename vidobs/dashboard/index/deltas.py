"""What a job's change does to the sums: its new contribution, less the old one. Pure and exact."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from vidobs.dashboard.index.answers import Outcome, PhaseName
from vidobs.dashboard.index.periods import HOUR_US, Grain, day_of, month_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    from vidobs.dashboard.index.facts import Entry, Facts
    from vidobs.dashboard.index.fingerprints import Failing

    SumKey: TypeAlias = tuple[int, int, str, str, str]  # grain, start, provider, model, outcome
    ShareKey: TypeAlias = tuple[str, int, int, str]  # kind, grain, start, key
    PhaseKey: TypeAlias = tuple[int, int, str, str, int]  # grain, start, model, phase, bucket
    FailedKey: TypeAlias = tuple[int, int, str]  # grain, start, fingerprint

# Places in a sum; the first ones behind `JOBS` are those of a share too.
JOBS, SETTLED, USD, POSSIBLE, UNPRICED, VIDEO, ASKED, COMPARED, QUOTED, BILLED, PRICED = range(11)
_SUM = 11
_NO_TAG = ("",)


class Deltas:
    """What some changes do to the sums, by hour or day; `rolled` adds the longer parts."""

    def __init__(self) -> None:
        self.sums: defaultdict[SumKey, list[int]] = defaultdict(lambda: [0] * _SUM)
        self.shares: defaultdict[ShareKey, list[int]] = defaultdict(lambda: [0] * (ASKED - SETTLED))
        self.phases: defaultdict[PhaseKey, list[int]] = defaultdict(lambda: [0])
        self.failed: defaultdict[FailedKey, list[int]] = defaultdict(lambda: [0, 0, 0])
        self.groups: defaultdict[Failing, int] = defaultdict(int)

    def change(self, old: Facts | None, new: Facts | None) -> None:
        """Take an old contribution out, and put a new one in."""
        if old == new:
            return
        if old is not None:
            self._add(old, -1)
        if new is not None:
            self._add(new, 1)

    def roll(self) -> None:
        """Add to days and months what was added to hours, and to months what was added to days."""
        hours = {*(key[1] for key in self.sums), *(key[1] for key in self.failed)}
        days = {hour: day_of(hour) for hour in hours}
        started = {*days.values(), *(k[2] for k in self.shares), *(k[1] for k in self.phases)}
        months = {day: month_of(day) for day in started}
        for (_, hour, provider, model, outcome), values in list(self.sums.items()):
            day = days[hour]
            _plus(self.sums[Grain.DAY, day, provider, model, outcome], values)
            _plus(self.sums[Grain.MONTH, months[day], provider, model, outcome], values)
        for (kind, _, day, key), values in list(self.shares.items()):
            _plus(self.shares[kind, Grain.MONTH, months[day], key], values)
        for (_, day, model, phase, bucket), values in list(self.phases.items()):
            _plus(self.phases[Grain.MONTH, months[day], model, phase, bucket], values)
        for (_, hour, fingerprint), values in list(self.failed.items()):
            day = days[hour]
            _plus(self.failed[Grain.DAY, day, fingerprint], values)
            _plus(self.failed[Grain.MONTH, months[day], fingerprint], values)

    def _add(self, facts: Facts, sign: int) -> None:
        model = facts.model or ""
        created = self.sums[Grain.HOUR, facts.created_hour, facts.provider, model, facts.outcome]
        created[JOBS] += sign
        created[ASKED] += sign * facts.asked_us
        if facts.quoted is not None and facts.billed is not None:
            created[COMPARED] += sign
            created[QUOTED] += sign * facts.quoted
            created[BILLED] += sign * facts.billed
        if facts.outcome == Outcome.UNKNOWN:
            self._book_unknown(facts, sign)
        self._book(facts, sign)
        self._time(facts, model, sign)
        if facts.failing is not None:
            failed = self.failed[Grain.HOUR, facts.created_hour, facts.failing.fingerprint]
            failed[0] += sign
            failed[1] += sign * (facts.usd or 0)
            failed[2] += sign * sum(entry.possible or 0 for entry in facts.entries)
            self.groups[facts.failing] += sign

    def _book(self, facts: Facts, sign: int) -> None:
        """Add the entries of spend. The first one counts the job, by user the first of each.

        They may be of several: a poll elsewhere can settle a job before it is known whose it is.
        """
        entries = facts.entries
        users: set[str | None] = set()
        for number, entry in enumerate(entries):
            money = (sign * (entry.usd or 0), sign * (entry.possible or 0))
            video = sign * (entry.video_us or 0)
            first = number == 0
            values = (sign * first, *money, sign * (first and _unpriced(entries)), video)
            hour = entry.at_us // HOUR_US
            key = Grain.HOUR, hour, entry.provider, entry.model or "", facts.outcome
            _plus(self.sums[key], (0, *values))
            self.sums[key][PRICED] += 0 if _unpriced(entries) else video
            self._share("tag", day_of(hour), facts.tags or _NO_TAG, values)
            if len(entries) > 1:
                first = entry.user not in users
                users.add(entry.user)
                same = [other for other in entries if other.user == entry.user]
                values = (sign * first, *money, sign * (first and _unpriced(same)), video)
            self._share("user", day_of(hour), (entry.user or "",), values)

    def _book_unknown(self, facts: Facts, sign: int) -> None:
        """A create with an unknown outcome may have cost something, though no entry says so."""
        values = (sign, 0, sign * facts.possible, sign, 0)
        hour = facts.created_hour
        key = Grain.HOUR, hour, facts.provider, facts.model or "", facts.outcome
        _plus(self.sums[key], (0, *values))
        self._share("user", day_of(hour), (facts.user or "",), values)
        self._share("tag", day_of(hour), facts.tags or _NO_TAG, values)

    def _share(self, kind: str, day: int, keys: Iterable[str], values: tuple[int, ...]) -> None:
        for key in keys:
            _plus(self.shares[kind, Grain.DAY, day, key], values)

    def _time(self, facts: Facts, model: str, sign: int) -> None:
        day = day_of(facts.created_hour)
        for phase, bucket in (
            (PhaseName.QUEUE.value, facts.queue),
            (PhaseName.RENDER.value, facts.render),
            (PhaseName.TOTAL.value, facts.total),
        ):
            if bucket is not None:
                self.phases[Grain.DAY, day, model, phase, bucket][0] += sign


def _unpriced(entries: Sequence[Entry]) -> bool:
    return all(entry.usd is None for entry in entries)


def _plus(values: list[int], more: Iterable[int]) -> None:
    for place, value in enumerate(more):
        values[place] += value
