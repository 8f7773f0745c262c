"""Sends requests to the servers behind the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from vidobs.gateway.client.answers import MOST_BODY_BYTES, PROXY, UNFIT, CallError, Reply
from vidobs.gateway.client.client import Client
from vidobs.gateway.upstream.forms import Form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.gateway.client.addresses import Origin
    from vidobs.gateway.client.proxies import Proxies
    from vidobs.gateway.client.stream import Stream
    from vidobs.gateway.upstream.server import Upstream

__all__ = ["MOST_BODY_BYTES", "Data", "Http", "NoAnswer", "Reply"]

Data: TypeAlias = bytes | Form | None
_EXPLAINED = frozenset({PROXY, UNFIT})  # the name of others says enough


class NoAnswer(Exception):  # noqa: N818 - becomes an answer of ours
    """There was no answer. `sent`: the request, or part of it, may have arrived."""

    def __init__(self, message: str, *, error_type: str, sent: bool, late: bool = False) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.sent = sent
        self.late = late


class Http:
    """The connections to all servers. Made and closed inside of the event loop."""

    def __init__(self, proxies: Proxies) -> None:
        self._client = Client(proxies=proxies)

    async def send(
        self,
        upstream: Upstream,
        method: str,
        path: str,
        *,
        query: str = "",
        data: Data = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """Send a request and read the answer; only `GET` is ever sent twice.

        Raises:
            NoAnswer: there was none, or not all of it.
        """
        size = None
        if data is not None:
            size = len(data) if isinstance(data, bytes) else data.size_bytes
        try:
            head = upstream.heads.head(
                method, upstream.target(path, query), headers, size_bytes=size
            )
            return await self._client.ask(
                upstream.origin,
                head,
                data,
                read_s=upstream.deployment.timeout_s if timeout_s is None else timeout_s,
                again=method == "GET",
            )
        except CallError as error:
            raise no_answer(error, f"from {upstream.address}") from error

    async def open(
        self,
        upstream: Upstream,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        timeout_s: float,
    ) -> Stream:
        """Ask for a file; the caller reads it, and closes the answer.

        Raises:
            NoAnswer: there was none.
        """
        try:
            head = upstream.heads.head("GET", upstream.target(path, query), headers)
        except CallError as error:
            raise no_answer(error, f"from {upstream.address}") from error
        where = f"from {upstream.address}"
        return await self.fetch(upstream.origin, head, timeout_s=timeout_s, where=where)

    async def fetch(self, origin: Origin, head: bytes, *, timeout_s: float, where: str) -> Stream:
        """Ask for a file, wherever it is kept; `where` stands in what is raised.

        Raises:
            NoAnswer: there was no answer.
        """
        try:
            return await self._client.open(origin, head, read_s=timeout_s, again=True)
        except CallError as error:
            raise no_answer(error, where) from error

    async def small_body(self, upstream: Upstream, response: Stream) -> bytes:
        """Read what is no file, and close the answer.

        Raises:
            NoAnswer: it broke off, or is too long.
        """
        try:
            return await response.read()
        except CallError as error:
            raise no_answer(error, f"from {upstream.address}") from error

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()


def no_answer(error: CallError, where: str) -> NoAnswer:
    """Say what came of a call; `where`: which server it was."""
    said = "no answer in time" if error.late else "no answer"
    why = f"{error.kind}: {error}" if error.kind in _EXPLAINED else error.kind
    return NoAnswer(
        f"{said} {where} ({why})", error_type=error.kind, sent=error.sent, late=error.late
    )
