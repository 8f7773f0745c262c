"""What a download asks of whoever keeps videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from vidobs.media.spool import Spool
    from vidobs.observer.sought import SoughtJob


class Keeper(Protocol):
    """Takes the bytes of downloads, where the capture policy asks for them. Never raises."""

    def spool(self) -> Spool | None:
        """Begin to keep the bytes of a download; `None` where nothing is to be kept."""
        ...

    def take(self, spool: Spool, sought: SoughtJob) -> None:
        """Take over the whole video of a job, which may not be written yet; never waits."""
        ...
