"""The codecs by the names of their dialects, and the one that a host is known for."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from vidobs.dialects import gemini, runway

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.dialects.codec import Codec

MOST_HOSTS = 100  # that are remembered, known or not
CODECS: Mapping[str, Codec] = MappingProxyType(
    {codec.name: codec for codec in (gemini.CODEC, runway.CODEC)}
)


@lru_cache(MOST_HOSTS)
def codec_at(host: str) -> Codec | None:
    """Return the codec that is known to fit a host."""
    return next((codec for codec in CODECS.values() if codec.hosts.fullmatch(host)), None)
