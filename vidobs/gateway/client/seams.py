"""What the parts of the client know of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from vidobs.gateway.client.connection import Connection

    SocketAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
    AddressInfo: TypeAlias = tuple[
        socket.AddressFamily, socket.SocketKind, int, str, SocketAddress
    ]  # as `socket.getaddrinfo` returns it
    Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[AddressInfo]]]


class Pieces(Protocol):
    """A body that is not in memory; its length stands in the head."""

    def pieces(self) -> Iterator[bytes]:
        """Read it from its start."""
        ...


class Source(Protocol):
    """What the body comes from."""

    def pause(self) -> None:
        """Read nothing for now."""

    def resume(self) -> None:
        """Read on."""

    def abandon(self) -> None:
        """Close the connection: nobody reads the rest."""


class Keeper(Protocol):
    """Who has the connections."""

    def made(self, connection: Connection) -> None:
        """Take note of a new one."""

    def freed(self, connection: Connection) -> None:
        """Take one back that can be used again."""

    def lost(self, connection: Connection) -> None:
        """Forget one that ended."""
