"""The exporter: three requests per batch at most, one for each signal."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from vidobs import ExportError, MissingExtraError
from vidobs_exporters._http import TIMEOUT_S, origin
from vidobs_exporters.otlp.dialects import dialect as dialect_of
from vidobs_exporters.otlp.options import Options
from vidobs_exporters.otlp.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.message import Message

    from vidobs import VideoEvent
    from vidobs_exporters.otlp.sender import Rejected

_log = logging.getLogger("vidobs")


class OtlpExporter:
    """Sends events as spans, log records and metrics by OTLP over HTTP, as protobuf.

    A batch is delivered when the receiver took every signal. Until then all of it is sent again,
    with the same ids; metrics, which have none, are sent last.
    """

    durable = True

    def __init__(
        self,
        name: str = "otlp",
        *,
        endpoint: str | None = None,
        headers: Mapping[str, str] | str | None = None,
        dialect: str = "genai",
        signals: Sequence[str] | str | None = None,
        compression: str = "gzip",
        timeout_s: float = TIMEOUT_S,
        temporality: str = "delta",
        resource: Mapping[str, str | bool | int | float] | None = None,
        service_name: str | None = None,
    ) -> None:
        """Connect to nothing yet; without an endpoint, look into the environment.

        Raises:
            ConfigError: an option cannot be used.
            MissingExtraError: the messages of the protocol are not installed.
        """
        try:
            from vidobs_exporters.otlp.requests import Requests
            from vidobs_exporters.otlp.sender import Sender
        except ImportError as error:
            raise MissingExtraError("otlp", f"exporter {name!r}") from error
        options = Options(name, os.environ)
        options.temporality(temporality)
        spoken = dialect_of(name, dialect)
        receiver = options.receiver(endpoint, headers)
        self.name = name
        self._origin = origin(receiver.endpoint)
        self._signals = options.signals(signals, spoken.signals)
        self._requests = Requests(options.resource(resource, service_name), spoken.attributes)
        self._sender = Sender(
            name,
            receiver.endpoint,
            headers=receiver.headers,
            compression=options.compression(compression),
            timeout_s=options.seconds(timeout_s),
        )
        self._warned: str | None = None

    @property
    def otlp_urls(self) -> dict[str, str]:
        """Where each signal goes: read at the start, so that nothing is sent there twice."""
        return {signal.value: self._sender.url(signal) for signal in self._signals}

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Send the events.

        Raises:
            ExportError: a signal was not taken, or not all of it.
        """
        for signal in self._signals:
            request = self._requests.of(signal, batch)
            if request is not None:
                self._send(signal, request)
        self._requests.sent(batch)

    def check(self, event: VideoEvent) -> str:
        """Send one event; return which signals the receiver took."""
        requests = {signal: self._requests.of(signal, [event]) for signal in self._signals}
        sent = {signal: request for signal, request in requests.items() if request is not None}
        for signal, request in sent.items():
            self._send(signal, request)
        return f"{self._origin} took {', '.join(sent) or 'nothing, for there was nothing to send'}"

    def close(self) -> None:
        """Close the connection."""
        self._sender.close()

    def _send(self, signal: Signal, request: Message) -> None:
        rejected = self._sender.send(signal, request)
        if rejected is None:
            return
        if rejected.items and signal is not Signal.METRICS:
            raise ExportError(self._told(signal, rejected), retryable=False)
        self._warn(self._told(signal, rejected))

    def _told(self, signal: Signal, rejected: Rejected) -> str:
        took = f"rejected {rejected.items} of the {signal}" if rejected.items else f"took {signal}"
        return f"exporter {self.name!r}: {self._origin} {took}: {rejected.said or 'no reason'}"

    def _warn(self, text: str) -> None:
        """Say the same once, not for every batch."""
        if text != self._warned:
            self._warned = text
            _log.warning("%s", text)
