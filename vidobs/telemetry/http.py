"""HTTP spans of a client, by OpenTelemetry's own instrumentation of httpx and httpx2.

What that instrumentation does by itself and must not: it writes query strings into spans, where
providers put keys and signatures; it records exceptions with their texts; and whatever a hook or a
span processor raises comes out of the user's request. So it is given a provider of ours, which cuts
URLs before any sampler or processor sees them and opens and ends its spans under the guard.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal, cast

from opentelemetry import context as context_api
from opentelemetry import trace as trace_api
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode, TracerProvider

from vidobs.core.names import ERROR_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer
    from opentelemetry.util.types import AttributeValue

    from vidobs._guard import Guard
    from vidobs.telemetry.spans import Tracing

HttpSpans = Literal["creates", "all", "off"]

_INSTRUMENTOR_OF = {"httpx": "HTTPXClientInstrumentor", "httpx2": "HTTPX2ClientInstrumentor"}
_METHODS = ("handle_request", "handle_async_request")
_INSTRUMENTATION = "opentelemetry.instrumentation.utils"
_OURS = "_vidobs_http_spans"
_URLS = frozenset({"url.full", "http.url"})
_SECRET_HEADERS = frozenset(
    "http.request.header." + name
    for name in ("authorization", "proxy_authorization", "cookie", "api_key", "x_api_key",
                 "x_goog_api_key", "ocp_apim_subscription_key")
)  # fmt: skip


def instrument(client: object, tracing: Tracing, mode: HttpSpans, *, guard: Guard) -> bool:
    """Give an httpx or httpx2 client HTTP spans; return whether vidobs' spans are on it now.

    They are not when `mode` is `off`, no provider is set up, or somebody else instruments it.
    """
    if mode == "off" or not tracing.active:
        return False
    if getattr(client, _OURS, False):
        return True
    instrumentor = _instrumentor(client)
    provider = tracing.provider
    if instrumentor is None or provider is None or _by_others(client, instrumentor):
        return False
    instrumentor.instrument_client(client, tracer_provider=CleanProvider(provider, guard))
    setattr(client, _OURS, True)
    return True


def uninstrument(client: object) -> None:
    """Take vidobs' HTTP spans off a client; those of others stay."""
    instrumentor = _instrumentor(client)
    if instrumentor is not None and getattr(client, _OURS, False):
        instrumentor.uninstrument_client(client)
        delattr(client, _OURS)


def suppressed() -> AbstractContextManager[None]:
    """Return a context in which no HTTP request gets a span, from any instrumentation."""
    if _INSTRUMENTATION not in sys.modules:  # every instrumentation of HTTP loads it
        return nullcontext()
    from opentelemetry.instrumentation.utils import suppress_http_instrumentation

    return suppress_http_instrumentation()


def bare_url(url: str) -> str:
    """Return scheme, host and path of a URL: no user, no password, no query, no fragment.

    >>> bare_url("https://me:secret@host:8443/v1/videos?key=AIza#top")
    'https://host:8443/v1/videos'
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    rest = rest.partition("#")[0].partition("?")[0]
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


class CleanProvider(TracerProvider):
    """Hands out tracers whose spans carry no secrets and whose faults stay inside."""

    def __init__(self, provider: TracerProvider, guard: Guard) -> None:
        self._provider = provider
        self._guard = guard

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> Tracer:
        """Return a tracer with as much of the interface as the instrumentation uses."""
        tracer = self._provider.get_tracer(
            instrumenting_module_name, instrumenting_library_version, schema_url, attributes
        )
        return cast("Tracer", _CleanTracer(tracer, self._guard))


class _CleanTracer:
    def __init__(self, tracer: Tracer, guard: Guard) -> None:
        self._tracer = tracer
        self._guard = guard

    def start_as_current_span(
        self,
        name: str,
        kind: SpanKind = SpanKind.CLIENT,
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> _CleanSpan:
        return _CleanSpan(self._tracer, self._guard, name, kind, _clean(attributes or {}))


class _CleanSpan:
    """One request's span, current while the request runs."""

    def __init__(
        self,
        tracer: Tracer,
        guard: Guard,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, AttributeValue],
    ) -> None:
        self._tracer = tracer
        self._guard = guard
        self._name = name
        self._kind = kind
        self._attributes = attributes
        self._span: Span = INVALID_SPAN
        self._token: Token[Context] | None = None

    def __enter__(self) -> Span:
        self._guard.run("http span start", self._start)
        return self._span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._guard.run("http span end", self._end, kind)

    def _start(self) -> None:
        self._span = self._tracer.start_span(
            self._name,
            kind=self._kind,
            attributes=self._attributes,
            record_exception=False,
            set_status_on_exception=False,
        )
        self._token = context_api.attach(trace_api.set_span_in_context(self._span))

    def _end(self, kind: type[BaseException] | None) -> None:
        if self._token is not None:
            context_api.detach(self._token)
        if kind is not None:
            self._span.set_attribute(ERROR_TYPE, kind.__qualname__)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def _clean(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    return {
        name: bare_url(value) if name in _URLS and isinstance(value, str) else value
        for name, value in attributes.items()
        if name not in _SECRET_HEADERS
    }


def _family(client: object) -> str | None:
    """Return the package a client's class comes from, however often it was subclassed."""
    roots = (base.__module__.partition(".")[0] for base in type(client).__mro__)
    return next((root for root in roots if root in _INSTRUMENTOR_OF), None)


def _instrumentor(client: object) -> Any:  # noqa: ANN401 - its base class differs by version
    """Return the instrumentor for a client, or `None` for one that nobody can instrument."""
    from opentelemetry.instrumentation import httpx as module

    family = _family(client)
    kind = getattr(module, _INSTRUMENTOR_OF[family], None) if family is not None else None
    return kind() if kind is not None else None


def _by_others(client: object, instrumentor: Any) -> bool:  # noqa: ANN401 - as above
    """Tell whether requests of this client get spans already: OpenTelemetry's or ddtrace's."""
    if instrumentor.is_instrumented_by_opentelemetry:
        return True
    if getattr(client, "_is_instrumented_by_opentelemetry", False):
        return True
    if getattr(sys.modules.get(_family(client) or ""), "_datadog_patch", False):
        return True
    transports = [getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()]
    return any(map(_is_wrapped, transports))


def _is_wrapped(transport: object) -> bool:
    """Tell a transport of OpenTelemetry's, or one whose method it has wrapped."""
    if type(transport).__module__.startswith("opentelemetry."):
        return True
    for method in _METHODS:
        wrapper = getattr(getattr(transport, method, None), "_self_wrapper", None)
        function = getattr(wrapper, "func", wrapper)
        if getattr(function, "__module__", None) == "opentelemetry.instrumentation.httpx":
            return True
    return False
