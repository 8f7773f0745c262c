"""One attempt to deliver a webhook."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import aiohttp
import msgspec
from yarl import URL

from vidobs.core.standard_webhooks import signed_headers
from vidobs.gateway.hooks.reach import CheckedResolver, ForbiddenAddressError, Reach, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vidobs.gateway.hooks.reach import Resolve

TIMEOUT_S = 15.0
_MOST_READ = 4096
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
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(5.0, timeout_s))
        self._sessions: dict[str, aiohttp.ClientSession] = {}  # by scheme
        self._now_s = now_s

    async def send(self, url: str, keys: Sequence[bytes], event_id: str, body: bytes) -> Attempt:
        """Try once. Raises nothing that a receiver could bring about."""
        try:
            self._reach.check_url(url)
            target = URL(url, encoded=True)
            if _is_address(target.host or ""):  # dialled without asking a resolver
                self._reach.check(target.scheme, [target.host or ""])
            headers = {
                "content-type": "application/json",
                "user-agent": "vidobs-gateway",
                **signed_headers(keys, event_id, int(self._now_s()), body),
            }
            async with self._session(target.scheme).post(
                target, data=body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.content.read(_MOST_READ)
                return _attempt(answer.status, answer.headers.get("retry-after", ""))
        except ForbiddenAddressError as error:
            return Attempt(error=str(error))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Attempt(error=_named(error))

    async def close(self) -> None:
        """Close the connections."""
        while self._sessions:
            await self._sessions.popitem()[1].close()

    def _session(self, scheme: str) -> aiohttp.ClientSession:
        session = self._sessions.get(scheme)
        if session is None:
            connector = aiohttp.TCPConnector(
                resolver=CheckedResolver(self._reach, scheme, self._resolve),
                use_dns_cache=False,
                force_close=True,
                limit_per_host=2,
            )
            session = self._sessions[scheme] = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return session


def _attempt(status: int, retry_after: str) -> Attempt:
    if status in _FINE:
        return Attempt()
    asked = float(retry_after[:_MOST_SECONDS]) if retry_after.isdecimal() else None
    return Attempt(error=f"status {status}", gone=status == _GONE, retry_after_s=asked)


def _named(error: BaseException) -> str:
    """Name what went wrong, without anything that only this machine should know."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ForbiddenAddressError):
            return str(cause)
        cause = getattr(cause, "os_error", None) or cause.__cause__
    return "timeout" if isinstance(error, TimeoutError) else type(error).__name__


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
