"""The ids that LiteLLM hands out: `video_` and base64 of provider, model and the provider's id.

LiteLLM makes another one at each poll, because only its create knows the model. Here a job has one,
whatever call it comes from.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from typing import Any

import msgspec

VIDEO, CHARACTER = "video", "character"
_PACKED = re.compile(
    r"litellm:custom_llm_provider:([^;]*);model_id:([^;]*);(video|character)_id:(.+?)"
    r"(?:;served_model:.*)?",
    re.DOTALL,
)
_NONE = ("", "None")


class Unpacked(msgspec.Struct, frozen=True):
    """What an id says. A plain one says nothing but itself."""

    raw: str
    provider: str | None = None
    model: str | None = None


def unpacked(given: str) -> Unpacked:
    """Return what an id of LiteLLM's is made of; any other is the provider's own."""
    kind, _, packed = given.partition("_")
    if kind not in (VIDEO, CHARACTER) or not packed:
        return Unpacked(given)
    packed = packed.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        plain = b64decode(packed + "=" * (-len(packed) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return Unpacked(given)
    found = _PACKED.fullmatch(plain)
    if found is None:
        return Unpacked(given)
    provider, model = (None if part in _NONE else part for part in found.group(1, 2))
    return Unpacked(found[4], provider, model)


def packed(provider: str, model: str | None, raw: str, *, kind: str = VIDEO) -> str:
    """Return an id that LiteLLM understands; one that is packed already stays as it is."""
    if not provider or not raw or unpacked(raw).provider is not None:
        return raw
    plain = f"litellm:custom_llm_provider:{provider};model_id:{model or ''};{kind}_id:{raw}"
    return f"{kind}_{b64encode(plain.encode()).decode()}"


def with_plain_characters(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a create with the provider's own ids of its `characters`."""
    given = fields.get("characters")
    if not isinstance(given, list | tuple):
        return fields
    return {**fields, "characters": [_plain(character) for character in given]}


def _plain(character: object) -> object:
    if not isinstance(character, dict) or not isinstance(character.get("id"), str):
        return character
    return {**character, "id": unpacked(character["id"]).raw}
