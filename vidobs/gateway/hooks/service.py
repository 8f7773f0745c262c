"""The webhooks of clients at work: follows the ledger, queues, sends, tries again.

Everything that waits for a disk runs on one thread of its own, everything that waits for a receiver
in the event loop; nothing here is waited for by a request for a video.
"""

from __future__ import annotations

import asyncio
import logging
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import msgspec

from vidobs._guard import Guard
from vidobs.core.errors import LedgerError
from vidobs.core.scrub import scrub
from vidobs.gateway.hooks import schedule
from vidobs.gateway.hooks.messages import message_of
from vidobs.gateway.hooks.store import HookStoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vidobs.core.jobs import Job
    from vidobs.gateway.hooks.feed import LedgerFeed
    from vidobs.gateway.hooks.records import Delivery, Endpoint
    from vidobs.gateway.hooks.sending import Attempt, HookSender
    from vidobs.gateway.hooks.store import HookStore

T = TypeVar("T")

LOOK_S = 2.0  # between two looks at the ledger that nobody asked for
AT_ONCE = 64  # attempts
PER_ENDPOINT = 2
_GONE = "it answered 410: it wants no more events"

_log = logging.getLogger("vidobs")


def _now() -> datetime:
    return datetime.now(UTC)


class Hooks:
    """Tells endpoints of what ended. Lives in the event loop in which it was started."""

    def __init__(
        self,
        store: HookStore,
        feed: LedgerFeed,
        sender: HookSender,
        *,
        video_id: Callable[[Job], str | None],
        guard: Guard | None = None,
        waits_s: Sequence[float] = schedule.WAITS_S,
        give_up_s: float = schedule.GIVE_UP_S,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self.store = store
        self._feed = feed
        self._sender = sender
        self._video_id = video_id
        self._guard = guard or Guard()
        self._waits_s = waits_s
        self._give_up_s = give_up_s
        self.now = now
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vidobs-hooks")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._more = asyncio.Event()
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._broken = False
        self._began_at: tuple[str, int] | None = None  # a ledger that was there, and its end

    async def start(self) -> None:
        """Begin to follow and to send."""
        self._loop = asyncio.get_running_loop()
        self._begin()

    def wake(self, *_: object) -> None:
        """Look at the ledger now: something ended. For any thread; returns at once."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            with suppress(RuntimeError):  # the loop was closed in between
                loop.call_soon_threadsafe(self._more.set)

    async def close(self) -> None:
        """Stop; what was not delivered is sent after the next start."""
        self._loop = None
        tasks = [self._task, *self._running.values()]
        for task in tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(one for one in tasks if one is not None), return_exceptions=True)
        await self._sender.close()
        await self.on_thread(self._feed.close)
        await self.on_thread(self.store.close)
        self._thread.shutdown(wait=True)

    def _begin(self) -> None:
        if self._loop is not None:
            self._task = self._loop.create_task(self._run(), name="vidobs-hooks")
            self._task.add_done_callback(self._died)

    def _died(self, task: asyncio.Task[None]) -> None:
        """Go on after a fault of our own: it is counted and said, and webhooks come late."""
        error = None if task.cancelled() else task.exception()
        if error is not None and self._loop is not None:
            self._guard.trip("webhooks", error)
            self._loop.call_later(LOOK_S, self._begin)

    async def on_thread(self, action: Callable[[], T]) -> T:
        """Do something that may wait for the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, action)

    # -- following and sending ---------------------------------------------------------------------

    async def _run(self) -> None:
        while self._loop is not None:
            self._more.clear()
            rest_s = LOOK_S
            try:
                await self.on_thread(self._follow)
                rest_s = min(rest_s, await self._send_due())
            except (LedgerError, HookStoreError) as error:
                self._tell_broken(error)
            else:
                self._broken = False
            with suppress(TimeoutError):
                async with asyncio.timeout(rest_s):  # `wait_for` may swallow a cancellation
                    await self._more.wait()

    def _follow(self) -> None:
        """Queue what ended since the last look."""
        if self._began_at is None:
            self._began_at = (self._feed.identity(), self._feed.newest())
        more = True
        while more:
            ledger = self._feed.identity()
            place = self.store.place(ledger)
            if place is None:  # what ended before there were webhooks is nobody's news
                place = self._began_at[1] if ledger == self._began_at[0] else 0
            page = self._feed.read(place)
            found = [
                self._guard.run("webhook message", message_of, event, self._video_id)
                for event in page.events
            ]
            messages = [message for message in found if message is not None]
            if page.place != place or self.store.place(ledger) is None:
                self.store.take(page.ledger, page.place, messages, self.now())
            more = page.more

    async def _send_due(self) -> float:
        """Start what is due and not under way; return when to look again, in seconds."""
        now = self.now()
        due = await self.on_thread(lambda: self.store.due(now, AT_ONCE))
        for delivery in due:
            key = (delivery.endpoint_id, delivery.event_id)
            if key not in self._running and self._has_room(delivery.endpoint_id):
                task = asyncio.create_task(self._deliver(delivery), name="vidobs-hook")
                self._running[key] = task
                task.add_done_callback(partial(self._over, key))
        if due:
            return LOOK_S  # whatever ends under way wakes us
        coming = await self.on_thread(self.store.next_due)
        if coming is None:
            return LOOK_S
        return max(0.0, (coming - now).total_seconds())

    def _has_room(self, endpoint_id: str) -> bool:
        here = sum(1 for one, _ in self._running if one == endpoint_id)
        return len(self._running) < AT_ONCE and here < PER_ENDPOINT

    def _over(self, key: tuple[str, str], task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        error = None if task.cancelled() else task.exception()
        if error is None:
            self._more.set()
        else:  # it stays due: not at once again
            self._guard.trip("webhook delivery", error)

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            endpoint = await self.on_thread(lambda: self.store.endpoint(delivery.endpoint_id))
            if endpoint is None or endpoint.disabled is not None:
                await self.on_thread(lambda: self.store.done(delivery))
                return
            attempt = await self._sender.send(
                endpoint.url, endpoint.keys_at(self.now()), delivery.event_id, delivery.body
            )
            await self.on_thread(lambda: self._keep(endpoint, delivery, attempt))
        except HookStoreError as error:  # it stays in the queue, and is due again
            self._tell_broken(error)

    def _keep(self, endpoint: Endpoint, delivery: Delivery, attempt: Attempt) -> None:
        """Write down what came of an attempt."""
        if attempt.gone:
            self._change(endpoint.id, disabled=_GONE, last_error=attempt.error)
            _log.warning("webhook endpoint %s is switched off: %s", endpoint.id, _GONE)
        elif endpoint.last_error != attempt.error:
            self._change(endpoint.id, last_error=attempt.error)
        if attempt.error is None or attempt.gone:
            self.store.done(delivery)
        else:
            self._postpone(delivery, attempt)

    def _change(self, endpoint_id: str, **changes: object) -> None:
        """Change an endpoint as it is by now: its owner may have changed it meanwhile."""
        endpoint = self.store.endpoint(endpoint_id)
        if endpoint is not None:
            self.store.change(msgspec.structs.replace(endpoint, **changes))

    def _postpone(self, delivery: Delivery, attempt: Attempt) -> None:
        tried = msgspec.structs.replace(
            delivery, attempts=delivery.attempts + 1, last_error=attempt.error
        )
        due = schedule.next_try(
            tried,
            self.now(),
            jitter=random.random(),  # noqa: S311 - spreads attempts, keeps no secret
            asked_s=attempt.retry_after_s,
            waits_s=self._waits_s,
            give_up_s=self._give_up_s,
        )
        if due is not None:
            self.store.postpone(msgspec.structs.replace(tried, due_at=due))
            return
        self.store.done(delivery)
        _log.error(
            "webhook %s was given up after %d attempts at endpoint %s: %s",
            delivery.event_id, tried.attempts, delivery.endpoint_id, attempt.error,
        )  # fmt: skip

    def _tell_broken(self, error: Exception) -> None:
        if not self._broken:
            self._broken = True
            _log.error("webhooks to clients wait: %s", scrub(str(error)))
