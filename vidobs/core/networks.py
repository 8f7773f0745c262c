"""What kind of network an address belongs to. Pure, and the same on every version of Python.

After the IANA registries of special-purpose addresses,
https://www.iana.org/assignments/iana-ipv4-special-registry and
https://www.iana.org/assignments/iana-ipv6-special-registry, with the addresses at which clouds
hand credentials to their machines. IPv6 addresses that carry an IPv4 address inside, and would
be translated on the way, count as special too: who knows where they end.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address


class AddressKind(StrEnum):
    """Kinds of address that a public host does not have."""

    LOOPBACK = "loopback"  # this machine
    PRIVATE = "private"  # of an organisation's own network
    METADATA = "cloud metadata"  # credentials of this machine
    LINK_LOCAL = "link-local"  # on the same wire; metadata of most clouds
    SHARED = "carrier-grade NAT"  # of a provider's own network
    UNSPECIFIED = "unspecified"  # this machine, on most systems
    MULTICAST = "multicast"
    NAT64 = "NAT64"  # translated to an IPv4 address
    SIX_TO_FOUR = "6to4"  # tunnelled to an IPv4 address
    TEREDO = "Teredo"  # same
    DOCUMENTATION = "documentation"
    BENCHMARKING = "benchmarking"
    RESERVED = "reserved"


_NETWORKS = {  # the first network that an address lies in says its kind
    AddressKind.METADATA: (
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure
        "169.254.169.254/32",  # nearly everybody
        "169.254.170.2/32",  # AWS, for containers
        "192.0.0.192/32",  # Oracle, formerly
        "fd00:ec2::/32",  # AWS
        "fd20:ce::254/128",  # Google
    ),
    AddressKind.UNSPECIFIED: ("0.0.0.0/8", "::/128"),
    AddressKind.LOOPBACK: ("127.0.0.0/8", "::1/128"),
    AddressKind.PRIVATE: ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
    AddressKind.LINK_LOCAL: ("169.254.0.0/16", "fe80::/10"),
    AddressKind.SHARED: ("100.64.0.0/10",),
    AddressKind.MULTICAST: ("224.0.0.0/4", "ff00::/8"),
    AddressKind.NAT64: ("64:ff9b::/96", "64:ff9b:1::/48"),
    AddressKind.SIX_TO_FOUR: ("192.88.99.0/24", "2002::/16"),
    AddressKind.TEREDO: ("2001::/32",),
    AddressKind.DOCUMENTATION: (
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "2001:db8::/32",
        "3fff::/20",
    ),
    AddressKind.BENCHMARKING: ("198.18.0.0/15", "2001:2::/48"),
    AddressKind.RESERVED: ("192.0.0.0/24", "240.0.0.0/4", "2001::/23"),
}
_KINDS = tuple(
    (ip_network(network), kind) for kind, networks in _NETWORKS.items() for network in networks
)
_GIVEN_OUT = IPv6Network("2000::/3")  # all of IPv6 that is public so far


def address_of(text: str) -> Address:
    """Read an address; one of IPv4 that is written as IPv6, `::ffff:a.b.c.d`, is of IPv4.

    Raises:
        ValueError: it is none.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def address_kind(address: Address) -> AddressKind | None:
    """Return the kind of a special address, and `None` for one that a public host may have."""
    for network, kind in _KINDS:
        if address in network:
            return kind
    if isinstance(address, IPv6Address) and address not in _GIVEN_OUT:
        return AddressKind.RESERVED
    return None
