"""Spans, metrics, log lines, HTTP spans: the only package that knows OpenTelemetry and structlog.

Everything goes through the OpenTelemetry API, so whatever provider the user has set up receives
it; only `setup` touches the SDK, and only when asked to.
"""
