"""Hosts with several addresses: the next is tried while one does not answer, and the first wins.

After https://www.rfc-editor.org/rfc/rfc8305 (happy eyeballs), on every kind of event loop.
"""

from __future__ import annotations

import asyncio
import socket
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.gateway.client.seams import AddressInfo

STAGGER_S = 0.25  # before the next is tried as well


async def first_of(
    addresses: Sequence[AddressInfo], loop: asyncio.AbstractEventLoop
) -> socket.socket:
    """Return a socket that is connected to one of the addresses.

    Raises:
        OSError: none takes a connection.
    """
    found = await _raced(list(interleaved(addresses))[::-1], loop)
    if isinstance(found, socket.socket):
        return found
    try:
        raise found
    finally:
        del found  # it holds this frame: a circle


def interleaved(addresses: Sequence[AddressInfo]) -> Sequence[AddressInfo]:
    """Return them with IPv6 and IPv4 by turns, as one of the two may lead nowhere."""
    first = [each for each in addresses if each[0] == addresses[0][0]]
    others = [each for each in addresses if each[0] != addresses[0][0]]
    by_turns = chain.from_iterable(zip_longest(first, others))
    return [each for each in by_turns if each is not None]


async def _raced(
    waiting: list[AddressInfo], loop: asyncio.AbstractEventLoop
) -> socket.socket | OSError:
    """Return the first that is connected, or why the last is not; begins with the end."""
    trying: set[asyncio.Task[socket.socket | OSError]] = set()
    found: socket.socket | OSError = OSError("the host has no address")
    try:
        while waiting or trying:
            if waiting:
                trying.add(loop.create_task(_connected(waiting.pop(), loop)))
            done, _ = await asyncio.wait(
                trying,
                timeout=STAGGER_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for each in done:
                trying.remove(each)
                found = each.result()
                if isinstance(found, socket.socket):
                    return found
        return found
    finally:
        for each in trying:
            _give_up(each)


async def _connected(
    address: AddressInfo, loop: asyncio.AbstractEventLoop
) -> socket.socket | OSError:
    family, kind, protocol, _, place = address
    try:
        made = socket.socket(family, kind, protocol)
    except OSError as error:  # no such family here
        return error
    try:
        made.settimeout(0)  # it does not block
        await loop.sock_connect(made, place)
    except OSError as error:
        made.close()
        return error
    except BaseException:
        made.close()
        raise
    return made


def _give_up(attempt: asyncio.Task[socket.socket | OSError]) -> None:
    """Close what it opens, or has opened by now."""
    if attempt.cancel() or attempt.cancelled():
        return
    found = attempt.result()
    if isinstance(found, socket.socket):
        found.close()
