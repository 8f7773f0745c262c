"""The roads by HTTP: what each takes of some events, and where it brings it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from vidobs_exporters._http import Http, gzipped, origin
from vidobs_exporters.datadog import llmobs, logs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vidobs import VideoEvent
    from vidobs_exporters.datadog.settings import Secret, Settings


class Road(Protocol):
    """One way for one kind of data. For one thread."""

    @property
    def carries(self) -> str:
        """What it is for, in a word or two."""
        ...

    @property
    def to(self) -> str:
        """Where it leads, without secrets."""
        ...

    def send(self, events: Sequence[VideoEvent]) -> Iterator[int]:
        """Bring some events; yield how many more have arrived, until it was all of them.

        Raises:
            ExportError: the rest did not.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class LogsIntake:
    """A log per event, to the logs intake."""

    carries = "logs"

    def __init__(self, name: str, settings: Settings, key: Secret) -> None:
        self.to = origin(settings.logs_url)
        self._url = settings.logs_url
        self._names = settings.names
        self._headers = {
            "dd-api-key": key.reveal(),
            "content-type": "application/json",
            "content-encoding": "gzip",
        }
        self._http = Http(name, timeout_s=settings.timeout_s)

    def send(self, events: Sequence[VideoEvent]) -> Iterator[int]:
        """Send as many requests as the limits of the intake ask for."""
        for part in logs.parts([logs.entry(event, self._names) for event in events]):
            self._http.deliver("POST", self._url, content=gzipped(part.body), headers=self._headers)
            yield part.entries

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


class LlmObsApi:
    """Ended jobs with what they cost, to LLM Observability."""

    carries = "LLM Observability"

    def __init__(self, name: str, settings: Settings, key: Secret) -> None:
        self.to = origin(settings.llmobs_url)
        self._url = settings.llmobs_url
        self._names = settings.names
        self._ml_app = settings.ml_app or settings.names.service
        self._headers = {"dd-api-key": key.reveal(), "content-type": "application/json"}
        self._http = Http(name, timeout_s=settings.timeout_s)

    def send(self, events: Sequence[VideoEvent]) -> Iterator[int]:
        """Send one request, unless none of the events is of interest there."""
        payload = llmobs.payload(events, names=self._names, ml_app=self._ml_app)
        if payload is not None:
            content = msgspec.json.encode(payload)
            self._http.deliver("POST", self._url, content=content, headers=self._headers)
        yield len(events)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()
