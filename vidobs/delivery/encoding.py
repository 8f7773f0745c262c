"""An event as JSON: what leaves the process where a receiver has no shape of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core.events import SCHEMA_VERSION

if TYPE_CHECKING:
    from vidobs.core.events import VideoEvent

_BEGIN = b'{"schema_version":%d,' % SCHEMA_VERSION
_encode = msgspec.json.Encoder().encode


def event_to_json(event: VideoEvent) -> bytes:
    """Return an event as one line of JSON, its schema version first.

    Money is a string, times are RFC 3339 in UTC. What is unknown is left out, and so is what has
    its default; `msgspec.json.decode(line, type=VideoEvent)` gives the event back.
    """
    encoded = _encode(event)
    if event.schema_version != SCHEMA_VERSION:
        return encoded  # an older event, read from a ledger, carries its own
    return _BEGIN + encoded[1:]
