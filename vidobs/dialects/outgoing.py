"""Write requests of the OpenAI Videos protocol: paths, JSON bodies and forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from vidobs.core.errors import ConfigError

ON_ALL = "/videos"
_SEPARATORS = ("", ".", "..")


def path_of(video_id: str, below: str = "") -> str:
    """Return the path of a video; whatever the id holds, it stays one segment.

    Raises:
        ConfigError: an id that no path can name.
    """
    if video_id in _SEPARATORS:
        raise ConfigError(f"{video_id!r} is no id of a video; give the one that create returned")
    return f"{ON_ALL}/{quote(video_id, safe='')}{below}"


def character_path(character_id: str) -> str:
    """Return the path of a character.

    Raises:
        ConfigError: an id that no path can name.
    """
    if character_id in _SEPARATORS:
        raise ConfigError(f"{character_id!r} is no id of a character")
    return f"{ON_ALL}/characters/{quote(character_id, safe='')}"


def form_fields(fields: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return fields as a form writes them: `a[b]` for what is nested, `a[]` for lists."""
    return [pair for name, value in fields.items() for pair in _flat(name, value)]


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
