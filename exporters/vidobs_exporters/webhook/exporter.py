"""The sender of webhooks: one request per event, over one connection."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vidobs import ExportError
from vidobs_exporters._http import TIMEOUT_S, Http, origin
from vidobs_exporters.webhook import options
from vidobs_exporters.webhook.cloud_event import body_of
from vidobs_exporters.webhook.guard import guard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vidobs import VideoEvent
    from vidobs_exporters._http import Answer

GONE = 410
MOST_BYTES = 256 * 1024
MOST_AT_ONCE = 64
BATCH_S = 240  # less than the 5 minutes after which the relay thinks that an export hangs


class WebhookExporter:
    """Posts each event to a URL, signed if there is a secret.

    `webhook-id` is the id of the event: the same on every retry, with the same body.
    """

    durable = True

    def __init__(
        self,
        name: str = "webhook",
        *,
        url: str | None = None,
        secret: str | Sequence[str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
        allow_private: bool | str | Sequence[str] = False,
        allow_http: bool = False,
        max_bytes: int = MOST_BYTES,
        source: str | None = None,
    ) -> None:
        """Connect to nothing yet; without a URL or secret, look into the environment.

        Raises:
            ConfigError: an option cannot be used.
        """
        self.name = name
        self._url = options.url_of(name, url)
        self._keys = options.keys_for(name, secret)
        self._headers = options.headers_of(name, headers)
        self._source = options.source_of(name, source)
        self._most_bytes = options.bytes_of(name, max_bytes)
        seconds = options.seconds_of(name, timeout_s)
        plain_http = self._url.startswith("http:") and not allow_http
        checked = guard(name, allow_private, plain_http=plain_http)
        options.check_reachable(self._url, checked)
        self.max_batch = max(1, min(MOST_AT_ONCE, int(BATCH_S / seconds)))
        self._http = Http(name, timeout_s=seconds, check=checked)

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Post the events one after the other, up to the first that is not taken.

        Raises:
            ExportError: it says how many were taken before.
        """
        for taken, event in enumerate(batch):
            try:
                self._post(event)
            except ExportError as error:
                error.delivered = taken
                raise

    def check(self, event: VideoEvent) -> str:
        """Post one event; return what the receiver said."""
        answer = self._post(event)
        said = f": {answer.excerpt}" if answer.body else ""
        return f"{origin(self._url)} answered {answer.status}{said}"

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _post(self, event: VideoEvent) -> Answer:
        body = body_of(event, source=self._source, most_bytes=self._most_bytes)
        signed = self._keys.headers(event.id, int(time.time()), body)
        answer = self._http.send(
            "POST", self._url, content=body, headers={**self._headers, **signed}
        )
        if answer.status == GONE:
            raise ExportError(
                f"exporter {self.name!r}: {origin(self._url)} answered {GONE}: it wants no more "
                f"events; start again with: vidobs exporters enable {self.name}",
                retryable=False,
                gone=True,
            )
        if not answer.ok:
            raise self._http.failure(answer, self._url)
        return answer
