"""Gauges of what a ledger keeps: for whoever looks at the file, and not at one process."""

from __future__ import annotations

from vidobs.core import names
from vidobs.telemetry.measurements import Instrument, InstrumentKind


def _gauge(name: str, unit: str, description: str) -> Instrument:
    return Instrument(name, InstrumentKind.GAUGE, unit, description)


LETTERS = _gauge(names.METRIC_EXPORTER_LETTERS, "{event}", "Dead letters that are kept of it")
JOBS_KEPT = _gauge(names.METRIC_LEDGER_JOBS, "{job}", "Jobs in the ledger, by state")
OLDEST = _gauge(names.METRIC_LEDGER_OLDEST, "s", "Age of the oldest job that is under way")
ALERTS = _gauge(names.METRIC_LEDGER_ALERTS, "{job}", "Jobs that need care now, by event")
KEPT = (LETTERS, JOBS_KEPT, OLDEST, ALERTS)
