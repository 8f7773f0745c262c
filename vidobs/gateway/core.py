"""What the routes of the gateway share: who may come in, who pays, which servers there are."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from vidobs.gateway.observing import Observing
from vidobs.gateway.upstream.balance import Balance
from vidobs.gateway.upstream.http import Http
from vidobs.gateway.upstream.server import Upstream
from vidobs.gateway.videos.book import Book
from vidobs.gateway.videos.finder import Finder
from vidobs.gateway.videos.ids import Signer
from vidobs.gateway.videos.poller import Poller

if TYPE_CHECKING:
    import asyncio

    from vidobs.gateway.config import Deployment, GatewayConfig
    from vidobs.gateway.seams import Admission, Alerts, Guards, Keys
    from vidobs.runtime import Runtime


class Parts:
    """The parts that others may replace."""

    def __init__(self, *, keys: Keys, admission: Admission, guards: Guards, alerts: Alerts) -> None:
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
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.config = config
        self.parts = parts
        self.runtime = runtime
        self.loop = loop
        self.observing = Observing(runtime, parts.admission.recorded)
        self.http = Http()
        self.balance = Balance(
            [_upstream(each, runtime) for each in config.deployments],
            routing=config.routing,
            random=random.random,
            now_s=loop.time,
        )
        self.signer = Signer(key)
        self.book = Book(self.signer)
        self.poller = Poller(self.http, self.observing, self.book)
        self.finder = Finder(
            signer=self.signer,
            book=self.book,
            balance=self.balance,
            observing=self.observing,
            take_foreign_ids=config.take_foreign_ids,
            now_s=loop.time,
        )

    async def close(self) -> None:
        """Stop polling and close the connections."""
        await self.poller.close()
        await self.http.close()


def _upstream(deployment: Deployment, runtime: Runtime) -> Upstream:
    context = runtime.call_context(
        base_url=deployment.base_url,
        client="",
        provider=deployment.provider,
        dialect=deployment.variant.name,
    )
    return Upstream(deployment, context)
