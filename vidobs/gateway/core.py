"""What the routes of the gateway share: who may come in, who pays, which servers there are."""

from __future__ import annotations

import asyncio
import logging
import random
from functools import partial
from typing import TYPE_CHECKING

from vidobs.core.errors import LedgerError
from vidobs.gateway.idempotency.replays import Replays
from vidobs.gateway.observing import Observing
from vidobs.gateway.resuming import recovered, take_up, unfinished
from vidobs.gateway.together import Together
from vidobs.gateway.upstream.balance import Balance
from vidobs.gateway.upstream.http import Http
from vidobs.gateway.upstream.server import Upstream
from vidobs.gateway.videos.book import Book
from vidobs.gateway.videos.finder import Finder
from vidobs.gateway.videos.ids import Signer
from vidobs.gateway.videos.poller import Poller

if TYPE_CHECKING:
    from vidobs.gateway.client.proxies import Proxies
    from vidobs.gateway.config import Deployment, GatewayConfig
    from vidobs.gateway.idempotency.store import Answers
    from vidobs.gateway.seams import Admission, Alerts, Guards, Keys
    from vidobs.runtime import Runtime

_log = logging.getLogger("vidobs")


class Parts:
    """The parts that others may replace; without guards nobody looks at prompts."""

    def __init__(
        self, *, keys: Keys, admission: Admission, guards: Guards | None, alerts: Alerts
    ) -> None:
        self.keys = keys
        self.admission = admission
        self.guards = guards
        self.alerts = alerts


class Core:
    """Everything of one running gateway. Made inside of its event loop."""

    def __init__(
        self,
        config: GatewayConfig,
        parts: Parts,
        *,
        runtime: Runtime,
        key: bytes,
        answers: Answers,
        proxies: Proxies,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.config = config
        self.parts = parts
        self.runtime = runtime
        self.loop = loop
        self.observing = Observing(runtime, parts.admission.recorded)
        self.together = Together(runtime.store.backlog, loop, runtime.guard)
        self.http = Http(proxies)
        self.balance = Balance(
            [_upstream(each, runtime) for each in config.deployments],
            routing=config.routing,
            random=random.random,
            now_s=loop.time,
        )
        self.signer = Signer(key)
        self.book = Book(self.signer)
        self.poller = Poller(self.http, self.observing, self.book, lost_after_s=config.lost_after_s)
        self.finder = Finder(
            signer=self.signer,
            book=self.book,
            balance=self.balance,
            observing=self.observing,
            take_foreign_ids=config.take_foreign_ids,
            now_s=loop.time,
        )
        self._answers = answers
        self.replays = Replays(
            answers,
            now_us=lambda: runtime.clock.time_ns() // 1000,
            keep_s=config.idempotency_hours * 3600,
            recover=partial(recovered, self),
        )

    async def take_up(self) -> None:
        """Go on with what an earlier process left; serves all the same where it cannot be read."""
        self.replays.start()
        try:
            jobs = await asyncio.to_thread(unfinished, self.runtime)
        except LedgerError as error:
            _log.warning("videos of before are not followed: %s", error)
            return
        take_up(self, jobs)

    async def close(self) -> None:
        """Stop polling and close connections and files."""
        await self.poller.close()
        await self.http.close()
        self.replays.close()
        self._answers.close()


def _upstream(deployment: Deployment, runtime: Runtime) -> Upstream:
    context = runtime.call_context(
        base_url=deployment.base_url,
        client="",
        provider=deployment.provider,
        dialect=deployment.variant.name,
    )
    return Upstream(deployment, context)
