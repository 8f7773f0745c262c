"""The parts of one running sandbox, handed to every endpoint."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vidobs.sandbox.characters import CharacterStore
from vidobs.sandbox.faults import FaultPicker, parse_shares
from vidobs.sandbox.journal import Journal
from vidobs.sandbox.recording import Recording
from vidobs.sandbox.records import view
from vidobs.sandbox.renders import Renders
from vidobs.sandbox.scenario import Player
from vidobs.sandbox.store import JobStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.dialects.rows import Manner
    from vidobs.sandbox.records import SandboxJob, SandboxWebhook
    from vidobs.sandbox.settings import Settings
    from vidobs.sandbox.webhooks import Courier


class Backend:
    """The state of one sandbox.

    Only `jobs`, `webhooks`, `journal` and `renders.stop` are for other threads.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = JobStore(settings.max_jobs)
        self.characters = CharacterStore(settings.max_jobs)
        self.journal = Journal(settings.max_requests)
        self.renders = Renders(settings.max_cache_bytes)
        self.picker = FaultPicker(parse_shares(settings.faults))
        self.player = Player(settings.scenario)
        self.recording = _recording(settings)
        self.stopping = asyncio.Event()
        self.courier = _courier(settings, self.store)

    @property
    def manner(self) -> Manner:
        """How the server that is played answers."""
        return self.settings.dialect.manner

    def now_ns(self) -> int:
        """Return nanoseconds since 1970 by the sandbox's clock."""
        return self.settings.clock.time_ns()

    def jobs(self) -> Sequence[SandboxJob]:
        """Return every job that is kept, as it stands now."""
        now_ns = self.now_ns()
        return tuple(view(job, now_ns=now_ns) for job in self.store.everything())

    def webhooks(self) -> Sequence[SandboxWebhook]:
        """Return every webhook that is kept, as it stands now."""
        return () if self.courier is None else self.courier.sent()

    def close(self) -> None:
        """End the workers and close what is open."""
        self.renders.close()
        if self.recording is not None:
            self.recording.close()


def _recording(settings: Settings) -> Recording | None:
    if settings.record is None:
        return None
    return Recording(settings.record, started_ns=settings.clock.time_ns())


def _courier(settings: Settings, store: JobStore) -> Courier | None:
    """Return who sends webhooks, where somebody wants them."""
    if settings.webhook is None:
        return None
    from vidobs.sandbox.webhooks import Courier  # loads an HTTP client

    return Courier(settings.webhook, store, clock=settings.clock, time_scale=settings.time_scale)
