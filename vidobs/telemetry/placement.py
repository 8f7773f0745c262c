"""Under which span the span of a later call goes: the create span, the ambient one, or none.

A poll may happen in the trace of the create, in a web request that has a trace of its own, or an
hour later in a cron job. It continues the create's trace where nothing else claims it, and links to
the create span elsewhere, because many backends refuse traces that stay open for long.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Under(Enum):
    """The parent of a span."""

    AMBIENT = "ambient"  # whatever span is current, or a new trace when none is
    ORIGIN = "origin"  # the create span, rebuilt from what was stored with the job
    NOTHING = "nothing"  # a new trace, although the create span is known


class Place(NamedTuple):
    """The parent, and whether the span links to the create span instead of being in its trace."""

    under: Under
    linked: bool


STAY = Place(Under.AMBIENT, linked=False)
STAY_AND_LINK = Place(Under.AMBIENT, linked=True)
CONTINUE = Place(Under.ORIGIN, linked=False)
START_AND_LINK = Place(Under.NOTHING, linked=True)


def place(*, origin: str, ambient: str | None, late: bool) -> Place:
    """Return where the span of a later call goes.

    `origin` and `ambient` are the trace ids of the create span and of the current span (`None`:
    there is none); `late` says that the create is too long ago for the same trace.
    """
    if ambient is not None:
        return STAY if ambient == origin else STAY_AND_LINK
    return START_AND_LINK if late else CONTINUE
