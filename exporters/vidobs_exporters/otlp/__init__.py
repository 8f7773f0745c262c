"""Spans, logs and metrics by OTLP, to whatever speaks it."""
