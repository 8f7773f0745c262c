"""What the runtime and the webhooks reach providers through: `vidobs.runtime.reach.Reach`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vidobs.core.api_errors import AuthenticationError
from vidobs.core.errors import ConfigError
from vidobs.sdk.asking._asker import Asker
from vidobs.sdk.asking._servers import Refusal, Servers, place_at, place_of
from vidobs.sdk.asking._storing import store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vidobs.core.jobs import Job
    from vidobs.ledger.open_jobs import Place
    from vidobs.runtime import Runtime
    from vidobs.runtime.reach import Stored
    from vidobs.sdk.client._server import Server


class OurClient:
    """Asks by the credentials of the environment. A connection for each question: they are rare."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def place_of(self, provider: str) -> Place:
        """Return the server that the environment names for a provider."""
        try:
            return place_at(Servers(os.environ).named(provider))
        except AuthenticationError as error:
            raise ConfigError(str(error)) from None

    def retrieve(self, place: Place, video_id: str, *, timeout_s: float) -> None:
        """Ask how a job is doing, once."""
        asker = Asker(_server(place), self._runtime, timeout_s=timeout_s, retries=0)
        try:
            asker.retrieve(video_id)
        finally:
            asker.close()

    def download(
        self, job: Job, path: Path, *, timeout_s: float, between: Callable[[], None]
    ) -> Stored:
        """Download a video to a file, and tell the ledger when it is whole."""
        asker = Asker(_server(place_of(job)), None, timeout_s=timeout_s, retries=0)
        try:
            return store(asker, self._runtime, job, path, between=between)
        finally:
            asker.close()


def _server(place: Place) -> Server:
    found = Servers(os.environ).at(place)
    if isinstance(found, Refusal):
        raise ConfigError(str(found))
    return found
