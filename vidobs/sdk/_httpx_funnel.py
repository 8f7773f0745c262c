"""The one function through which an httpx client sends every request, with vidobs around it.

For programs that speak the protocol over plain httpx, and for SDKs that let one hand in the client
they send through, whatever API that is for. Nothing is sent a second time: whoever calls decides
about retries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from vidobs.core.api_errors import APIConnectionError, APIError
from vidobs.core.calls import Operation
from vidobs.dialects import openai as dialect
from vidobs.dialects.codecs import CODECS
from vidobs.sdk import _openai_creates as creates
from vidobs.sdk import _openai_downloads as downloads
from vidobs.sdk._foreign_apis import ForeignApis
from vidobs.sdk._httpx_bodies import body_of
from vidobs.sdk._openai_client import WatchedClient
from vidobs.sdk._openai_polls import Asking
from vidobs.sdk._openai_requests import IDEMPOTENCY_HEADER, TRACEPARENT, trace_headers
from vidobs.sdk.client._answers import error_of
from vidobs.sdk.client._options import Options

if TYPE_CHECKING:
    from vidobs.core.jobs import TraceRef
    from vidobs.dialects.openai import Route
    from vidobs.runtime import Runtime
    from vidobs.sdk._settings import WrapSettings

MOST_HOSTS = 100  # that one client is remembered to talk to
_ERRORS = 400


class Origin:
    """One server that an httpx client talks to, in the shape of an SDK's client."""

    max_retries = 0
    api_key = None  # httpx knows headers only, and texts are scrubbed of what looks like a key

    def __init__(self, base_url: str, http: Any) -> None:
        self.base_url = base_url
        self._client = http

    def request(self) -> None:
        """Do nothing: the client itself sends."""

    copy = with_options = request


class Call(Protocol):
    """A request on its way, and what watches it."""

    def admit(self) -> None:
        """Write the intent; raise `SpendLimitError` when a create would pass the limit."""
        ...

    def answered(self, response: Any) -> None:
        """Record an answer, of whatever status."""
        ...

    def raised(self, error: BaseException) -> None:
        """Record that there was no answer."""
        ...


class Sent:
    """A request of the OpenAI protocol."""

    def __init__(
        self, watched: WatchedClient, runtime: Runtime, route: Route, request: Any
    ) -> None:
        self._watched = watched
        self._runtime = runtime
        options = Options(
            request.method, str(request.url), headers=dict(request.headers), **body_of(request)
        )
        self._options = options
        self._create: creates.Sending | None = None
        self._download: Any = None
        self._asking: Asking | None = None
        if route.operation.creates_job:
            self._create = creates.begin(watched, runtime, route, options)
            request.headers[IDEMPOTENCY_HEADER] = self._create.options.headers[IDEMPOTENCY_HEADER]
            _trace(request, self._create.seen.job.trace if watched.settings.joins_traces else None)
            return
        _trace(request, watched.trace_of(runtime, route))
        if route.operation is Operation.DOWNLOAD:
            self._download = downloads.begin(watched, runtime, route, options)
        else:
            self._asking = Asking(watched, runtime, route, options)

    def admit(self) -> None:
        """Write the intent; raise `SpendLimitError` when a create would pass the limit."""
        if self._create is not None:
            creates.admit(self._watched, self._runtime, self._create)

    def answered(self, response: Any) -> None:
        """Record an answer, of whatever status."""
        if response.status_code >= _ERRORS:
            self._failed(error_of(response, self._watched.settings.provider or "the server"))
        elif self._create is not None:
            creates.answered(self._watched, self._runtime, self._create, response)
        elif self._download is not None:
            if not response.is_redirect:
                downloads.answered(self._watched, self._runtime, self._download, response)
            else:
                self._download.detach()
                self._download.unseen()
        elif self._asking is not None:
            self._asking.answered(response)

    def raised(self, error: BaseException) -> None:
        """Record that there was no answer."""
        if isinstance(error, Exception):
            told = APIConnectionError(f"{type(error).__name__}: {error}")
            told.__cause__ = error
            self._failed(told)
        else:
            self._failed(error)

    def _failed(self, error: APIError | BaseException) -> None:
        if self._create is not None:
            creates.raised(self._create, error)
        elif self._download is not None:
            downloads.raised(self._watched, self._runtime, self._download, error)
        elif self._asking is not None:
            self._asking.raised(error)


class HttpxWatch:
    """What vidobs keeps beside a wrapped httpx client."""

    def __init__(self, client: Any, settings: WrapSettings, current: Any) -> None:
        self.client = client
        self.settings = settings
        self.send = client.send
        self._current = current
        self._origins: dict[tuple[str, str | None], WatchedClient] = {}
        self._foreign = ForeignApis(self._origin)
        self._replaced = vars(client).get("send")

    def begin(self, request: Any) -> Call | None:
        """Look at a request; `None` where it is no video call."""
        runtime: Runtime | None = self._current()
        if runtime is None:
            return None
        return runtime.guard.run("httpx", self._begin, runtime, request)

    def guarded(self, action: Any, *args: Any) -> None:
        """Run something of ours for a call that began."""
        runtime = self._current()
        if runtime is not None:
            runtime.guard.run("httpx", action, *args)

    def restore(self) -> None:
        """Give the client back what it had of its own."""
        if self._replaced is None:
            del self.client.send
        else:
            self.client.send = self._replaced

    def _begin(self, runtime: Runtime, request: Any) -> Call | None:
        foreign = self._foreign.begin(runtime, request, self.settings)
        if foreign is not None:
            return foreign
        if self.settings.dialect in CODECS:
            return None
        route = dialect.route(request.method, str(request.url))
        if route is None:
            return None
        return Sent(self._origin(request.url, self.settings), runtime, route, request)

    def _origin(self, url: Any, settings: WrapSettings) -> WatchedClient:
        base = str(url.copy_with(path="/", query=None, fragment=None))
        found = self._origins.get((base, settings.dialect))
        if found is None or found.settings is not settings:
            if len(self._origins) >= MOST_HOSTS:
                self._origins.clear()
            found = WatchedClient(Origin(base, self.client), settings, self._current)
            self._origins[base, settings.dialect] = found
        return found


class SyncHttpx:
    """`send` of an `httpx.Client`."""

    def __init__(self, watch: HttpxWatch) -> None:
        self.watch = watch

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Send a request as the client does, and observe it when it is a video call."""
        sent = self.watch.begin(request)
        if sent is None:
            return self.watch.send(request, **kwargs)
        sent.admit()
        try:
            response = self.watch.send(request, **kwargs)
        except BaseException as error:
            self.watch.guarded(sent.raised, error)
            raise
        self.watch.guarded(sent.answered, response)
        return response


class AsyncHttpx:
    """`send` of an `httpx.AsyncClient`."""

    def __init__(self, watch: HttpxWatch) -> None:
        self.watch = watch

    async def send(self, request: Any, **kwargs: Any) -> Any:
        """Send a request as the client does, and observe it when it is a video call."""
        sent = self.watch.begin(request)
        if sent is None:
            return await self.watch.send(request, **kwargs)
        sent.admit()
        try:
            response = await self.watch.send(request, **kwargs)
        except BaseException as error:
            self.watch.guarded(sent.raised, error)
            raise
        self.watch.guarded(sent.answered, response)
        return response


def _trace(request: Any, trace: TraceRef | None) -> None:
    """Put the span that the server's own go under into a request, unless it names one."""
    if trace is not None and TRACEPARENT not in request.headers:
        request.headers.update(trace_headers(trace))
