"""How servers of the OpenAI Videos protocol want to be talked to: differences as data.

A row says what a client has to know before it sends something; what differs in the answers is read
leniently by one codec.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import msgspec

from vidobs.core.errors import ConfigError, unknown_name
from vidobs.dialects.servers import provider_of

AUTO = "auto"


class Bodies(StrEnum):
    """How a server takes the fields of a create."""

    EITHER = "either"  # JSON, or a form where there are files
    FORM = "form"  # a multipart form only


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One dialect, as its client sees it."""

    name: str
    provider: str  # that jobs are filed under, unless told otherwise
    bodies: Bodies = Bodies.EITHER
    key_header: str | None = None  # that carries the bare key; None: `Authorization: Bearer KEY`
    key_env: tuple[str, ...] = ("OPENAI_API_KEY",)
    base_env: tuple[str, ...] = ("OPENAI_BASE_URL",)
    default_base: str | None = None
    api_path: str = ""  # behind a base address that names only the host
    keyless: bool = False  # works without a key
    unsupported: Mapping[str, str] = {}  # fields a server does not take, and why


OPENAI = Variant(
    name="openai",
    provider="openai",
    default_base="https://api.openai.com/v1",
    api_path="/v1",
)
AZURE = Variant(
    name="azure",
    provider="azure",
    key_header="api-key",
    key_env=("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
    base_env=("AZURE_OPENAI_API_BASE", "AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT"),
    api_path="/openai/v1",
)
VARIANTS: Mapping[str, Variant] = MappingProxyType({each.name: each for each in (OPENAI, AZURE)})


def variant_of(name: str, base_url: str | None = None) -> Variant:
    """Return a dialect by its name; `auto` goes by the server's address.

    Raises:
        ConfigError: there is no such dialect.
    """
    if name == AUTO:
        return VARIANTS[provider_of(base_url)[1]] if base_url else OPENAI
    found = VARIANTS.get(name)
    if found is None:
        raise ConfigError(unknown_name("dialect", name, (AUTO, *VARIANTS)))
    return found
