"""One deployment at work: its address, its health, and how busy it is."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from vidobs.gateway.client.addresses import read_url
from vidobs.gateway.client.heads import AGENT, Heads

if TYPE_CHECKING:
    from vidobs.dialects.openai import CallContext
    from vidobs.gateway.config import Deployment

POLLS_AT_ONCE = 64
_OURS = MappingProxyType({"Accept": "application/json", "User-Agent": AGENT})


class Upstream:
    """A server that requests go to. Lives in the event loop."""

    def __init__(self, deployment: Deployment, context: CallContext) -> None:
        self.deployment = deployment
        self.context = context
        self.home = read_url(deployment.base_url)
        self.headers = {**_OURS, **deployment.headers}
        self.origin = self.home.origin
        self.heads = Heads(self.home.authority, self.headers)
        self.address = f"{context.server_address}:{context.server_port}"
        self.gate = asyncio.Semaphore(POLLS_AT_ONCE)
        self.shown_at = 0.0  # when it last showed a video, by the loop's clock
        self.busy = 0  # requests under way
        self.fails = 0  # in a row
        self.rests_until = 0.0  # by the loop's clock
        self._query = urlencode(dict(deployment.query), quote_via=quote)
        self._base = self.home.target.rstrip("/")
        self._fixed: dict[str, str] = {}

    def target(self, path: str, query: str = "") -> str:
        """Return path and query of a request; `path` and `query` are encoded already."""
        if query:
            query = f"{self._query}&{query}" if self._query else query
        elif path in self._fixed:
            return self._fixed[path]
        whole = query or self._query
        target = f"{self._base}{path}?{whole}" if whole else self._base + path
        if not query and path.count("/") == 1:  # the same for all: `/videos`
            self._fixed[path] = target
        return target

    def worked(self) -> None:
        """Note an answer."""
        self.fails = 0

    def failed(self, now_s: float, *, allowed: int, rest_s: float) -> bool:
        """Note a failure; tell whether the server now rests."""
        self.fails += 1
        if self.fails < allowed:
            return False
        self.rests_until = max(self.rests_until, now_s + rest_s)
        return True

    def rest(self, until_s: float) -> None:
        """Leave the server alone: it asked for that."""
        self.rests_until = max(self.rests_until, until_s)
