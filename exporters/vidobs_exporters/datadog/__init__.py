"""Video jobs in Datadog: spans, LLM Observability, logs and metrics.

`choices` reads what the user set, `exporter` sends every event down its roads: `otlp_roads` to an
Agent or the intake, `roads` to the APIs of Datadog that speak JSON, `native` through ddtrace.
"""

from __future__ import annotations

from vidobs_exporters.datadog.exporter import DatadogExporter

__all__ = ["DatadogExporter"]
