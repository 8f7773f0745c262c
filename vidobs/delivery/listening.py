"""Telling somebody what becomes of events, without depending on what that somebody does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.delivery.worker import Complaints, contained

if TYPE_CHECKING:
    from datetime import datetime

    from vidobs.core.protocols import BreakerState, RelayListener
    from vidobs.delivery.worker import Report


class Nobody:
    """A `RelayListener` that does not listen."""

    def delivered(self, exporter: str, *, events: int, seconds: float) -> None:
        """Do nothing."""

    def failed(self, exporter: str, *, error_type: str, seconds: float) -> None:
        """Do nothing."""

    def buried(self, exporter: str, *, events: int) -> None:
        """Do nothing."""

    def dropped(self, exporter: str, *, events: int) -> None:
        """Do nothing."""

    def breaker(self, exporter: str, state: BreakerState) -> None:
        """Do nothing."""

    def down(self, exporter: str, *, failures: int, error: str, retry_at: datetime | None) -> None:
        """Do nothing."""

    def recovered(self, exporter: str) -> None:
        """Do nothing."""


class Teller:
    """Tells a listener of one exporter; a fault of the listener's is reported and goes no further.

    Otherwise a metrics library that raises would make a batch look as if it had not arrived.
    """

    def __init__(self, exporter: str, listener: RelayListener, report: Report) -> None:
        self._exporter = exporter
        self._listener = listener
        self._complaints = Complaints(f"telling of exporter {exporter}", report)
        self._state: BreakerState | None = None

    def delivered(self, events: int, seconds: float) -> None:
        """Tell of a batch that was taken."""
        self._say(
            contained(self._listener.delivered, self._exporter, events=events, seconds=seconds)
        )

    def failed(self, error: BaseException, seconds: float) -> None:
        """Tell of a batch that was not taken."""
        kind = type(error).__name__
        self._say(
            contained(self._listener.failed, self._exporter, error_type=kind, seconds=seconds)
        )

    def buried(self) -> None:
        """Tell of a dead letter."""
        self._say(contained(self._listener.buried, self._exporter, events=1))

    def dropped(self, events: int) -> None:
        """Tell of events that a live exporter never gets."""
        self._say(contained(self._listener.dropped, self._exporter, events=events))

    def breaker(self, state: BreakerState) -> None:
        """Tell of the breaker, where that is news."""
        if state is not self._state:
            self._state = state
            self._say(contained(self._listener.breaker, self._exporter, state))

    def down(self, failures: int, error: str, retry_at: datetime | None) -> None:
        """Tell that its breaker opened."""
        self._say(
            contained(
                self._listener.down,
                self._exporter,
                failures=failures,
                error=error,
                retry_at=retry_at,
            )
        )

    def recovered(self) -> None:
        """Tell that its breaker closed."""
        self._say(contained(self._listener.recovered, self._exporter))

    def _say(self, error: BaseException | None) -> None:
        if error is not None:
            self._complaints.say(error)
