"""The Agent that ddtrace sends to: whether it is there."""

from __future__ import annotations

import httpx

from vidobs_exporters._http import Http, origin

_UNIX = "unix://"


class Agent:
    """Asks an Agent whether it is there. For one thread.

    Its address is ddtrace's, and may change while the program sets ddtrace up. Without one, ddtrace
    sends to Datadog's intake itself.
    """

    def __init__(self, name: str, timeout_s: float) -> None:
        self._name = name
        self._timeout_s = timeout_s
        self._url: str | None = None
        self._http: Http | None = None

    def ask(self, url: str | None) -> None:
        """Return when there is an answer, whatever it says, or when there is no Agent to ask.

        Raises:
            ExportError: there is none; retryable.
        """
        if not url:
            return
        if url != self._url or self._http is None:
            self.close()
            self._url, self._http = url, self._opened(url)
        where = "http://agent" if url.startswith(_UNIX) else url.rstrip("/")
        self._http.send("GET", f"{where}/info")

    def named(self, url: str | None) -> str:
        """Return how to call the Agent, for a person."""
        if not url:
            return "the intake"
        return url if url.startswith(_UNIX) else origin(url)

    def close(self) -> None:
        """Close the connection."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _opened(self, url: str) -> Http:
        uds = httpx.HTTPTransport(uds=url.removeprefix(_UNIX)) if url.startswith(_UNIX) else None
        return Http(self._name, timeout_s=self._timeout_s, transport=uds)
