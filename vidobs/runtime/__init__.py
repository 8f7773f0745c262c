"""The one runtime of a process: made by `configure`, or from the environment at first use.

The only module that holds state of the whole process.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vidobs import config
from vidobs.core import billing
from vidobs.ledger.database import MEMORY
from vidobs.ledger.reader import LedgerReader, open_ledger
from vidobs.media.folder import PICTURE, MediaFolder
from vidobs.runtime._runtime import Runtime
from vidobs.runtime.kept import Kept
from vidobs.runtime.parts import built_in_prices
from vidobs.telemetry.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from decimal import Decimal

    from vidobs.config import Loaded, Settings
    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Clock
    from vidobs.telemetry.deliveries import ExporterStanding
    from vidobs.telemetry.exposition import HistogramSample, Sample

__all__ = [
    "Runtime",
    "configure",
    "cost",
    "count",
    "counted",
    "current",
    "flush",
    "kept",
    "on",
    "open_reader",
    "replaced",
    "reset",
    "settle",
    "shutdown",
    "thumbnail",
]

EXIT_TIMEOUT_S = 2.0

_log = logging.getLogger("vidobs")


class _Process:
    """What this process has: at most one runtime, and what a forked child must not touch."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.runtime: Runtime | None = None
        self.ending: Runtime | None = None  # its exporters are still at work
        self.disabled: bool | None = None  # None: not looked yet
        self.kept = Kept()
        self.totals = Totals()  # of whichever runtimes there are; off until somebody scrapes
        self.parent: Runtime | None = None  # of the process that forked this one
        self.inherited: list[Runtime] = []  # kept for ever: closing their files would harm theirs


_process = _Process()


def configure(loaded: Loaded, *, clock: Clock = time, apart: bool = False) -> Runtime | None:
    """Replace the runtime by one with these settings; `None` when vidobs is switched off.

    Functions given with `on` stay subscribed. `apart` has a process of its own deliver to durable
    exporters.
    """
    with _process.lock:
        before = _process.runtime
        callbacks = before.callbacks if before is not None else None
        if before is not None:
            before.retire(EXIT_TIMEOUT_S)
        for warning in loaded.warnings:
            _log.warning("%s", warning)
        _process.disabled = loaded.settings.disabled
        _process.runtime = None
        if not _process.disabled:
            _process.runtime = Runtime(
                loaded,
                callbacks=callbacks,
                clock=clock,
                look_at=_standings,
                totals=_process.totals,
                apart=apart,
            )
        return _process.runtime


def current() -> Runtime | None:
    """Return the runtime, made from the environment if there is none; `None` when switched off.

    Raises `ConfigError` when the environment or the configuration file cannot be used.
    """
    runtime = _process.runtime
    if runtime is not None or _process.disabled:
        return runtime
    with _process.lock:
        if _process.parent is not None:
            return _go_on_from(_process.parent)
        if _process.runtime is None and not _process.disabled:
            if config.switched_off(os.environ):
                _process.disabled = True
                return None
            return configure(config.load())
        return _process.runtime


def on(pattern: str, function: Callable[[VideoEvent], object]) -> Callable[[], None]:
    """Tell a function of events; return a way to take that back."""
    runtime = current()
    return runtime.callbacks.add(pattern, function) if runtime is not None else _nothing


def flush(timeout_s: float) -> int:
    """Flush the runtime, if there is one; return what is left."""
    runtime = _process.runtime
    return runtime.flush(timeout_s) if runtime is not None else 0


def kept() -> Kept:
    """Return what this process keeps until it is shut down; a forked child has its own."""
    return _process.kept


def shutdown(timeout_s: float) -> int:
    """End the runtime, if there is one; return what is left. The next call makes a new one."""
    _process.kept.close()
    with _process.lock:
        runtime, _process.runtime = _process.runtime, None
        _process.ending = runtime
    try:
        return runtime.shutdown(timeout_s) if runtime is not None else 0
    finally:
        _process.ending = None


def reset() -> None:
    """Forget everything, as in a new process. For tests."""
    shutdown(EXIT_TIMEOUT_S)
    _process.totals.stop()
    _process.disabled = None


