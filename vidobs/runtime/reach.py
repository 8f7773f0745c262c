"""The way from here up to our own client, which stands above the runtime and asks providers.

What the environment has the credentials for may be asked, and nothing else: a job names its server,
and a key goes to the server that it belongs to.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vidobs.core.jobs import Job
    from vidobs.ledger.open_jobs import Place
    from vidobs.runtime._runtime import Runtime

_HOME = "vidobs.sdk.asking.reach"  # loaded when somebody is first asked


class Stored(msgspec.Struct, frozen=True):
    """A file that was downloaded whole."""

    size_bytes: int
    sha256: str


class Reach(Protocol):
    """Asks providers about jobs; what they answer is observed as if the user had asked.

    Every method raises `ConfigError` where nobody may be asked, with the reason and what to do, and
    `APIError` where that did not work.
    """

    def place_of(self, provider: str) -> Place:
        """Return the server that the environment names for a provider."""
        ...

    def retrieve(self, place: Place, video_id: str, *, timeout_s: float) -> None:
        """Ask how a job is doing, once."""
        ...

    def download(
        self, job: Job, path: Path, *, timeout_s: float, between: Callable[[], None]
    ) -> Stored:
        """Download a video to a file; `between` is called before each piece, and may raise."""
        ...


def reach(runtime: Runtime) -> Reach:
    """Return the way to providers; what it sees is told to this runtime."""
    return cast("Reach", import_module(_HOME).OurClient(runtime))
