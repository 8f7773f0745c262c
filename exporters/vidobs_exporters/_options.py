"""Read what exporters are told: options, else environment variables, with one kind of error."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from vidobs import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOST = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?"
_URL = re.compile(rf"https?://{_HOST}(/[\w.~%/-]*)?")


def text_option(
    exporter: str, option: str, given: object, variables: Sequence[str] = ()
) -> str | None:
    """Return an option, else the first of its variables that is not empty.

    Raises `ConfigError` when the option is no text, or the text cannot stand in an HTTP header.
    """
    source = option
    if given is None:
        source = next((name for name in variables if os.environ.get(name, "").strip()), "")
        given = os.environ.get(source)
    if given is None:
        return None
    if not isinstance(given, str):
        raise ConfigError(f"exporter {exporter!r}: {source} is {type(given).__name__}; give text")
    text = given.strip()
    if not text.isprintable():
        raise ConfigError(
            f"exporter {exporter!r}: {source} holds a line break or another control character; "
            "remove it"
        )
    return text or None


def needed_key(exporter: str, given: object, variables: Sequence[str]) -> str:
    """Return an API key.

    Raises `ConfigError` when there is none, or it cannot be one; the key is never quoted.
    """
    key = text_option(exporter, "api_key", given, variables)
    if key is None:
        raise ConfigError(
            f"exporter {exporter!r}: no API key; set {variables[0]}, or 'api_key' under "
            f"'exporters: {exporter}:'"
        )
    if not key.isascii() or " " in key:
        raise ConfigError(
            f"exporter {exporter!r}: the API key holds a blank or a letter that no key has; "
            "copy it again"
        )
    return key


def base_url(exporter: str, source: str, given: str) -> str:
    """Return a URL that paths can be added to; raises `ConfigError` when it is none."""
    url = given.rstrip("/")
    if _URL.fullmatch(url) is None:
        raise ConfigError(
            f"exporter {exporter!r}: {source} is no address to send to; "
            "write it like 'https://host.example' or 'https://host.example/path'"
        )
    return url
