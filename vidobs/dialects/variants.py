"""The dialects by name, and the one that an address tells."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from vidobs.core.errors import ConfigError, unknown_name
from vidobs.dialects import family
from vidobs.dialects.rows import Variant
from vidobs.dialects.servers import provider_of

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTO = "auto"
VARIANTS: Mapping[str, Variant] = MappingProxyType(family.members())
OPENAI = VARIANTS["openai"]


def variant_of(given: str | Variant, base_url: str | None = None) -> Variant:
    """Return a dialect by its name, or the one that is given; `auto` goes by the server's address.

    An address tells Azure from everything else, and nothing more.

    Raises:
        ConfigError: there is no such dialect.
    """
    if isinstance(given, Variant):
        return given
    if given == AUTO:
        return VARIANTS[provider_of(base_url)[1]] if base_url else OPENAI
    found = VARIANTS.get(given)
    if found is None:
        raise ConfigError(unknown_name("dialect", str(given), (AUTO, *VARIANTS)))
    return found
