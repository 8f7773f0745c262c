"""Which servers are reached through a proxy, as the environment says.

The variables are those of httpx, `urllib`, curl and LiteLLM: `HTTPS_PROXY` and `HTTP_PROXY` for
servers of https and http, `ALL_PROXY` for either, `NO_PROXY` for those that are reached directly.
The lower-case name counts before the upper-case one, also where it is empty. Under CGI `HTTP_PROXY`
is what a client sent as a header, and only `http_proxy` counts.

`NO_PROXY` is a list with commas: names, which stand for all hosts below them too, with or without
a dot in front; addresses and networks (`10.0.0.0/8`), for hosts that are given as addresses; each
with a port or without; `*` for everything. As with httpx and `urllib`, loopback addresses are no
exception: name them there.
"""

from __future__ import annotations

from base64 import b64encode
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

import msgspec

from vidobs.core.errors import ConfigError
from vidobs.gateway.client.addresses import Origin, bracketed

if TYPE_CHECKING:
    from collections.abc import Mapping

    Network: TypeAlias = IPv4Network | IPv6Network

_PORTS = {"http": 80, "https": 443}
_FIX = "name an HTTP proxy in HTTPS_PROXY and HTTP_PROXY, or set NO_PROXY=* to use none"


class Proxy(msgspec.Struct, frozen=True):
    """An HTTP proxy."""

    origin: Origin
    authorization: str | None  # value of the header `Proxy-Authorization`: a secret

    @property
    def address(self) -> str:
        """Host and port, as they may be shown."""
        return f"{bracketed(self.origin.host)}:{self.origin.port}"


class Proxies:
    """The proxies of an environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read the variables.

        Raises:
            ConfigError: one names what is no HTTP proxy.
        """
        exempt = _variable(environ, "no")[1].split(",")
        self._exempt = tuple(_exempted(text.strip()) for text in exempt if text.strip())
        self._by_scheme: dict[str, Proxy] = {}
        for scheme in () if "*" in map(str.strip, exempt) else _PORTS:
            name, url = _variable(environ, scheme)
            if not url:
                name, url = _variable(environ, "all")
            if url:
                self._by_scheme[scheme] = _read_proxy(name, url)

    def to(self, origin: Origin) -> Proxy | None:
        """Return the proxy through which a server is reached; `None`: directly."""
        if not self._by_scheme:
            return None
        scheme = "http" if origin.tls_name is None else "https"
        proxy = self._by_scheme.get(scheme)
        if proxy is None or any(each.fits(origin, scheme) for each in self._exempt):
            return None
        return proxy


class _Exempt(msgspec.Struct, frozen=True):
    """What one entry of `NO_PROXY` means."""

    scheme: str  # "": any
    host: str | Network  # with all hosts below it
    port: int | None

    def fits(self, origin: Origin, scheme: str) -> bool:
        if self.scheme not in ("", "all", scheme) or self.port not in (None, origin.port):
            return False
        host = (origin.name or origin.host).lower()
        if isinstance(self.host, str):
            return host == self.host or host.endswith(f".{self.host}")
        try:
            return ip_address(host) in self.host
        except ValueError:
            return False


def _variable(environ: Mapping[str, str], scheme: str) -> tuple[str, str]:
    """Return the variable that counts, and its value."""
    lower, upper = f"{scheme}_proxy", f"{scheme}_proxy".upper()
    if lower in environ or (scheme == "http" and "REQUEST_METHOD" in environ):
        return lower, environ.get(lower, "").strip()
    return upper, environ.get(upper, "").strip()


def _read_proxy(name: str, text: str) -> Proxy:
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError(f"{name} is no address of a proxy; write http://host:port") from None
    if parts.scheme not in _PORTS:
        raise ConfigError(f"{name} is a proxy of {parts.scheme}://, which is not spoken; {_FIX}")
    if not host or not host.isascii() or not host.isprintable() or " " in host:
        raise ConfigError(f"{name} is no address of a proxy; write http://host:port")
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {b64encode(pair.encode()).decode()}"
    tls_name = host if parts.scheme == "https" else None
    return Proxy(Origin(host, port or _PORTS[parts.scheme], tls_name), authorization)


def _exempted(text: str) -> _Exempt:
    scheme, _, place = text.lower().rpartition("://")
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    else:
        host, port = place, ""
    number = port.removeprefix(":")
    return _Exempt(scheme, _network_or_name(host), int(number) if number.isdecimal() else None)


def _network_or_name(host: str) -> str | Network:
    try:
        return ip_network(host, strict=False)
    except ValueError:
        return host.removeprefix("*").lstrip(".")


NO_PROXIES = Proxies({})
