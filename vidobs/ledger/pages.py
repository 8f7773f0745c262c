"""Many rows of the outbox at once: SQLite writes them as one text, which is decoded in one go.

Each row that SQLite steps to on its own lets another thread have the interpreter and waits to get
it back. Under load that costs several times what the row does.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.protocols import OutboxRow
from vidobs.ledger import damage
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

_place = attrgetter("seq")
_rows = msgspec.json.Decoder(list[OutboxRow])


def load(connection: apsw.Connection, after: int, limit: int) -> Sequence[OutboxRow]:
    """Return up to `limit` events behind a place, oldest first; damaged ones as `DamagedRow`s."""
    try:
        page: Any = connection.execute(queries()["outbox_page"], (after, limit)).fetchone()
        count, text = page
        rows = sorted(_rows.decode(text), key=_place) if count else []
    except damage.UNREADABLE:
        return damage.load(connection, "read_outbox", after, limit)
    if len(rows) != count:  # what is damaged may still look like rows
        return damage.load(connection, "read_outbox", after, limit)
    return rows
