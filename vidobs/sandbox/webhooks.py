"""Telling a receiver that a job has ended, as OpenAI's webhooks do.

At least once while the sandbox runs: an attempt that is not answered with 2xx is made again, with
the same id and body and a new signature, a few times. The order is not promised.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import httpx

from vidobs.sandbox.jobs import NS, Status
from vidobs.sandbox.records import SandboxWebhook, WebhookAttempt, utc
from vidobs.telemetry.http import suppressed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.core.protocols import Clock
    from vidobs.sandbox.jobs import StoredJob
    from vidobs.sandbox.signing import WebhookTarget
    from vidobs.sandbox.store import JobStore

RETRY_AFTER_S = (0.5, 2.0, 5.0, 15.0)  # times the time scale; the first attempt is at once
TIMEOUT_S = 5.0
LOOK_S = 0.02  # how often a clock that is moved by hand is looked at
AT_ONCE = 8  # attempts
GONE = 410
_KEPT = 10_000


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    at_ns: int
    job_id: str


class Courier:
    """Waits for jobs to end and tells the receiver. Only `sent` is for other threads."""

    def __init__(
        self, target: WebhookTarget, store: JobStore, *, clock: Clock, time_scale: float
    ) -> None:
        self._target = target
        self._store = store
        self._clock = clock
        self._time_scale = time_scale
        self._due: list[_Due] = []
        self._sent: dict[str, SandboxWebhook] = {}
        self._more = asyncio.Event()
        self._free = asyncio.Semaphore(AT_ONCE)

    def expect(self, job: StoredJob) -> None:
        """Tell the receiver when this job ends."""
        end = job.course.end(job.created_ns)
        if end is not None:
            heapq.heappush(self._due, _Due(end[0], job.id))
            self._more.set()

    def sent(self) -> Sequence[SandboxWebhook]:
        """Return every webhook that is kept, oldest first, those still under way too."""
        return tuple(self._sent.copy().values())

    async def run(self) -> None:
        """Send webhooks until cancelled; what is under way then is given up."""
        with suppressed():  # whoever traces the tests has no use for the sandbox's own requests
            async with (
                httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as http,
                asyncio.TaskGroup() as tasks,
            ):
                while True:
                    await self._wait()
                    for job in self._ended():
                        tasks.create_task(self._deliver(http, job))

    async def _wait(self) -> None:
        """Return when the next job may have ended, or another one is expected."""
        self._more.clear()
        left_s = (self._due[0].at_ns - self._clock.time_ns()) / NS if self._due else None
        timeout_s = None if left_s is None else max(0.0, min(left_s, LOOK_S))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._more.wait(), timeout_s)

    def _ended(self) -> list[StoredJob]:
        """Take the jobs that have ended, without those that were deleted or forgotten."""
        ended: list[StoredJob] = []
        while self._due and self._due[0].at_ns <= self._clock.time_ns():
            job = self._store.find(heapq.heappop(self._due).job_id)
            if job is not None:
                ended.append(job)
        return ended

    async def _deliver(self, http: httpx.AsyncClient, job: StoredJob) -> None:
        webhook, body = self._event(job)
        for wait_s in (0.0, *RETRY_AFTER_S):
            await asyncio.sleep(wait_s * self._time_scale)
            async with self._free:
                attempt = await self._post(http, webhook.id, body)
            webhook = replace(webhook, attempts=(*webhook.attempts, attempt))
            self._keep(webhook)
            if webhook.delivered or attempt.status == GONE:
                return

    def _event(self, job: StoredJob) -> tuple[SandboxWebhook, bytes]:
        """Return the record of a webhook, and its body, which is the same at every attempt."""
        now_ns = self._clock.time_ns()
        failed = job.state(now_ns).status is Status.FAILED
        webhook = SandboxWebhook(
            id=f"evt_{secrets.token_hex(16)}",
            type="video.failed" if failed else "video.completed",
            video_id=job.id,
            created_at=utc(now_ns),
        )
        event = {
            "id": webhook.id,
            "object": "event",
            "created_at": now_ns // NS,
            "type": webhook.type,
            "data": {"id": job.id},
        }
        self._keep(webhook)
        return webhook, json.dumps(event, separators=(",", ":")).encode()

    async def _post(self, http: httpx.AsyncClient, message_id: str, body: bytes) -> WebhookAttempt:
        """Make one attempt. A receiver checks the time against its own clock, so it is the real."""
        headers = {
            "content-type": "application/json",
            "user-agent": "vidobs-sandbox",
            **self._target.headers(message_id, timestamp_s=int(time.time()), body=body),
        }
        at = utc(time.time_ns())
        try:
            async with http.stream("POST", self._target.url, content=body, headers=headers) as got:
                return WebhookAttempt(at=at, status=got.status_code)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return WebhookAttempt(at=at, error=type(error).__name__)

    def _keep(self, webhook: SandboxWebhook) -> None:
        self._sent[webhook.id] = webhook
        if len(self._sent) > _KEPT:
            del self._sent[next(iter(self._sent))]
