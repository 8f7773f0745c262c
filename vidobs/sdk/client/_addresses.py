"""Which addresses a download may be sent on to."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from vidobs.core.networks import AddressKind, address_kind, address_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

_SCHEMES = ("https", "http")
_HERE_NAME = "localhost"
_INSIDE_NAMES = (".local", ".internal")
_INSIDE = frozenset({AddressKind.PRIVATE, AddressKind.SHARED})
_HERE = frozenset({AddressKind.LOOPBACK, *_INSIDE})


def leads_out(url: httpx.URL, home: httpx.URL) -> bool:
    """Tell whether a redirect from `home` may be followed, as far as its text shows.

    Never to another scheme, never from https to http, and into a private network only where the
    server is in one itself.
    """
    if url.scheme not in _SCHEMES or not url.host or url.userinfo:
        return False
    if home.scheme == "https" and url.scheme != "https":
        return False
    kind = _written(url.host)
    return kind is None or kind in _opened_by(frozenset({_written(home.host)}))


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Tell whether two addresses are of one server."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def within_reach(addresses: Iterable[str], home: Iterable[str]) -> bool:
    """Tell whether a file may be fetched from a host with these addresses, each of them.

    Public ones always. Private ones only for a server that has one itself, those of this machine
    only for a server on this machine, and the rest, such as that of a cloud's credentials, never.
    """
    opened = _opened_by(frozenset(map(_kind, home)))
    found = list(map(_kind, addresses))
    return bool(found) and all(kind is None or kind in opened for kind in found)


def _opened_by(home: frozenset[AddressKind | None]) -> frozenset[AddressKind]:
    if AddressKind.LOOPBACK in home:
        return _HERE
    return _INSIDE if home & _INSIDE else frozenset()


def _kind(text: str) -> AddressKind | None:
    return address_kind(address_of(text))


def _written(host: str) -> AddressKind | None:
    """Return the kind of a host that is written as an address, or has a name of its own kind.

    The old ways to write an address count: a number, fewer than four parts, octal, hexadecimal.
    """
    name = host.strip("[]").rstrip(".").lower()
    try:
        return _kind(name)
    except ValueError:
        pass
    try:
        return _kind(socket.inet_ntoa(socket.inet_aton(name)))
    except (OSError, UnicodeEncodeError):
        pass
    if name == _HERE_NAME or name.endswith(f".{_HERE_NAME}"):
        return AddressKind.LOOPBACK
    return AddressKind.PRIVATE if name.endswith(_INSIDE_NAMES) else None
