"""Results in Helicone: one log request for each job that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs import ExportError
from vidobs_exporters._http import TIMEOUT_S, Http, origin
from vidobs_exporters._options import base_url, needed_key, text_option
from vidobs_exporters.helicone.record import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs import VideoEvent
    from vidobs_exporters._http import Answer
    from vidobs_exporters.helicone.record import Record

URL = "https://api.worker.helicone.ai"
PATH = "/custom/v1/log"
MOST_BYTES = 10_000_000  # Helicone answers 400 to more

_JSON = "application/json"


class HeliconeExporter:
    """Logs how each job ended, with its cost. What happens on the way is not sent.

    Helicone takes one log in each request. The id of a request is made from the job's, so a second
    delivery is the same request to it.
    """

    durable = True
    max_batch = 16  # requests that one call makes, at most

    def __init__(
        self,
        name: str = "helicone",
        *,
        api_key: str | None = None,
        url: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.name = name
        found = text_option(name, "url", url, ("HELICONE_BASE_URL", "HELICONE_API_BASE"))
        self._url = base_url(name, "url", found or URL) + PATH
        self._headers = {
            "Authorization": f"Bearer {needed_key(name, api_key, ('HELICONE_API_KEY',))}",
            "Content-Type": _JSON,
        }
        self._http = Http(name, timeout_s=timeout_s)

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Log the results of a batch; raise `ExportError` when not all of them arrived."""
        for place, event in enumerate(batch):
            made = record(event)
            if made is None:
                continue
            try:
                self._send(made)
            except ExportError as error:
                error.delivered = place
                raise

    def check(self, event: VideoEvent) -> str:
        """Send one event and return what Helicone answered."""
        made = record(event)
        if made is None:
            return f"{event.name.value} is no result: nothing was sent"
        answer = self._send(made)
        return f"{origin(self._url)} answered {answer.status}: {answer.excerpt or 'nothing'}"

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _send(self, made: Record) -> Answer:
        if len(made.body) > MOST_BYTES:
            raise ExportError(
                f"exporter {self.name!r}: a log of {len(made.body)} bytes is more than Helicone "
                f"takes ({MOST_BYTES})",
                retryable=False,
            )
        headers = {**made.headers, **self._headers}
        answer = self._http.deliver("POST", self._url, content=made.body, headers=headers)
        refused = _refusal(answer)
        if refused:
            raise ExportError(
                f"exporter {self.name!r}: {origin(self._url)} answered {answer.status} with an "
                f"error: {answer.excerpt}",
                retryable=None,
            )
        return answer


def _refusal(answer: Answer) -> bool:
    """Tell whether a success is none: Helicone answers 200 with `{"error": ...}` to some logs."""
    try:
        said = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):  # the usual answer is the word `ok`
        return False
    return isinstance(said, dict) and bool(said.get("error"))
