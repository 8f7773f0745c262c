"""`vidobs.metrics_app`: this process's metrics for Prometheus."""

from __future__ import annotations

from vidobs import runtime
from vidobs.telemetry.prometheus import MetricsApp, require_client


def metrics_app() -> MetricsApp:
    """Return an ASGI application that tells Prometheus the metrics of this process.

    ```python
    app = Starlette(routes=[Route("/metrics", vidobs.metrics_app())])
    ```

    It answers every GET, in the text format or as OpenMetrics, whichever is asked for. For WSGI
    there is `metrics_app().wsgi`. The numbers are those of docs/metrics.md, whether or not
    OpenTelemetry is set up, and count from the first call of this function: make it at the start,
    before or after `vidobs.configure`.

    Raises:
        MissingExtraError: prometheus-client is not installed (the extra `metrics`).
    """
    require_client()
    runtime.count()
    return MetricsApp(runtime.counted)
