"""A vidobs of its own for the length of a test."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vidobs import config, runtime
from vidobs.core.errors import ConfigError
from vidobs.testing._events import capture_events, settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Clock
    from vidobs.core.reports import Spend
    from vidobs.ledger.reader import LedgerReader
    from vidobs.testing._events import EventLog

MOST_JOBS = 100_000


class Isolated:
    """What a vidobs of its own has seen: the jobs of its ledger and the events of this process."""

    def __init__(self, events: EventLog, clock: Clock) -> None:
        self.events = events
        self.clock = clock

    @property
    def jobs(self) -> list[Job]:
        """Every job in the ledger, oldest first, as it stands now."""
        with self._reader() as reader:
            return reader.jobs(limit=MOST_JOBS)[::-1]

    def events_of(self, job: Job) -> list[VideoEvent]:
        """Return what the ledger has of a job's events, from every process that saw it."""
        with self._reader() as reader:
            return reader.events(job.job_id)

    def spend(self, by: str = "model") -> Spend:
        """Return what the jobs cost, by `model`, `provider`, `day`, `user` or `tag`."""
        with self._reader() as reader:
            return reader.spend(by)

    def __repr__(self) -> str:
        return f"<isolated vidobs: {self.events!r}>"

    @contextmanager
    def _reader(self) -> Iterator[LedgerReader]:
        settled()
        running = runtime.current()
        if running is None:
            raise ConfigError("vidobs is switched off: there is no ledger to read")
        reader = runtime.open_reader(running.settings)
        try:
            yield reader
        finally:
            reader.close()


@contextmanager
def isolated(
    *,
    clock: Clock = time,
    config_file: str | Path | None = None,
    callbacks: Iterable[str | object] = (),
    **settings: object,
) -> Iterator[Isolated]:
    """Have a fresh vidobs inside the block, and what was there before after it.

    The ledger is in memory unless `ledger` says otherwise; no `VIDOBS_*` variable and no
    `vidobs.yaml` counts, unless `config_file` names it. Clients that are wrapped already use it
    too. One vidobs serves a whole process: tests that run at once need processes of their own, as
    pytest-xdist gives them. A `vidobs.configure(...)` inside replaces the isolated one, with
    everything that the environment says.

    Args:
        clock: where the recorded times come from, such as a `FrozenClock`.
        config_file: a YAML file to read.
        callbacks: as for `vidobs.configure`.
        settings: any other setting by its name; docs/settings.md lists them.

    Raises:
        ConfigError: a setting is unknown or cannot be used.
    """
    given = {"ledger": "memory:", "callbacks": tuple(callbacks), **settings}
    path = Path(config_file) if config_file is not None else None
    if path is not None and not given["callbacks"]:
        del given["callbacks"]  # those of the file
    loaded = config.only(given, yaml_path=path)
    with runtime.replaced(loaded, clock=clock), capture_events() as events:
        yield Isolated(events, clock)
