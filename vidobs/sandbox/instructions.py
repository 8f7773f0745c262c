"""What a person is told who has started a sandbox: how to make a client use it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vidobs.dialects.codecs import CODECS
from vidobs.dialects.variants import OPENAI, VARIANTS

if TYPE_CHECKING:
    from vidobs.dialects.rows import Variant

_END = "\n\nA prompt with [[fault:NAME]] makes one video go wrong. Ctrl-C ends."


def instructions(dialect: str, base_url: str) -> str:
    """Return the variables to set, and the line of Python that does as well."""
    if dialect in CODECS:  # an API of its own, with a client of its own
        codec = CODECS[dialect]
        client = f"vidobs.wrap(httpx.Client(), dialect={dialect!r})"
        names = f"{codec.base_env}={base_url} {codec.key_env}=any"
        return f"\n  export {names}\n\nfor its SDK, with\n\n  http = {client}{_END}"
    variant = VARIANTS[dialect]
    if variant is OPENAI:
        client = f"vidobs.wrap(openai.OpenAI(base_url={base_url!r}, api_key='any'))"
        return _told(variant, base_url, client)
    address = base_url.removesuffix(urlsplit(base_url).path) + variant.api_path
    key = "" if variant.keyless else ", api_key='any'"
    client = f"vidobs.Client(base_url={address!r}{key}, dialect={dialect!r})"
    return _told(variant, address, client)


def _told(variant: Variant, address: str, client: str) -> str:
    key = "" if variant.keyless else f" {variant.key_env[0]}=any"
    return (
        f"\n  export {variant.base_env[0]}={address}{key}\n\n"
        f"or in Python:\n\n  client = {client}{_END}"
    )
