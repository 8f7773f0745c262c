"""Where finished videos are stored: a folder, written as `dir:///absolute` or `dir:relative`."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from vidobs.core.errors import ConfigError
from vidobs.core.scrub import scrub

FORMS = "dir:///absolute/path, dir:relative/path"
_SCHEME = "dir:"


class StoreUrl(msgspec.Struct, frozen=True):
    """A folder for videos, by its absolute path."""

    path: str

    def __str__(self) -> str:
        return f"{_SCHEME}//{self.path}"


def store_url(value: object, where: str = "store") -> StoreUrl:
    """Read a URL, or a path object. A relative path starts at the working directory of this moment.

    Raises:
        ConfigError: it is no folder that vidobs can store to; the message starts with `where`.
    """
    if isinstance(value, StoreUrl):
        return value
    if isinstance(value, os.PathLike):
        return _folder(os.fspath(value))
    if not isinstance(value, str):
        raise ConfigError(f"{where}: got {type(value).__name__}; write one of: {FORMS}")
    given = value.strip()
    path = given.removeprefix(_SCHEME)
    if path.startswith("//"):
        host = path[2:].partition("/")[0]
        path = "" if host else "/" + path.lstrip("/")
    if not given.startswith(_SCHEME) or not path.strip("/") or "\0" in path:
        hint = "" if ":" in given else f"; did you mean '{_SCHEME}{scrub(given, 200)}'?"
        raise ConfigError(
            f"{where}: cannot store to {scrub(given, 200)!r}; write one of: {FORMS}{hint}"
        )
    return _folder(path)


def _folder(path: str) -> StoreUrl:
    return StoreUrl(str(Path.cwd() / Path(path).expanduser()))
