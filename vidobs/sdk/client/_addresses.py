"""Which addresses a download may be sent on to."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

_SCHEMES = ("https", "http")
_LOCAL = ("localhost", ".localhost", ".local", ".internal")


def leads_out(url: httpx.URL, home: httpx.URL) -> bool:
    """Tell whether a redirect from `home` may be followed.

    Never to another scheme, never from https to http, and into a private network only where the
    server is in one itself.
    """
    if url.scheme not in _SCHEMES or not url.host or url.userinfo:
        return False
    if home.scheme == "https" and url.scheme != "https":
        return False
    return not private(url.host) or private(home.host)


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Tell whether two addresses are of one server."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def private(host: str) -> bool:
    """Tell whether a host is written as a private, local or reserved address."""
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return host.lower().endswith(_LOCAL) or host.lower() == "localhost"
