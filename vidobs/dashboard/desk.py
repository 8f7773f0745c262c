"""What a page may use to answer: the ledger, the read model of it, the media and the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from vidobs.config import Settings
from vidobs.dashboard.index import Index
from vidobs.ledger.reader import open_ledger
from vidobs.media.folder import PICTURE, SUFFIX, VIDEO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vidobs.ledger.reader import LedgerReader


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """The collaborators of all pages. Threads share it."""

    ledger: str  # path of the file, which need not exist yet
    index: Index
    settings: Settings
    now: Callable[[], datetime]
    links: Mapping[str, str] = {}  # name of a tool -> template of an address, as in the settings
    allow_actions: bool = False

    @contextmanager
    def reader(self) -> Iterator[LedgerReader]:
        """Open the ledger for reading; an empty one where there is none yet.

        Raises:
            LedgerError: it cannot be read.
        """
        reader = open_ledger(self.ledger)
        try:
            yield reader
        finally:
            reader.close()

    def video_of(self, job_id: str) -> Path | None:
        """Return the file of a job's video, where one is kept on this machine."""
        folders = [Path(self.ledger + SUFFIX)]
        if self.settings.store is not None:
            folders.insert(0, Path(self.settings.store.path))
        return _first([folder / f"{job_id}{VIDEO}" for folder in folders])

    def picture_of(self, job_id: str) -> Path | None:
        """Return the file of a job's thumbnail, where there is one."""
        return _first([Path(self.ledger + SUFFIX) / f"{job_id}{PICTURE}"])


def _first(places: list[Path]) -> Path | None:
    return next((place for place in places if place.is_file()), None)
