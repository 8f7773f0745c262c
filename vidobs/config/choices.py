"""The closed sets that settings choose from; those of the capture policy are in `core.capture`."""

from __future__ import annotations

from enum import StrEnum


class Durability(StrEnum):
    """What survives a power cut. A crash of the process loses nothing either way."""

    NORMAL = "normal"  # the last moments may be lost with the power
    FULL = "full"  # every write waits for the disk


class HttpSpans(StrEnum):
    """Which HTTP requests become child spans."""

    CREATES = "creates"  # creates and downloads
    ALL = "all"  # polls as well
    OFF = "off"  # none


class PollSpans(StrEnum):
    """Which polls become spans."""

    CHANGES = "changes"  # the first, each that saw a change, the last, and errors
    ALL = "all"  # every one
    NONE = "none"  # none


class OtelSetup(StrEnum):
    """Whether vidobs sets the OpenTelemetry SDK up."""

    NONE = "none"  # no: spans go to the provider the program has set up, if any
    CONSOLE = "console"  # yes: everything to stderr
    OTLP = "otlp"  # yes: OTLP, as the standard OTEL_* variables say
