"""The description of the API: `/openapi.json`, and a page of it that loads nothing else.

It tells what this gateway serves: the parts that its file leaves out are left out here too. Most
gateways are never asked, so what it takes to write it is loaded with the first question.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from vidobs.gateway.wire.answers import Answer


class Offer(msgspec.Struct, frozen=True):
    """What a gateway serves beside videos."""

    elsewhere: frozenset[str] = frozenset()  # whole paths, and beginnings of paths
    keyed: bool = True  # somebody without a key is refused


@lru_cache(maxsize=8)
def description(offer: Offer) -> Answer:
    """Return the document."""
    from vidobs.gateway.routes import openapi_document

    return openapi_document.description(offer)


@lru_cache(maxsize=8)
def page(offer: Offer) -> Answer:
    """Return a page with every route."""
    from vidobs.gateway.routes import openapi_document

    return openapi_document.page(offer)
