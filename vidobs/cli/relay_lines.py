"""What `vidobs relay` prints while it delivers: a line for each change, and counts."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.core.protocols import BreakerState


class Change(StrEnum):
    """What a line tells of an exporter."""

    STARTED = "started"  # so many events wait for it
    DOWN = "down"  # it failed too often in a row
    DISABLED = "disabled"  # its receiver is gone
    RECOVERED = "recovered"  # it delivers again
    DEAD_LETTER = "dead_letter"  # it refused events for good


class ChangeObject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of `vidobs relay --json`."""

    at: datetime
    exporter: str
    change: Change
    says: str
    events: int | None = None


class RelayLines:
    """A `RelayListener` that writes lines to stdout, and counts. Threads may call it at once."""

    def __init__(self, now: Callable[[], datetime], *, as_json: bool) -> None:
        self.sent: Counter[str] = Counter()  # events, by exporter
        self.refused: Counter[str] = Counter()
        self.quiet = False  # only count
        self._now = now
        self._as_json = as_json
        self._lock = threading.Lock()

    def say(self, exporter: str, change: Change, text: str, *, events: int | None = None) -> None:
        """Write a line."""
        line = ChangeObject(
            at=self._now(), exporter=exporter, change=change, says=scrub(text), events=events
        )
        with self._lock:
            if not self.quiet:
                sys.stdout.write(f"{self._text(line)}\n")
                sys.stdout.flush()

    def delivered(self, exporter: str, *, events: int, seconds: float) -> None:  # noqa: ARG002 - of the protocol
        """Count what arrived."""
        with self._lock:
            self.sent[exporter] += events

    def failed(self, exporter: str, *, error_type: str, seconds: float) -> None:
        """Say nothing: a single failure is no change."""

    def buried(self, exporter: str, *, events: int) -> None:
        """Count dead letters, and say so of the first, the second, the fourth, the eighth ..."""
        with self._lock:
            before = self.refused[exporter]
            count = self.refused[exporter] = before + events
        if before.bit_length() != count.bit_length():
            said = f"{count} event{'' if count == 1 else 's'} refused so far, see vidobs dead list"
            self.say(exporter, Change.DEAD_LETTER, said, events=count)

    def dropped(self, exporter: str, *, events: int) -> None:
        """Say nothing: only exporters that are not durable drop by themselves."""

    def breaker(self, exporter: str, state: BreakerState) -> None:
        """Say nothing: `down` and `recovered` do."""

    def down(self, exporter: str, *, failures: int, error: str, retry_at: datetime | None) -> None:
        """Say that an exporter is down, or gone."""
        if retry_at is None:
            said = f"switched off: {error}; then: vidobs exporters enable {exporter}"
            self.say(exporter, Change.DISABLED, said)
            return
        again = f"tried again at {retry_at:%H:%M:%S}"
        self.say(exporter, Change.DOWN, f"failed {failures} times in a row, {again}: {error}")

    def recovered(self, exporter: str) -> None:
        """Say that an exporter takes events again."""
        self.say(exporter, Change.RECOVERED, "delivers again")

    def _text(self, line: ChangeObject) -> str:
        if self._as_json:
            return json.dumps(msgspec.to_builtins(line), separators=(",", ":"))
        return f"{line.at:%Y-%m-%d %H:%M:%S} {line.exporter}: {line.says}"
