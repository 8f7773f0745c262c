"""What the two processes say to each other: lines of JSON, through pipes.

The one that serves asks, the one that delivers tells.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

from vidobs.core.protocols import BreakerState

if TYPE_CHECKING:
    from vidobs.core.protocols import RelayListener

# -- asked -----------------------------------------------------------------------------------------


class Wake(msgspec.Struct, frozen=True, tag="wake"):
    """There is something in the outbox."""


class Flush(msgspec.Struct, frozen=True, tag="flush"):
    """Deliver everything within a time, then say `Flushed` with this number."""

    number: int
    timeout_s: float


class End(msgspec.Struct, frozen=True, tag="end"):
    """Close the exporters within a time, and end."""

    timeout_s: float


Asked: TypeAlias = Wake | Flush | End

# -- told ------------------------------------------------------------------------------------------


class Delivered(msgspec.Struct, frozen=True, tag="delivered"):
    """An exporter took a batch."""

    exporter: str
    events: int
    seconds: float

    def tell(self, listener: RelayListener) -> None:
        """Hand it on."""
        listener.delivered(self.exporter, events=self.events, seconds=self.seconds)


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """An exporter did not take a batch."""

    exporter: str
    error_type: str
    seconds: float

    def tell(self, listener: RelayListener) -> None:
        """Hand it on."""
        listener.failed(self.exporter, error_type=self.error_type, seconds=self.seconds)


class Buried(msgspec.Struct, frozen=True, tag="buried"):
    """Events became dead letters."""

    exporter: str
    events: int

    def tell(self, listener: RelayListener) -> None:
        """Hand it on."""
        listener.buried(self.exporter, events=self.events)


class Dropped(msgspec.Struct, frozen=True, tag="dropped"):
    """An exporter never gets some events."""

    exporter: str
    events: int

    def tell(self, listener: RelayListener) -> None:
        """Hand it on."""
        listener.dropped(self.exporter, events=self.events)


class Breaker(msgspec.Struct, frozen=True, tag="breaker"):
    """The breaker of an exporter has another state."""

    exporter: str
    state: BreakerState

    def tell(self, listener: RelayListener) -> None:
        """Hand it on."""
        listener.breaker(self.exporter, self.state)


class Down(msgspec.Struct, frozen=True, tag="down"):
    """An exporter failed too often in a row, or is gone."""

    exporter: str
    failures: int
    error: str
    retry_at: datetime | None

    def tell(self, listener: RelayListener) -> None:
        """Hand it on."""
        listener.down(
            self.exporter, failures=self.failures, error=self.error, retry_at=self.retry_at
        )


class Recovered(msgspec.Struct, frozen=True, tag="recovered"):
    """An exporter takes events again."""

    exporter: str

    def tell(self, listener: RelayListener) -> None:
        """Hand it on."""
        listener.recovered(self.exporter)


class Logged(msgspec.Struct, frozen=True, tag="logged"):
    """A line of a log, which is to come out where those of the serving process do."""

    logger: str
    level: int
    text: str


class Flushed(msgspec.Struct, frozen=True, tag="flushed"):
    """What was asked for with this number is done, as far as it could be."""

    number: int


OfExporter: TypeAlias = Delivered | Failed | Buried | Dropped | Breaker | Down | Recovered
Told: TypeAlias = OfExporter | Logged | Flushed

# -- lines -----------------------------------------------------------------------------------------

read_asked = msgspec.json.Decoder(Asked).decode
read_told = msgspec.json.Decoder(Told).decode
_encode = msgspec.json.Encoder().encode


def line(message: Asked | Told) -> bytes:
    """Return a message as a line, which its end ends."""
    return _encode(message) + b"\n"


class Pipe(Protocol):
    """Where lines go."""

    def write(self, data: bytes, /) -> object:
        """Write all of it."""
        ...


class Voice(logging.Handler):
    """A `RelayListener`, and a handler of logs, that tells the serving process. Thread-safe.

    When that is gone, nobody is told.
    """

    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe
        self._turn = threading.Lock()

    def say(self, message: Told) -> None:
        """Tell."""
        text = line(message)
        with self._turn:
            try:
                self._pipe.write(text)
            except OSError:
                return

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line of a log on."""
        self.say(Logged(record.name, record.levelno, self.format(record)))

    def delivered(self, exporter: str, *, events: int, seconds: float) -> None:
        """Tell of a batch that was taken."""
        self.say(Delivered(exporter, events, seconds))

    def failed(self, exporter: str, *, error_type: str, seconds: float) -> None:
        """Tell of a batch that was not taken."""
        self.say(Failed(exporter, error_type, seconds))

    def buried(self, exporter: str, *, events: int) -> None:
        """Tell of dead letters."""
        self.say(Buried(exporter, events))

    def dropped(self, exporter: str, *, events: int) -> None:
        """Tell of events that an exporter never gets."""
        self.say(Dropped(exporter, events))

    def breaker(self, exporter: str, state: BreakerState) -> None:
        """Tell of a breaker."""
        self.say(Breaker(exporter, state))

    def down(self, exporter: str, *, failures: int, error: str, retry_at: datetime | None) -> None:
        """Tell that an exporter is down."""
        self.say(Down(exporter, failures, error, retry_at))

    def recovered(self, exporter: str) -> None:
        """Tell that an exporter is back."""
        self.say(Recovered(exporter))
