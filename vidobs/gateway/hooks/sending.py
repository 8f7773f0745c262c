"""One attempt to deliver a webhook."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.standard_webhooks import signed_headers
from vidobs.gateway.client.addresses import read_url
from vidobs.gateway.client.answers import NOT_CONNECTED, CallError
from vidobs.gateway.client.client import Client
from vidobs.gateway.client.heads import head_of_post
from vidobs.gateway.hooks.reach import ForbiddenAddressError, Reach, checked, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vidobs.gateway.client.addresses import Url
    from vidobs.gateway.client.stream import Stream
    from vidobs.gateway.hooks.reach import Resolve

TIMEOUT_S = 15.0
_CONNECT_S = 5.0
_GONE = 410
_FINE = range(200, 300)
_MOST_SECONDS = 6  # digits of `Retry-After`


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    error: str | None = None  # None: it was taken
    gone: bool = False  # the receiver never wants anything again
    retry_after_s: float | None = None


class HookSender:
    """Posts bodies to URLs that strangers gave. For one event loop."""

    def __init__(
        self,
        reach: Reach,
        *,
        timeout_s: float = TIMEOUT_S,
        resolve: Resolve = resolve,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._reach = reach
        self._resolve = resolve
        self._timeout_s = timeout_s
        self._client: Client | None = None  # made in the loop
        self._now_s = now_s

    async def send(self, url: str, keys: Sequence[bytes], event_id: str, body: bytes) -> Attempt:
        """Try once. Raises nothing that a receiver could bring about."""
        try:
            self._reach.check_url(url)
            headers = {
                "Content-Type": "application/json",
                "Connection": "close",
                **signed_headers(keys, event_id, int(self._now_s()), body),
            }
            target = read_url(url)
            request = head_of_post(target, headers, body) + body
            async with asyncio.timeout(self._timeout_s):
                answer = await self._sent(target, request)
                try:
                    await answer.pieces()  # one, so that a usual receiver is not cut off
                finally:
                    answer.close()
            return _attempt(answer.status, answer.headers.get("retry-after", ""))
        except CallError as error:
            return Attempt(error="timeout" if error.late else error.kind)
        except ForbiddenAddressError as error:
            return Attempt(error=str(error))
        except TimeoutError:
            return Attempt(error="timeout")
        except OSError:  # nobody knows the host
            return Attempt(error=NOT_CONNECTED)
        except ValueError as error:
            return Attempt(error=type(error).__name__)

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _sent(self, target: Url, request: bytes) -> Stream:
        """Dial one address after the other, until one takes the connection."""
        if self._client is None:
            connect_s = min(_CONNECT_S, self._timeout_s)
            self._client = Client(keep_alive_s=0.0, connect_s=connect_s)
        failed = CallError(NOT_CONNECTED, sent=False)
        for address in await checked(self._reach, target, self._resolve):
            try:
                return await self._client.open(target.at(address), request, read_s=self._timeout_s)
            except CallError as error:
                if error.sent:
                    raise
                failed = error
        raise failed


def _attempt(status: int, retry_after: str) -> Attempt:
    if status in _FINE:
        return Attempt()
    asked = float(retry_after[:_MOST_SECONDS]) if retry_after.isdecimal() else None
    return Attempt(error=f"status {status}", gone=status == _GONE, retry_after_s=asked)
