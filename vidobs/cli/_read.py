"""What the commands need from outside: the ledger's read model and the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from vidobs.core.errors import ConfigError
from vidobs.core.jobs import Job

if TYPE_CHECKING:
    import typer

    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import JobState
    from vidobs.core.reports import Children, LedgerInfo, Spend


class Reader(Protocol):
    """The ledger, for reading. Each method raises `LedgerError` when it cannot be read."""

    def jobs(
        self,
        *,
        state: JobState | None = None,
        model: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Job]:
        """Return jobs, the newest first."""
        ...

    def job(self, id_or_prefix: str) -> list[Job]:
        """Return the jobs that have this id, a longer one, or this id at the provider."""
        ...

    def events(self, job_id: str) -> list[VideoEvent]:
        """Return a job's events, the oldest first."""
        ...

    def children(self, job: Job) -> Children:
        """Return the jobs that were made from a job's video."""
        ...

    def spend(self, by: str, since: datetime | None = None) -> Spend:
        """Return what the jobs cost, by model, provider, day, user or tag."""
        ...

    def info(self) -> LedgerInfo:
        """Return the state of the ledger itself; checks the whole file."""
        ...


def open_reader() -> Reader:
    """Open the ledger that the settings name, without ever creating or changing it."""
    from vidobs import config
    from vidobs.ledger.reader import open_ledger

    return open_ledger(config.load().settings.ledger.path)


def ledger_path() -> str:
    """Return the file that the settings name.

    Raises:
        ConfigError: the ledger is in the memory of whichever process uses it.
    """
    from vidobs import config

    path = config.load().settings.ledger.path
    if path is None:
        raise ConfigError(
            "a ledger in memory can only be seen by the process that has it; "
            "point VIDOBS_LEDGER at a file, such as sqlite:///ledger.db"
        )
    return path


def kept_media(job: Job) -> list[Path]:
    """Return the files that are kept of a job's video beside the ledger that the settings name."""
    from vidobs import config
    from vidobs.media.folder import MediaFolder

    path = config.load().settings.ledger.path
    return [] if path is None else MediaFolder.beside(path).kept(job.job_id)


class Doors(msgspec.Struct, frozen=True):
    """Where the commands get the ledger and the time from; a test hands in its own as `obj`."""

    open_reader: Callable[[], Reader] = open_reader
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    kept_media: Callable[[Job], list[Path]] = kept_media


def doors(ctx: typer.Context) -> Doors:
    """Return what this run was given, else the real ones."""
    return ctx.obj if isinstance(ctx.obj, Doors) else Doors()
