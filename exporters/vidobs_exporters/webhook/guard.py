"""Which addresses a webhook may be sent to.

Whoever chooses the URL of a webhook, or runs the name server of its host, could otherwise have
this machine call what only this machine can reach: a database, a neighbour, the service that
hands out the cloud's credentials (server-side request forgery). The guard looks at the addresses
themselves, right before one of them is dialled; see `vidobs_exporters._dial`.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from vidobs import AddressKind, ConfigError, ExportError, address_kind, address_of

if TYPE_CHECKING:
    from collections.abc import Sequence


Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

OPENED_BY_TRUE = frozenset({AddressKind.LOOPBACK, AddressKind.PRIVATE})


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """Refuses addresses that a host may not have."""

    name: str  # of the exporter
    kinds: frozenset[AddressKind] = frozenset()  # allowed beside public addresses
    networks: tuple[Network, ...] = ()  # allowed, whatever their kind
    public: bool = True  # False: public addresses are not allowed, as plain HTTP is used

    def __call__(self, host: str, addresses: Sequence[str]) -> None:
        """Look at every address of a host: one that is refused is enough.

        Raises:
            ExportError: an address is not allowed; whether it ever will be is not clear, since
                name servers may be wrong for a while.
        """
        for text in addresses:
            why = self.objection(text)
            if why:
                raise ExportError(f"exporter {self.name!r}: {host} is {why}", retryable=None)

    def objection(self, text: str) -> str | None:
        """Return what is to be said against an address, and what to do; `None` when nothing is."""
        address = address_of(text)
        kind = address_kind(address)
        if kind in self.kinds or self._listed(address):
            return None
        if kind is not None:
            return f"at {address}, which is {kind}; if that is meant, {_remedy(kind, address)}"
        if not self.public:
            return f"at {address}, which is public; use https://, or set allow_http: true"
        return None

    def _listed(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def guard(name: str, allow_private: object, *, plain_http: bool) -> Guard:
    """Build the guard of an exporter from its option `allow_private`.

    Raises:
        ConfigError: it is neither true, false nor a list of networks.
    """
    if isinstance(allow_private, bool):
        kinds = OPENED_BY_TRUE if allow_private else frozenset()
        return Guard(name=name, kinds=kinds, public=not plain_http)
    items = [allow_private] if isinstance(allow_private, str) else allow_private
    if not isinstance(items, list | tuple):
        raise ConfigError(_wrong(name, allow_private))
    networks = tuple(_network(name, item) for item in items)
    return Guard(name=name, networks=networks, public=not plain_http)


def _network(name: str, item: object) -> Network:
    if not isinstance(item, str):  # a number would be read as an address
        raise ConfigError(_wrong(name, item))
    try:
        return ip_network(item)
    except ValueError as error:
        raise ConfigError(_wrong(name, item)) from error


def _wrong(name: str, item: object) -> str:
    return (
        f"exporter {name!r}: allow_private is {item!r}; give true, false or a list of networks, "
        "such as ['10.0.0.0/8']"
    )


def _remedy(kind: AddressKind, address: Address) -> str:
    one = f"allow_private: ['{address}']"
    return f"set allow_private: true or {one}" if kind in OPENED_BY_TRUE else f"set {one}"
