"""The alerts of a gateway over a runtime of vidobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vidobs import runtime as runtimes
from vidobs.core.errors import LedgerMissingError
from vidobs.gateway.alerting.desk import AlertDesk
from vidobs.gateway.alerting.memory import FILE_NAME, AlertMemory, NoMemory, SqliteAlertMemory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vidobs.core.jobs import Job
    from vidobs.gateway.alerting.settings import AlertSettings
    from vidobs.runtime import Runtime

MOST_PAST = 2_000  # jobs of before the start


def open_alerts(settings: AlertSettings, runtime: Runtime) -> AlertDesk:
    """Return the desk; give it events with `callbacks.add("*", desk.take)`, and start it.

    Raises:
        AlertMemoryError: the file of what was told cannot be used.
    """

    def past(since: datetime) -> Sequence[Job]:
        try:
            reader = runtimes.open_reader(runtime.settings)
        except LedgerMissingError:  # nothing was made yet
            return ()
        try:
            return reader.jobs(since=since, limit=MOST_PAST)[::-1]
        finally:
            reader.close()

    return AlertDesk(
        settings.channels,
        manners=settings.manners,
        thresholds=settings.thresholds,
        kinds=settings.kinds,
        memory=_memory(runtime.settings.ledger.path),
        standings=runtime.standings,
        past=past,
        guard=runtime.guard,
    )


def _memory(ledger: str | None) -> AlertMemory:
    if ledger is None:
        return NoMemory()
    return SqliteAlertMemory(str(Path(ledger).with_name(FILE_NAME)))
