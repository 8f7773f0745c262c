"""Keeps web pages away from a gateway without a master key, which anybody on this machine may use.

A browser is on this machine too: any page that it shows could send a form here, and have videos
made. With a master key there is nothing to do, for no page has one.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from vidobs.gateway.seams import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE = (b"same-origin", b"none")
_REFUSED = (
    "without a master key only programs on this machine are served, by the name localhost: no web "
    "pages, and no other names; set general_settings.master_key"
)


def refuse_pages(headers: Mapping[bytes, bytes]) -> None:
    """Refuse what a page of another site sends, or one that calls this machine by its own name.

    Raises:
        Refusal: 403.
    """
    host = headers.get(b"host", b"").lower()
    origin = headers.get(b"origin")
    ours = origin is None or origin.lower() in (b"http://" + host, b"https://" + host)
    here = headers.get(b"sec-fetch-site", b"none") in _HERE
    if not (ours and here and _is_loopback(host)):
        raise Refusal(403, _REFUSED, code="foreign_request")


def _is_loopback(host: bytes) -> bool:
    """Whether a `Host` header names this machine; a name that was pointed at it does not count."""
    bracketed = host.startswith(b"[") and b"]" in host
    name = host[1:].partition(b"]")[0] if bracketed else host.partition(b":")[0]
    if name == b"localhost":
        return True
    try:
        address = ip_address(name.decode("latin-1"))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
