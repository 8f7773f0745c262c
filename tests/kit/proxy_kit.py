"""A small HTTP proxy for the servers of `talk_kit`: it tunnels, and passes plain requests on.

async with talking(proxy(server.port, seen)) as between:
    ... between.port, seen              # the heads of all requests that it read
"""

import asyncio
from contextlib import suppress

from talk_kit import request

OPENED = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n"
LOGIN_WANTED = (
    b"HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno"
)


def proxy(port, seen, *, login=None, cut=None):
    """Lead to a port of the loopback, whoever is asked for.

    `login`: a header that every request must have. `cut`: an event, at which it hangs up.
    """

    async def talk(reader, writer):
        head, body = await request(reader)
        seen.append(head)
        if login is not None and login not in head:
            writer.write(LOGIN_WANTED)
            return
        behind, before = await asyncio.open_connection("127.0.0.1", port)
        if head.startswith(b"CONNECT "):
            writer.write(OPENED)
            sending = _passed(reader, before)
        else:
            before.write(_plain(head) + body)
            sending = _forwarded(reader, before, seen)
        tasks = [asyncio.create_task(sending), asyncio.create_task(_passed(behind, writer))]
        if cut is not None:
            tasks.append(asyncio.create_task(cut.wait()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            before.transport.abort()
            writer.transport.abort()

    return talk


async def _passed(reader, writer):
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def _forwarded(reader, writer, seen):
    with suppress(OSError, asyncio.IncompleteReadError):
        while True:
            head, body = await request(reader)
            seen.append(head)
            writer.write(_plain(head) + body)
            await writer.drain()


def _plain(head):
    """Return a head as the server itself is asked, without what was for the proxy."""
    line, _, headers = head.partition(b"\r\n")
    method, target, version = line.split(b" ")
    path = target.removeprefix(b"http://").partition(b"/")[2]
    kept = [each for each in headers.split(b"\r\n") if not each.lower().startswith(b"proxy-")]
    return b"\r\n".join([b"%s /%s %s" % (method, path, version), *kept])