@contextmanager
def replaced(loaded: Loaded, *, clock: Clock = time) -> Iterator[Runtime | None]:
    """Have another runtime for a while, then go on with the one of before. For tests.

    Whatever the process is set up to in between is shut down at the end.
    """
    with _process.lock:
        before = _process.runtime, _process.disabled
        _process.runtime = None
        try:
            made = configure(loaded, clock=clock)
        except BaseException:
            _process.runtime, _process.disabled = before
            raise
    try:
        yield made
    finally:
        shutdown(EXIT_TIMEOUT_S)
        with _process.lock:
            _process.runtime, _process.disabled = before


def settle(timeout_s: float) -> bool:
    """Wait until functions were told of what happened so far; return whether they were."""
    runtime = _process.runtime
    return runtime is None or runtime.settle(timeout_s)


def count() -> None:
    """Sum up what is measured, from now on and for every runtime to come."""
    _process.totals.start()


def counted() -> list[Sample | HistogramSample]:
    """Return what was measured since `count`, and how exporters stand now."""
    runtime = _process.runtime
    gauges = [] if runtime is None else list(runtime.signals.exporters.gauges())
    return [*_process.totals.samples(), *sorted(gauges, key=lambda one: one.instrument.name)]


def open_reader(settings: Settings) -> LedgerReader:
    """Open a ledger for reading: the file, or what this very process keeps in memory."""
    runtime = _process.runtime
    if settings.ledger.path is None and runtime is not None:
        return runtime.store.reader()
    return open_ledger(settings.ledger.path)


def _nothing() -> None:
    """Take back a subscription that vidobs, switched off, never made."""


def _standings() -> Sequence[ExporterStanding]:
    """How the exporters of the runtime stand, for gauges that outlive it."""
    runtime = _process.runtime
    return runtime.standings() if runtime is not None else ()


def _at_exit() -> None:
    left = shutdown(EXIT_TIMEOUT_S)
    if left:
        _log.warning("%d events were not delivered before the process ended", left)


def _before_fork() -> None:
    """Let no thread be in the middle of SQLite, whose locks a child could never get again."""
    if _process.runtime is not None:
        _process.runtime.guard.run("fork", _process.runtime.store.hold_still)


def _after_fork_in_parent() -> None:
    if _process.runtime is not None:
        _process.runtime.guard.run("fork", _process.runtime.store.go_on)


def _after_fork() -> None:
    """Start afresh in a child: its parent's files, threads and locks are not its own."""
    if _process.runtime is not None:
        _process.runtime.guard.run("fork", _process.runtime.store.forget_connections)
    _process.lock = threading.RLock()
    _process.kept = Kept()
    _process.totals.after_fork()
    _process.parent = _process.runtime or _process.parent
    _process.runtime = None


def _go_on_from(parent: Runtime) -> Runtime:
    """Make the runtime of a forked child, with the settings and callbacks of its parent."""
    _process.parent = None
    _process.inherited.append(parent)
    parent.callbacks.after_fork()
    parent.forget_functions()
    _process.runtime = Runtime(
        parent.loaded,
        callbacks=parent.callbacks,
        clock=parent.clock,
        look_at=_standings,
        totals=_process.totals,
        apart=parent.apart,
    )
    return _process.runtime


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork,
    )


def cost(
    *,
    model: str,
    provider: str | None = None,
    seconds: Decimal | float | str | None = None,
    size: str | None = None,
    audio: bool | None = None,
    n: int = 1,
) -> Decimal | None:
    """Return what a video would cost in US dollars, `None` where no price is known."""
    runtime = current()
    book = runtime.rules.book if runtime is not None else built_in_prices()
    return billing.cost(model, provider, book=book, seconds=seconds, size=size, audio=audio, n=n)


def thumbnail(job: Job) -> bytes | None:
    """Return the picture that is kept of a job's video, as JPEG; `None` where there is none (now).

    It is made when the video was downloaded, if `capture.media` says so; `video.thumbnail` tells.
    """
    runtime = _process.runtime or _process.ending
    ledger = None if runtime is None else runtime.settings.ledger.path
    if job.file is None or job.file.thumbnail is None or ledger is None or ledger == MEMORY:
        return None
    try:
        return MediaFolder.beside(ledger).place(job.job_id, PICTURE).read_bytes()
    except (OSError, ValueError):  # it was purged meanwhile; what has no id of ours has no picture
        return None
