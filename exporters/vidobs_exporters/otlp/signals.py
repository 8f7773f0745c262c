"""What can be sent, and how it is packed."""

from __future__ import annotations

from enum import StrEnum


class Signal(StrEnum):
    """What a request carries, as the last part of its path."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"


class Compression(StrEnum):
    """How a body is packed."""

    GZIP = "gzip"
    NONE = "none"
