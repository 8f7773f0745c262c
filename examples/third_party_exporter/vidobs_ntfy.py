"""Tells a phone what became of videos, by https://ntfy.sh: `callbacks: [ntfy]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from httpx import Client, HTTPError, codes

from vidobs import EventLine, ExportError, VideoEvent

if TYPE_CHECKING:
    from collections.abc import Sequence


class NtfyExporter:
    """Posts a line for each event to a topic."""

    durable = True  # events wait in the ledger until they are delivered

    def __init__(self, name: str = "ntfy", *, url: str) -> None:
        self.name = name
        self._url = url  # a topic that nobody else knows: in no error text
        self._client = Client(timeout=10)
        self._line = EventLine(colour=False, ascii_only=False)

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Deliver some events, or say what is to become of those that are left."""
        for sent, event in enumerate(batch):
            try:
                status = self._client.post(self._url, content=self._line.of(event)).status_code
            except HTTPError:
                raise ExportError("ntfy does not answer", delivered=sent) from None
            if status != codes.OK:
                later = status == codes.TOO_MANY_REQUESTS or codes.is_server_error(status)
                raise ExportError(f"ntfy answered {status}", retryable=later, delivered=sent)

    def close(self) -> None:
        """Give back what it holds."""
        self._client.close()
