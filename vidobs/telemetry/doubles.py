"""Finds what would arrive twice: sent by OpenTelemetry in process, and by an exporter as well.

The spans would have the same ids, but log records and metrics would count double. What is compared
are addresses; that a collector passes something on to the same backend cannot be seen here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry import trace as trace_api

from vidobs.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.trace import TracerProvider

    from vidobs.core.protocols import Exporter

_LOCAL = "http://localhost:4318"  # where the SDK sends to unless it is told otherwise
_PORTS = {"http": 80, "https": 443}


def refuse_twice(
    exporters: Iterable[Exporter],
    *,
    signals: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
    provider: TracerProvider | None = None,
) -> None:
    """Raise `ConfigError` where an exporter sends a signal to an address that has it already.

    An exporter that speaks OTLP says where each signal goes in `otlp_urls`. `signals` are those
    that `otel: otlp` sends from this process, as the standard variables say; of the user's own
    `provider`, or else the global one, the exporters of spans are looked at that can be seen.
    """
    env = os.environ if environ is None else environ
    taken = {(signal, _same(_standard_url(signal, env))): "'otel: otlp'" for signal in signals}
    for url in _of_provider(provider or trace_api.get_tracer_provider()):
        taken.setdefault(("traces", _same(url)), "its tracer provider")
    for exporter in exporters:
        urls: Mapping[str, str] = getattr(exporter, "otlp_urls", {})
        for signal, url in urls.items():
            by = taken.get((signal, _same(url)))
            if by is not None:
                raise ConfigError(_said(exporter.name, signal, by))


def _said(exporter: str, signal: str, by: str) -> str:
    """The address is not quoted: it may hold a key."""
    return (
        f"exporter {exporter!r} sends {signal} to where this process sends them already, by {by}; "
        "everything would be there twice. Give it another endpoint, leave the signal out of its "
        "'signals', or switch the other way off"
    )


def _standard_url(signal: str, env: Mapping[str, str]) -> str:
    """https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp."""
    own = env.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "").strip()
    base = env.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip() or _LOCAL
    return own or f"{base.rstrip('/')}/v1/{signal}"


def _of_provider(provider: TracerProvider) -> Iterator[str]:
    """Where a provider of the SDK sends spans: not public, so whatever is not there is not seen."""
    every = getattr(provider, "_active_span_processor", None)
    for processor in getattr(every, "_span_processors", ()):
        exporter = getattr(processor, "span_exporter", None)
        url = getattr(exporter, "_endpoint", None)
        if isinstance(url, str) and not getattr(exporter, "_shutdown", False):
            yield url


def _same(url: str) -> tuple[str, int | None, str]:
    """The parts of a URL that make it the same place; the name of this host is its address."""
    try:
        parsed = urlsplit(url)
        port = parsed.port or _PORTS.get(parsed.scheme)
    except ValueError:
        return (url, None, "")
    host = parsed.hostname or ""
    return ("127.0.0.1" if host == "localhost" else host, port, parsed.path.rstrip("/"))
