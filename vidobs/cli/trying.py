"""Sends one made-up event through exporters, side by side, and tells what their receivers said."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import VidobsError
from vidobs.core.scrub import scrub, scrub_exception
from vidobs.delivery.worker import contained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.core.events import VideoEvent
    from vidobs.core.protocols import Exporter

PATIENCE_S = 20.0  # for all of them together


class Tried(msgspec.Struct, frozen=True):
    """What became of the event at one exporter."""

    ok: bool
    says: str
    seconds: float


def try_all(
    exporters: Sequence[Exporter], event: VideoEvent, *, timeout_s: float = PATIENCE_S
) -> list[Tried]:
    """Send an event through each exporter, in a thread of its own, and close it."""
    trials = [_Trial(exporter, event) for exporter in exporters]
    for trial in trials:
        trial.start()
    deadline = time.monotonic() + timeout_s
    for trial in trials:
        trial.join(max(0.0, deadline - time.monotonic()))
    return [trial.tried or _hung(timeout_s) for trial in trials]


def _hung(timeout_s: float) -> Tried:
    says = f"no answer within {timeout_s:g} s; does the receiver hang?"
    return Tried(ok=False, says=says, seconds=timeout_s)


class _Trial(threading.Thread):
    """One event on its way; a daemon, since an exporter may never come back."""

    def __init__(self, exporter: Exporter, event: VideoEvent) -> None:
        super().__init__(name=f"vidobs-trial-{exporter.name}", daemon=True)
        self.tried: Tried | None = None
        self._exporter = exporter
        self._event = event
        self._said = "sent; it does not tell what the receiver said"

    def run(self) -> None:
        """Send it, then close the exporter, whatever either raises."""
        started = time.monotonic()
        error = contained(self._send)
        seconds = time.monotonic() - started
        closing = contained(self._exporter.close)
        error = error or closing
        says = self._said if error is None else _text(error)
        self.tried = Tried(error is None, scrub(says), seconds)

    def _send(self) -> None:
        check = getattr(self._exporter, "check", None)
        if check is None:
            self._exporter.export([self._event])
        else:
            self._said = str(check(self._event))


def _text(error: BaseException) -> str:
    """What an exporter raised on purpose, or what broke in it."""
    return scrub(str(error)) if isinstance(error, VidobsError) else scrub_exception(error)
