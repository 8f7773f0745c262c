"""Our own client beside raw httpx and LiteLLM: what a whole call costs, observed."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import calls
from calls import OPERATIONS, Contender
from own_clients import CLIENT, FUNCTIONS, RAW
from rows import OF_LITELLM, OF_RAW_HTTPX, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calls import Effort, Found, Table

LITELLM = "LiteLLM"
_UNIT = "us CPU, the whole call"


def rows(
    effort: Effort, peers: list[Contender], names: Mapping[str, str], absent: str
) -> list[Row]:
    """Return the rows of each operation, sync and async; `absent` is said of a peer that is."""
    made = []
    for is_async in (False, True):
        measured = calls.measure(_contenders(peers), effort, is_async=is_async, bare=RAW)
        mode = ", async" if is_async else ""
        for operation in OPERATIONS:
            made += _of_operation(measured, operation, f"own client: {names[operation]}{mode}")
    if not _of_litellm(peers):
        made.append(Row("own client", LITELLM, _UNIT, note=absent))
    return made


def _contenders(peers: list[Contender]) -> list[Contender]:
    """Return ours, and LiteLLM with a raw client of its interpreter."""
    found = [Contender(name) for name in (RAW, CLIENT, FUNCTIONS)]
    for python in _of_litellm(peers):
        found += [Contender(RAW, python), Contender(LITELLM, python)]
    return found


def _of_litellm(peers: list[Contender]) -> list[str]:
    return [one.python for one in peers if one.name == LITELLM]


def _of_operation(measured: Table, operation: str, what: str) -> list[Row]:
    mine = measured[CLIENT, operation]
    its = measured.get((LITELLM, operation))
    made = [Row(what, RAW, _UNIT, None if mine.problem else mine.bare_median)]
    for name in (CLIENT, FUNCTIONS, LITELLM):
        found = measured.get((name, operation))
        if found is not None:
            made.append(_row(what, name, found, mine))
    if its is not None and not its.problem and not mine.problem:
        made.append(_beside(what, median(mine.whole), median(its.whole)))
    return made


def _beside(what: str, mine: float, its: float) -> Row:
    """Hold our client against LiteLLM, too."""
    target, note = its * OF_LITELLM, f"{mine / its:.2f} x {LITELLM}"
    return Row(what, f"{CLIENT} beside {LITELLM}", _UNIT, mine, target=target, note=note)


def _row(what: str, name: str, found: Found, mine: Found) -> Row:
    if found.problem is not None:
        return Row(what, name, _UNIT, note=found.problem)
    whole = found.whole
    times = median(one / bare for one, bare in zip(whole, found.bare, strict=True))
    return Row(
        what,
        name,
        _UNIT,
        median(whole),
        min(whole),
        max(whole),
        ratio=None if mine.problem else median(whole) / median(mine.whole),
        target=found.bare_median * OF_RAW_HTTPX if name == CLIENT else None,
        note=f"{times:.2f} x {RAW}",
    )
