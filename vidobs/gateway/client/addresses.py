"""Where a request goes."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

_PORTS = {"http": 80, "https": 443}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_AS_IT_IS = "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"  # what a URL may hold is not encoded again


class Origin(NamedTuple):
    """What a connection is made to.

    `tls_name`: whose certificate it must show; None: no TLS. `name`: of the host, where `host` is
    an address of it that was looked at: no other may be dialled, by a proxy neither.
    """

    host: str
    port: int
    tls_name: str | None
    name: str | None = None


class Url(msgspec.Struct, frozen=True):
    """An address of http or https, as requests need it."""

    scheme: str
    host: str
    port: int
    authority: str  # of the header `Host`
    target: str  # path and query

    @property
    def origin(self) -> Origin:
        """Where to connect to."""
        return Origin(self.host, self.port, self._tls_name)

    @property
    def place(self) -> tuple[str, str, int]:
        """What browsers call its origin."""
        return self.scheme, self.host, self.port

    def at(self, address: str) -> Origin:
        """Where to connect to, with an address in the place of the host's name."""
        return Origin(address, self.port, self._tls_name, self.host)

    @property
    def _tls_name(self) -> str | None:
        return self.host if self.scheme == "https" else None


def read_url(text: str) -> Url:
    """Read an address; a fragment is left out, what is not ASCII is encoded.

    Raises:
        ValueError: it is none, or names a user.
    """
    if _CONTROL.search(text):
        raise ValueError("an address must not hold control characters")
    parts = urlsplit(text.strip(" "))
    host = parts.hostname
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc:
        raise ValueError("give an absolute URL, https://host/path")
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    if not host.isprintable() or " " in host:
        raise ValueError("a host's name must not hold spaces")
    usual = _PORTS[parts.scheme]
    port = usual if parts.port is None else parts.port
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    return Url(
        parts.scheme,
        host,
        port,
        bracketed(host) if port == usual else f"{bracketed(host)}:{port}",
        as_target(target),
    )


def bracketed(host: str) -> str:
    """Return a host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def as_target(text: str | bytes) -> str:
    """Encode what cannot stand in a path or a query; what is encoded stays as it is."""
    return quote(text, safe=_AS_IT_IS)
