"""Which webhooks were dealt with already: in the ledger, for every process and after a restart.

Senders repeat a webhook, with the same id, until they are told that it arrived, and sometimes after
that. A webhook counts as seen once what it says is written; two copies at the same moment may both
be read, and come to one end all the same, because a job ends once.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

from vidobs.core.errors import LedgerError
from vidobs.ledger.patience import patiently
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    import apsw

    from vidobs.runtime import Runtime

KEPT_US = 4 * 86_400_000_000  # senders repeat for three days at most
MOST = 50_000  # the oldest go first
_PREFIX = "webhook:"
_TIDY = "webhooks_tidied_us"
_TIDY_US = 3_600_000_000
_PATIENCE_S = 1.0  # an answer must not wait for long


class Seen:
    """The webhooks that a ledger has heard. While it cannot be used, none was heard."""

    def __init__(self, runtime: Runtime, *, most: int = MOST) -> None:
        self._runtime = runtime
        self._most = most

    def has(self, sender: str, message_id: str) -> bool:
        """Tell whether a webhook was dealt with."""
        name = _name(sender, message_id)
        try:
            found = patiently(
                lambda: self._runtime.store.outbox().sweeper().note(name), patience_s=_PATIENCE_S
            )
        except LedgerError:
            return False
        return found > 0

    def add(self, sender: str, message_id: str) -> None:
        """Remember that a webhook was dealt with; forget old ones now and then."""
        name, now_us = _name(sender, message_id), self._runtime.clock.time_ns() // 1000
        try:
            sweeper = self._runtime.store.outbox().sweeper()
            patiently(lambda: sweeper.keep_note(name, now_us), patience_s=_PATIENCE_S)
            if sweeper.claim(_TIDY, now_us, _TIDY_US):
                patiently(partial(sweeper.work, partial(_tidy, now_us=now_us, most=self._most)))
        except LedgerError:
            return


def _name(sender: str, message_id: str) -> str:
    """A name of one length, whatever the sender writes."""
    return _PREFIX + hashlib.sha256(f"{sender}\0{message_id}".encode()).hexdigest()[:32]


def _tidy(connection: apsw.Connection, *, now_us: int, most: int) -> None:
    bindings = (_PREFIX, "webhook;", now_us - KEPT_US, most - 1)
    connection.execute(queries()["old_notes"], bindings)
