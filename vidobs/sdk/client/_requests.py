"""Builds what is sent to one server. What is the same for every request is prepared once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from vidobs.dialects.outgoing import form_fields, referring
from vidobs.dialects.rows import Bodies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.sdk.client._options import Options
    from vidobs.sdk.client._server import Server

TIMEOUT_S = 600.0
CONNECT_S = 10.0
_USER_AGENT = "vidobs-python"
_SMALL = {"Accept": "application/json"}
_STREAMED = {"Accept": "*/*", "Accept-Encoding": "identity"}  # a part of what is packed is useless
_MOST_URLS = 256  # that are kept: whoever waits for a job asks for the same one again and again


def timeout_of(seconds: float | httpx.Timeout | None) -> httpx.Timeout:
    """Return how long to wait for each step of a request, by default ten minutes."""
    if isinstance(seconds, httpx.Timeout):
        return seconds
    whole = TIMEOUT_S if seconds is None else seconds
    return httpx.Timeout(whole, connect=min(CONNECT_S, whole))


class Merged:
    """For a client of the user's: its headers, parameters and cookies go along."""

    def __init__(self, server: Server, http: httpx.Client | httpx.AsyncClient) -> None:
        self._server = server
        self._http = http
        self._small = self._lasting(_SMALL)
        self._streamed = self._lasting(_STREAMED)

    def __call__(self, options: Options) -> httpx.Request:
        """Return the request of a call."""
        return self._http.build_request(
            options.method,
            self._server.base_url + options.url,
            headers=self.headers(options),
            params=self._query(options) or None,
            timeout=timeout_of(options.timeout),
            **self._body(options),
        )

    def headers(self, options: Options) -> httpx.Headers:
        """Return what a request says beside its fields; the call's own headers come first."""
        headers = httpx.Headers(self._streamed if options.stream else self._small)
        if callable(self._server.key):
            headers.update(self._server.auth())  # a token is asked for each time
            headers.update(self._server.headers)
        if options.headers:
            headers.update(options.headers)
        return headers

    def _lasting(self, kind: Mapping[str, str]) -> httpx.Headers:
        """Return the headers of one kind of request that stay the same."""
        headers = httpx.Headers({"User-Agent": _USER_AGENT, **kind})
        if not callable(self._server.key):
            headers.update(self._server.auth())
        headers.update(self._server.headers)
        return headers

    def _query(self, options: Options) -> dict[str, Any]:
        query = {**self._server.query, **options.params}
        return {name: value for name, value in query.items() if value is not None}

    def _body(self, options: Options) -> dict[str, Any]:
        """Return the body as arguments of httpx; none for a request without fields."""
        if options.json_data is None and not options.files:
            return {}
        variant = self._server.variant
        given = referring(
            {**(options.json_data or {}), **(options.extra_json or {})}, variant.url_reference
        )
        if options.files or variant.bodies is Bodies.FORM:
            # Parts without a file name: httpx makes a multipart form of them.
            parts = [(name, (None, text)) for name, text in form_fields(given, variant.nesting)]
            return {"files": [*parts, *options.files]}
        return {"json": given}


class Plain(Merged):
    """For a client of our own: it has no settings, so nothing is merged or looked at twice."""

    def __init__(self, server: Server, http: httpx.Client | httpx.AsyncClient) -> None:
        super().__init__(server, http)
        self._wait = {"timeout": timeout_of(None).as_dict()}
        self._urls: dict[str, httpx.URL] = {}

    def __call__(self, options: Options) -> httpx.Request:
        """Return the request of a call."""
        headers = self.headers(options)
        body = self._body(options)
        if "files" in body:
            return self._request(options, headers, **body)
        content = b""
        if "json" in body:
            content = _encoded(body["json"])
            headers["Content-Length"] = str(len(content))
            headers["Content-Type"] = "application/json"
        return self._request(options, headers, stream=httpx.ByteStream(content))

    def _request(self, options: Options, headers: httpx.Headers, **body: Any) -> httpx.Request:
        wait = self._wait
        if options.timeout is not None:
            wait = {"timeout": timeout_of(options.timeout).as_dict()}
        return httpx.Request(
            options.method,
            self._url(options),
            headers=headers,
            cookies=self._http.cookies,
            extensions=wait,
            **body,
        )

    def _url(self, options: Options) -> httpx.URL:
        if options.params:
            return httpx.URL(self._server.base_url + options.url, params=self._query(options))
        found = self._urls.get(options.url)
        if found is None:
            if len(self._urls) >= _MOST_URLS:
                self._urls.clear()
            found = httpx.URL(self._server.base_url + options.url)
            if self._server.query:
                found = found.copy_with(params=self._query(options))
            self._urls[options.url] = found
        return found

    def _lasting(self, kind: Mapping[str, str]) -> httpx.Headers:
        host = httpx.URL(self._server.base_url).netloc
        headers = httpx.Headers([(b"Host", host), *self._http.headers.raw])
        headers.update(super()._lasting(kind))
        return headers


def _encoded(fields: Mapping[str, object]) -> bytes:
    """Return fields as httpx writes JSON."""
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")
