"""What the exporter does: which signal goes which way, and under which names."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from vidobs_exporters.datadog.names import Unified

TIMEOUT_S = 15.0


class Mode(StrEnum):
    """How spans leave the process."""

    OTLP = "otlp"  # to the Agent, a Collector or Datadog's intake
    DDTRACE = "ddtrace"  # through the ddtrace of this process, joined to its traces


class Logs(StrEnum):
    """How logs leave the process."""

    OTLP = "otlp"  # to where spans and metrics go
    INTAKE = "intake"  # to the logs intake; needs an API key
    OFF = "off"


class LlmObs(StrEnum):
    """How jobs get into LLM Observability."""

    API = "api"  # through its HTTP API, with their cost; needs an API key
    OTLP = "otlp"  # Datadog makes them from the OTLP spans, without a cost
    SDK = "sdk"  # through the SDK in ddtrace, with their cost
    OFF = "off"


class Secret:
    """An API key, which shows itself in no text."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key, for a header."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"


class Options(NamedTuple):
    """What was given for the exporter; `None` where nothing was."""

    mode: str | None = None
    endpoint: str | None = None
    api_key: str | None = None
    site: str | None = None
    service: str | None = None
    service_name: str | None = (
        None  # the setting of that name: where nothing else names the service
    )
    env: str | None = None
    version: str | None = None
    traces: bool | None = None
    metrics: bool = True
    logs: str | bool | None = None
    llmobs: str | bool | None = None
    ml_app: str | None = None
    logs_url: str | None = None
    llmobs_url: str | None = None
    timeout_s: float = TIMEOUT_S


class Overrides(NamedTuple):
    """What the options put in the place of ddtrace's own configuration; `None`: nothing."""

    service: str | None = None
    env: str | None = None
    version: str | None = None
    enable_llmobs: bool = False  # switch LLM Observability on where nobody has


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the exporter needs to know."""

    mode: Mode
    names: Unified
    site: str
    key: Secret | None = None
    otlp_url: str | None = None  # without the path; None: nothing goes by OTLP
    otlp_key: bool = False  # whether the key goes with OTLP: not to an Agent, which has its own
    traces: bool = True  # whether spans go by OTLP
    metrics: bool = True  # whether metrics do, which have no other way
    logs: Logs = Logs.OFF
    llmobs: LlmObs = LlmObs.OFF
    ml_app: str | None = None  # None: the service
    overrides: Overrides = Overrides()
    logs_url: str
    llmobs_url: str
    timeout_s: float = TIMEOUT_S

    @property
    def otlp_urls(self) -> dict[str, str]:
        """Where each signal goes that goes by OTLP."""
        if self.otlp_url is None:
            return {}
        by_otlp = self.logs is Logs.OTLP
        goes = {"traces": self.traces, "logs": by_otlp, "metrics": self.metrics}
        return {signal: f"{self.otlp_url}/v1/{signal}" for signal, does in goes.items() if does}
