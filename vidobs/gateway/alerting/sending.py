"""Brings alerts to a channel: in order, again where it fails, and loudly given up in the end."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from vidobs.gateway.alerting.payloads import title_of
from vidobs.gateway.client.addresses import read_url
from vidobs.gateway.client.answers import CallError
from vidobs.gateway.client.client import Client
from vidobs.gateway.client.heads import head_of_post
from vidobs.gateway.client.proxies import Proxies

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from vidobs.gateway.alerting.engine import Alert
    from vidobs.gateway.alerting.payloads import Channel

WAITS_S = (2.0, 10.0, 60.0, 300.0)  # between attempts
TIMEOUT_S = 10.0
MOST_WAITING = 200
LONGEST_ASKED_S = 600.0
_AGAIN = frozenset({408, 425, 429})
_REFUSED = range(400, 500)
_FINE = range(200, 300)
_MOST_DIGITS = 5

_log = logging.getLogger("vidobs")


class Sender:
    """One channel. For one event loop."""

    def __init__(
        self,
        channel: Channel,
        *,
        done: Callable[[Alert], Awaitable[None]],
        waits_s: Sequence[float] = WAITS_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """`done` is called once an alert was taken, or given up.

        Raises:
            ConfigError: a proxy of the environment cannot be used.
        """
        self._channel = channel
        self._done = done
        self._waits_s = tuple(waits_s)
        self._timeout_s = timeout_s
        self._waiting: asyncio.Queue[Alert] = asyncio.Queue(MOST_WAITING)
        self._proxies = Proxies(os.environ)
        self._client: Client | None = None  # made in the loop
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="vidobs-alerts")

    def put(self, alert: Alert) -> None:
        """Queue an alert; the oldest is dropped where too many wait."""
        if self._waiting.full():
            dropped = self._waiting.get_nowait()
            self._waiting.task_done()
            self._say(dropped, "too many alerts wait for it")
        self._waiting.put_nowait(alert)

    async def close(self, drain_s: float) -> None:
        """Send what waits, for a moment, then stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await self._waiting.join()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        while not self._waiting.empty():
            self._say(self._waiting.get_nowait(), "the gateway ends")
        if self._client is not None:
            await self._client.close()

    async def _run(self) -> None:
        while True:
            alert = await self._waiting.get()
            try:
                error = await self._deliver(alert)
                if error is not None:
                    self._say(alert, error)
                await self._done(alert)
            finally:
                self._waiting.task_done()

    async def _deliver(self, alert: Alert) -> str | None:
        """Send an alert; return why it was given up."""
        error = None
        for wait_s in (*self._waits_s, None):
            error, again, asked_s = await self._try(alert)
            if error is None or not again or wait_s is None:
                break
            await asyncio.sleep(max(wait_s, min(asked_s, LONGEST_ASKED_S)))
        return error

    async def _try(self, alert: Alert) -> tuple[str | None, bool, float]:
        """Try once; return what went wrong, whether to try again, and the wait asked for."""
        post = self._channel.post(alert, int(time.time()))
        if self._client is None:
            self._client = Client(proxies=self._proxies)
        try:
            url = read_url(post.url)
            request = head_of_post(url, post.headers, post.body) + post.body
            async with asyncio.timeout(self._timeout_s):
                answer = await self._client.open(url.origin, request, read_s=self._timeout_s)
                try:
                    await answer.pieces()  # one, so that a usual receiver is not cut off
                finally:
                    answer.close()
        except CallError as error:
            return error.kind, True, 0.0
        except (TimeoutError, ValueError) as error:
            return type(error).__name__, True, 0.0  # the text may hold the URL
        status, asked = answer.status, answer.headers.get("retry-after", "")
        if status in _FINE:
            return None, False, 0.0
        again = status in _AGAIN or status not in _REFUSED
        asked_s = float(asked[:_MOST_DIGITS]) if asked.isdecimal() else 0.0
        return f"status {status}", again, asked_s

    def _say(self, alert: Alert, why: str) -> None:
        _log.error("an alert was not sent to %s (%s): %s", self._channel.name, why, title_of(alert))
