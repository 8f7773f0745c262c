"""Secrets in settings, hidden wherever settings are shown.

Better one value too many than one too few: this is for reading, never for use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vidobs.core.scrub import SECRET, scrub

_SECRET_NAME = re.compile(
    r"key|secret|token|passw|passphrase|authori[sz]ation|credential|cookie|signature|dsn",
    re.IGNORECASE,
)
_HEADERS = re.compile(r"headers?$", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Tell whether a setting of this name holds a secret.

    >>> is_secret("dd_api_key"), is_secret("headers"), is_secret("endpoint")
    (True, True, False)
    """
    return bool(_SECRET_NAME.search(name) or _HEADERS.search(name))


def masked(name: str, value: object) -> object:
    """Return a value as it may be shown: every secret in it, however deep, is replaced.

    Secret are values under a name that says so, all values of headers, user name, password, query
    and fragment of every URL, and text that looks like a credential.
    """
    if isinstance(value, Mapping):
        hide = is_secret(name)
        return {key: SECRET if hide else masked(str(key), inner) for key, inner in value.items()}
    if value is None or isinstance(value, bool):
        return value
    if is_secret(name):
        return SECRET
    if isinstance(value, list | tuple):
        return [masked(name, inner) for inner in value]
    return scrub(value) if isinstance(value, str) else value
