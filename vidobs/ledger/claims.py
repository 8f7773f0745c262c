"""Who works on what: leases on pieces of work, which every process that shares the file sees.

A lease is a row of `meta`. One of a process that is gone is free at once where that can be known,
on its own host, and else when it has run out. Beside the owner a claim remembers how the work went
so far. Every function needs a transaction, as `Sweeper.work` gives it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.ledger import processes
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable

    import apsw

_FAR_US = 3_600_000_000  # no lease lasts so long: the clock was put back since
_KEPT_US = 14 * 86_400_000_000  # after which a claim that nobody came back to is forgotten


class Claim(msgspec.Struct, frozen=True, omit_defaults=True):
    """A claim on a piece of work; times are microseconds since 1970."""

    owner: str = ""
    until_us: int = 0
    tries: int = 0  # that did not succeed
    retry_us: int = 0  # nobody tries before
    missing_us: int = 0  # when the server first said that it does not know the job


def read(connection: apsw.Connection, name: str) -> Claim:
    """Return the claim of a name."""
    found = connection.execute(queries()["note"], (name,)).get
    return Claim() if found is None else msgspec.json.decode(str(found), type=Claim)


def take(
    connection: apsw.Connection, names: Iterable[str], owner: str, *, now_us: int, until_us: int
) -> dict[str, Claim]:
    """Claim what is free of some pieces of work; return the claims that were got."""
    got: dict[str, Claim] = {}
    for name in names:
        claim = read(connection, name)
        if _free(claim, owner, now_us):
            got[name] = msgspec.structs.replace(claim, owner=owner, until_us=until_us)
            _write(connection, name, got[name])
    return got


def keep(connection: apsw.Connection, name: str, claim: Claim) -> None:
    """Give a lease back, and remember how the work went."""
    until_us = max(claim.until_us, claim.retry_us)
    _write(connection, name, msgspec.structs.replace(claim, owner="", until_us=until_us))


def drop(connection: apsw.Connection, names: Iterable[str]) -> None:
    """Forget pieces of work that are done."""
    connection.executemany(queries()["drop_note"], [(name,) for name in names])


def tidy(connection: apsw.Connection, kind: str, now_us: int) -> None:
    """Forget the claims of a kind that nobody came back to for long."""
    connection.execute(queries()["old_claims"], (f"{kind}:", f"{kind};", now_us - _KEPT_US))


def _free(claim: Claim, owner: str, now_us: int) -> bool:
    if not claim.owner or claim.owner == owner:
        return True
    out = claim.until_us <= now_us or claim.until_us > now_us + _FAR_US
    return out or processes.gone(claim.owner)


def _write(connection: apsw.Connection, name: str, claim: Claim) -> None:
    connection.execute(queries()["keep_note"], (name, msgspec.json.encode(claim).decode()))
