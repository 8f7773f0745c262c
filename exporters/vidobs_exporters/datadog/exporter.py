"""The exporter itself: each event goes all its roads, and none of them twice."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from vidobs import MissingExtraError
from vidobs_exporters.datadog.choices import settings_of
from vidobs_exporters.datadog.roads import LlmObsApi, LogsIntake
from vidobs_exporters.datadog.settings import TIMEOUT_S, LlmObs, Logs, Mode, Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs import VideoEvent
    from vidobs_exporters.datadog.roads import Road
    from vidobs_exporters.datadog.settings import Settings

MOST_REMEMBERED = 4096  # events per road, of batches that have arrived in part


class DatadogExporter:
    """Brings video jobs to Datadog: spans, LLM Observability, logs and metrics.

    Without options it sends OTLP to the Agent at `DD_AGENT_HOST`, to Datadog's intake where only
    `DD_API_KEY` is set, and to an Agent on this host otherwise. `mode="ddtrace"` hands spans to the
    ddtrace of this process. docs/exporters/datadog.md says what arrives where.
    """

    durable = True
    max_batch = 64

    def __init__(
        self,
        name: str = "datadog",
        *,
        mode: str | None = None,
        endpoint: str | None = None,
        api_key: str | None = None,
        site: str | None = None,
        service: str | None = None,
        service_name: str | None = None,
        env: str | None = None,
        version: str | None = None,
        traces: bool | None = None,
        metrics: bool = True,
        logs: str | bool | None = None,
        llmobs: str | bool | None = None,
        ml_app: str | None = None,
        logs_url: str | None = None,
        llmobs_url: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        options = Options(
            mode=mode,
            endpoint=endpoint,
            api_key=api_key,
            site=site,
            service=service,
            service_name=service_name,
            env=env,
            version=version,
            traces=traces,
            metrics=metrics,
            logs=logs,
            llmobs=llmobs,
            ml_app=ml_app,
            logs_url=logs_url,
            llmobs_url=llmobs_url,
            timeout_s=timeout_s,
        )
        settings = settings_of(name, options, os.environ)
        self.name = name
        self.otlp_urls = settings.otlp_urls  # read at the start, so that nothing goes there twice
        self._roads = roads_of(name, settings)
        self._arrived: list[set[str]] = [set() for _ in self._roads]

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Send the events down every road.

        When a road fails, those before it are remembered: the events do not go them again.

        Raises:
            ExportError: see `vidobs_exporters._http`; nothing of the batch counts as delivered.
        """
        for road, arrived in zip(self._roads, self._arrived, strict=True):
            events = [event for event in batch if event.id not in arrived]
            if events:
                _bring(road, events, arrived)
        for arrived in self._arrived:
            arrived.difference_update(event.id for event in batch)

    def check(self, event: VideoEvent) -> str:
        """Send one event down every road; return who took what."""
        took: dict[str, list[str]] = {}
        for road in self._roads:
            _bring(road, [event], set())
            took.setdefault(road.to, []).append(road.carries)
        return "; ".join(f"{to} took {', '.join(kinds)}" for to, kinds in took.items())

    def close(self) -> None:
        """Close the connections."""
        for road in self._roads:
            road.close()


def roads_of(name: str, settings: Settings) -> list[Road]:
    """Return the roads in the order to go them: what must not go twice comes last.

    Raises:
        MissingExtraError: packages for one are not installed.
    """
    made: list[Road] = []
    if settings.mode is Mode.DDTRACE:
        made.append(_native(name, settings))
    if settings.llmobs is LlmObs.API and settings.key is not None:
        made.append(LlmObsApi(name, settings, settings.key))
    if settings.logs is Logs.INTAKE and settings.key is not None:
        made.append(LogsIntake(name, settings, settings.key))
    if settings.otlp_urls:
        made += _otlp(name, settings)
    return made


def _otlp(name: str, settings: Settings) -> list[Road]:
    try:
        from vidobs_exporters.datadog.otlp_roads import otlp_roads
    except ImportError as error:
        raise MissingExtraError("datadog", f"exporter {name!r}") from error
    return list(otlp_roads(name, settings))


def _native(name: str, settings: Settings) -> Road:
    try:
        from vidobs_exporters.datadog.native import Native
    except ImportError as error:
        raise MissingExtraError("datadog", f"exporter {name!r} in mode ddtrace") from error
    return Native(name, settings)


def _bring(road: Road, events: Sequence[VideoEvent], arrived: set[str]) -> None:
    if len(arrived) > MOST_REMEMBERED:
        arrived.clear()
    done = 0
    for count in road.send(events):
        arrived.update(event.id for event in events[done : done + count])
        done += count
