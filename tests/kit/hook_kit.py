"""What the tests of client webhooks share: the webhooks of a gateway over a real ledger."""

import asyncio
from contextlib import asynccontextmanager

import httpx
from guard_kit import ALICE

from vidobs import runtime
from vidobs.gateway.hooks.feed import LedgerFeed
from vidobs.gateway.hooks.reach import OPENED_BY_TRUE, Reach
from vidobs.gateway.hooks.routes import EndpointRoutes
from vidobs.gateway.hooks.sending import HookSender
from vidobs.gateway.hooks.service import Hooks
from vidobs.gateway.hooks.store import SqliteHookStore
from vidobs.gateway.seams import Principal, Refusal, Role

OPEN = Reach(kinds=OPENED_BY_TRUE)
BOB = Principal(role=Role.KEY, owner="vk_bob")
VIEWER = Principal(role=Role.VIEWER, owner="viewer")


class TwoKeys:
    """Alice and Bob have keys."""

    def principal(self, token, now):
        """Return who has this key."""
        del now
        known = {"sk-alice": ALICE, "sk-bob": BOB, "sk-viewer": VIEWER}
        if token not in known:
            raise Refusal(401, "no such key", code="invalid_api_key")
        return known[token]


class Front:
    """What a test uses: the running webhooks, and a client of their routes."""

    def __init__(self, hooks, client):
        self.hooks = hooks
        self.client = client

    async def register(self, url, key="sk-alice", **given):
        """Register an endpoint."""
        answer = await self.call("POST", "", key, json={"url": url, **given})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def call(self, method, path, key="sk-alice", **given):
        """Ask a route."""
        headers = {"authorization": f"Bearer {key}"}
        return await self.client.request(
            method, f"/v1/webhook_endpoints{path}", headers=headers, **given
        )

    async def settled(self, endpoint_id, *, pending=0, key="sk-alice"):
        """Wait until so much is on its way to an endpoint; return it."""
        async with asyncio.timeout(10):
            while True:
                shown = (await self.call("GET", f"/{endpoint_id}", key)).json()
                if shown["pending"] == pending:
                    return shown
                self.hooks.wake()


@asynccontextmanager
async def running(folder, *, reach=OPEN, resolve=None, waits_s=(0.0,), **options):
    """Webhooks beside the ledger in a folder."""
    given = {} if resolve is None else {"resolve": resolve}
    hooks = Hooks(
        SqliteHookStore(str(folder / "hooks.db")),
        LedgerFeed(str(folder / "ledger.db")),
        HookSender(reach, timeout_s=2, **given),
        waits_s=waits_s,
        **{"video_id": lambda job: f"video_of_{job.provider_job_id}", **options},
    )
    app = EndpointRoutes(hooks, TwoKeys(), reach, **given).app()
    await hooks.start()
    unsubscribe = runtime.on("video.*", hooks.wake)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        try:
            yield Front(hooks, client)
        finally:
            unsubscribe()
            await hooks.close()
