"""Write requests of the OpenAI Videos protocol: paths, JSON bodies and forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

import msgspec

from vidobs.core.errors import ConfigError
from vidobs.dialects.rows import Nesting

ON_ALL = "/videos"
_SEPARATORS = ("", ".", "..")
_LONGEST_ID = 4096  # characters; LiteLLM's have a few hundred, and servers take lines of 8 KiB
_SHOWN = 64
_REFERENCE, _URL = "input_reference", "image_url"


def path_of(video_id: str, below: str = "") -> str:
    """Return the path of a video; whatever the id holds, it stays one segment.

    Raises:
        ConfigError: an id that no path can name.
    """
    return f"{ON_ALL}/{_segment(video_id, 'a video; give the one that create returned')}{below}"


def character_path(character_id: str) -> str:
    """Return the path of a character.

    Raises:
        ConfigError: an id that no path can name.
    """
    return f"{ON_ALL}/characters/{_segment(character_id, 'a character')}"


def _segment(its_id: str, what: str) -> str:
    if its_id in _SEPARATORS or len(its_id) > _LONGEST_ID:
        raise ConfigError(f"{its_id[:_SHOWN]!r} is no id of {what}")
    try:
        return quote(its_id, safe="")
    except UnicodeEncodeError:  # half of a pair of surrogates
        raise ConfigError(f"{its_id[:_SHOWN]!r} is no id of {what}") from None


def referring(fields: Mapping[str, object], path: tuple[str, ...]) -> dict[str, object]:
    """Return fields with the URL of a picture to start from where a dialect has it.

    `path` leads there: a field, and the members within.
    """
    given = fields.get(_REFERENCE)
    url = given.get(_URL) if isinstance(given, Mapping) else None
    if url is None:
        return dict(fields)
    name, *within = path
    value: object = url
    for member in reversed(within):
        value = {member: value}
    rest = {field: other for field, other in fields.items() if field != _REFERENCE}
    return {**rest, name: value}


def form_fields(
    fields: Mapping[str, object], nesting: Nesting = Nesting.BRACKETS
) -> list[tuple[str, str]]:
    """Return fields as a form writes them.

    What is nested becomes `a[b]`, and `a[]` for lists; or JSON text, where a dialect has that.
    """
    if nesting is Nesting.JSON:
        fields = {name: _json_text(value) for name, value in fields.items()}
    return [pair for name, value in fields.items() for pair in _flat(name, value)]


def _json_text(value: object) -> object:
    return msgspec.json.encode(value).decode() if isinstance(value, Mapping | list) else value


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}[{key}]", inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _flat(f"{name}[]", inner)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif value is not None:
        yield name, str(value)
