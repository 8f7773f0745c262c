"""Sets the OpenTelemetry SDK up for those who have not: to the console, or by OTLP.

Everything else is left to the standard variables: OTEL_EXPORTER_OTLP_*, OTEL_RESOURCE_ATTRIBUTES,
OTEL_TRACES_SAMPLER, OTEL_BSP_* and so on; `OTEL_TRACES_EXPORTER=none` (METRICS, LOGS) leaves a
signal out. https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

from opentelemetry import _logs as logs_api
from opentelemetry import metrics as metrics_api
from opentelemetry import trace as trace_api
from opentelemetry.sdk import metrics as sdk_metrics
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from vidobs.core.errors import ConfigError, MissingExtraError, unknown_name
from vidobs.telemetry.providers import is_real, sdk_disabled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

Kind = Literal["console", "otlp"]

_log = logging.getLogger("vidobs")


class _Provider(Protocol):
    """What the providers of all three signals have in common."""

    def force_flush(self, timeout_millis: int = ...) -> bool: ...

    def shutdown(self) -> None: ...


class _Exporters(Protocol):
    """Makes the exporter of each signal."""

    def spans(self) -> SpanExporter: ...

    def metrics(self) -> MetricExporter: ...

    def logs(self) -> LogRecordExporter: ...


class Handle:
    """The providers that `set_up` made. Its methods return after `timeout` seconds at most."""

    def __init__(self, providers: Mapping[str, _Provider]) -> None:
        self._providers = dict(providers)

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that have a provider of ours: `traces`, `metrics`, `logs`."""
        return tuple(self._providers)

    def flush(self, timeout: float) -> bool:
        """Send what is waiting; return whether every provider was done in time.

        The SDK's own bound does not hold (a retrying exporter goes on), so it runs in threads here.
        """
        millis = max(1, int(timeout * 1000))
        return _bounded([partial(p.force_flush, millis) for p in self._providers.values()], timeout)

    def shutdown(self, timeout: float) -> bool:
        """Send what is waiting and stop; return whether that was done in time. Twice is once."""
        providers, self._providers = self._providers, {}
        return _bounded([p.shutdown for p in providers.values()], timeout)


def set_up(
    kind: Kind, *, service_name: str | None = None, environ: Mapping[str, str] | None = None
) -> Handle:
    """Make and set the global providers of traces, metrics and logs, and return a handle on them.

    A signal whose provider is set up already keeps it. With OTEL_SDK_DISABLED=true nothing is made.
    Raises `ConfigError` for an unknown kind or protocol, and `MissingExtraError` where the OTLP
    exporter is not installed.
    """
    env = os.environ if environ is None else environ
    exporters = _exporters(kind, env)
    if sdk_disabled():
        return Handle({})
    named = {"service.name": service_name} if service_name else {}
    resource = Resource.create({} if env.get("OTEL_SERVICE_NAME") else named)
    made: dict[str, _Provider] = {}
    for signal, (current, install) in _SIGNALS.items():
        if env.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip().lower() == "none":
            continue
        if is_real(current()):
            _log.info("OpenTelemetry %s are set up already and stay as they are", signal)
            continue
        made[signal] = install(exporters, resource)
    return Handle(made)


def _traces(exporters: _Exporters, resource: Resource) -> _Provider:
    provider = sdk_trace.TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporters.spans()))
    trace_api.set_tracer_provider(provider)
    return provider


def _metrics(exporters: _Exporters, resource: Resource) -> _Provider:
    reader = PeriodicExportingMetricReader(exporters.metrics())
    provider = sdk_metrics.MeterProvider([reader], resource, shutdown_on_exit=False)
    metrics_api.set_meter_provider(provider)
    return provider


def _logs(exporters: _Exporters, resource: Resource) -> _Provider:
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporters.logs()))
    logs_api.set_logger_provider(provider)
    return provider


_SIGNALS: Mapping[str, tuple[Callable[[], object], Callable[[_Exporters, Resource], _Provider]]] = {
    "traces": (trace_api.get_tracer_provider, _traces),
    "metrics": (metrics_api.get_meter_provider, _metrics),
    "logs": (logs_api.get_logger_provider, _logs),
}


class _Console:
    """To stderr: stdout belongs to the program."""

    def spans(self) -> SpanExporter:
        return ConsoleSpanExporter(out=sys.stderr)

    def metrics(self) -> MetricExporter:
        return ConsoleMetricExporter(out=sys.stderr)

    def logs(self) -> LogRecordExporter:
        from opentelemetry.sdk._logs import export

        newer = getattr(export, "ConsoleLogRecordExporter", None)  # renamed in 1.39
        made: LogRecordExporter = (newer or export.ConsoleLogExporter)(out=sys.stderr)
        return made


class _Otlp:
    """By OTLP over HTTP, to where the standard variables say."""

    def spans(self) -> SpanExporter:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()

    def metrics(self) -> MetricExporter:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        return OTLPMetricExporter()

    def logs(self) -> LogRecordExporter:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

        return OTLPLogExporter()


def _exporters(kind: str, env: Mapping[str, str]) -> _Exporters:
    if kind == "console":
        return _Console()
    if kind != "otlp":
        raise ConfigError(unknown_name("otel setting", kind, ["console", "otlp"]))
    protocol = env.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    if protocol != "http/protobuf":
        raise ConfigError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}, but otel='otlp' speaks http/protobuf "
            "only; remove the variable, or set up the OpenTelemetry SDK yourself and leave `otel` "
            "out: vidobs uses what it finds"
        )
    try:
        import opentelemetry.exporter.otlp.proto.http  # noqa: F401 - only to say what is missing
    except ImportError as error:
        raise MissingExtraError("otlp", "otel='otlp'") from error
    return _Otlp()


def _bounded(actions: list[Callable[[], object]], timeout: float) -> bool:
    """Run all at once in daemon threads; return whether all ended within `timeout` seconds."""
    threads = [threading.Thread(target=action, daemon=True) for action in actions]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)
