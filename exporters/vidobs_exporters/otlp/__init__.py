"""Spans, logs and metrics by OTLP, to whatever speaks it.

`spans`, `logs` and `metrics` make the requests, `dialects` the attributes of spans that a backend
wants, `sender` sends; `options` reads what the user set, and `exporter` is what the relay calls.
https://opentelemetry.io/docs/specs/otlp/
"""

from __future__ import annotations

from vidobs_exporters.otlp.exporter import OtlpExporter

__all__ = ["OtlpExporter"]
