"""Observability for video generation: one trace, one log story and one settled cost per job.

Importing this loads the standard library only; every name below is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidobs.core.capture import CapturePolicy
    from vidobs.core.errors import (
        ConfigError,
        ExportError,
        LedgerError,
        MissingExtraError,
        SpendLimitError,
        UnsupportedClientError,
        VidobsError,
    )
    from vidobs.core.events import EventName, SpanKind, SpanRecord, VideoEvent, spans_of
    from vidobs.core.jobs import Job, JobState, Reason
    from vidobs.core.money import Cost, CostBasis, CostStatus
    from vidobs.core.money import plain as format_usd
    from vidobs.core.names import SCHEMA_URL
    from vidobs.core.networks import AddressKind, address_kind, address_of
    from vidobs.core.protocols import Exporter
    from vidobs.core.reconciled import ReconcileReport
    from vidobs.core.scrub import scrub
    from vidobs.delivery.encoding import event_to_json
    from vidobs.delivery.event_line import EventLine
    from vidobs.observer.attribution import context
    from vidobs.runtime import cost, thumbnail
    from vidobs.sdk._face import configure, flush, on, shutdown
    from vidobs.sdk._job import ManualJob, job
    from vidobs.sdk._litellm import litellm_logger
    from vidobs.sdk._metrics import metrics_app
    from vidobs.sdk._wrap import unwrap, wrap
    from vidobs.sdk.client._calls import Extras
    from vidobs.sdk.client._client import AsyncClient, Client
    from vidobs.sdk.client._results import Character, Video, VideoContent, VideoDeleted, VideoPage
    from vidobs.sdk.functions._async import (
        avideo_cancel,
        avideo_content,
        avideo_create_character,
        avideo_delete,
        avideo_edit,
        avideo_extension,
        avideo_generation,
        avideo_get_character,
        avideo_list,
        avideo_remix,
        avideo_status,
        avideo_wait,
    )
    from vidobs.sdk.functions._sync import (
        video_cancel,
        video_content,
        video_create_character,
        video_delete,
        video_edit,
        video_extension,
        video_generation,
        video_get_character,
        video_list,
        video_remix,
        video_status,
        video_wait,
    )
    from vidobs.sdk.functions._unsupported import UnsupportedParameterWarning
    from vidobs.sdk.functions._video_object import CharacterObject, VideoObject
    from vidobs.sdk.reconcile._face import reconcile
    from vidobs.telemetry.exported import event_attributes, event_level, span_attributes
    from vidobs.telemetry.measurements import (
        Instrument,
        InstrumentKind,
        Measurement,
        measurements,
    )

__version__ = "0.1.0"

__all__ = [
    "SCHEMA_URL",
    "AddressKind",
    "AsyncClient",
    "CapturePolicy",
    "Character",
    "CharacterObject",
    "Client",
    "ConfigError",
    "Cost",
    "CostBasis",
    "CostStatus",
    "EventLine",
    "EventName",
    "ExportError",
    "Exporter",
    "Extras",
    "Instrument",
    "InstrumentKind",
    "Job",
    "JobState",
    "LedgerError",
    "ManualJob",
    "Measurement",
    "MissingExtraError",
    "Reason",
    "ReconcileReport",
    "SpanKind",
    "SpanRecord",
    "SpendLimitError",
    "UnsupportedClientError",
    "UnsupportedParameterWarning",
    "Video",
    "VideoContent",
    "VideoDeleted",
    "VideoEvent",
    "VideoObject",
    "VideoPage",
    "VidobsError",
    "address_kind",
    "address_of",
    "avideo_cancel",
    "avideo_content",
    "avideo_create_character",
    "avideo_delete",
    "avideo_edit",
    "avideo_extension",
    "avideo_generation",
    "avideo_get_character",
    "avideo_list",
    "avideo_remix",
    "avideo_status",
    "avideo_wait",
    "configure",
    "context",
    "cost",
    "event_attributes",
    "event_level",
    "event_to_json",
    "flush",
    "format_usd",
    "job",
    "litellm_logger",
    "measurements",
    "metrics_app",
    "on",
    "reconcile",
    "scrub",
    "shutdown",
    "span_attributes",
    "spans_of",
    "thumbnail",
    "unwrap",
    "video_cancel",
    "video_content",
    "video_create_character",
    "video_delete",
    "video_edit",
    "video_extension",
    "video_generation",
    "video_get_character",
    "video_list",
    "video_remix",
    "video_status",
    "video_wait",
    "wrap",
]

_HOMES = {
    "vidobs.core.capture": ("CapturePolicy",),
    "vidobs.core.errors": (
        "ConfigError",
        "ExportError",
        "LedgerError",
        "MissingExtraError",
        "SpendLimitError",
        "UnsupportedClientError",
        "VidobsError",
    ),
    "vidobs.core.events": ("EventName", "SpanKind", "SpanRecord", "VideoEvent", "spans_of"),
    "vidobs.core.jobs": ("Job", "JobState", "Reason"),
    "vidobs.core.money": ("Cost", "CostBasis", "CostStatus", "plain"),
    "vidobs.core.names": ("SCHEMA_URL",),
    "vidobs.core.networks": ("AddressKind", "address_kind", "address_of"),
    "vidobs.core.protocols": ("Exporter",),
    "vidobs.core.reconciled": ("ReconcileReport",),
    "vidobs.core.scrub": ("scrub",),
    "vidobs.delivery.encoding": ("event_to_json",),
    "vidobs.delivery.event_line": ("EventLine",),
    "vidobs.observer.attribution": ("context",),
    "vidobs.runtime": ("cost", "thumbnail"),
    "vidobs.sdk._face": ("configure", "flush", "on", "shutdown"),
    "vidobs.sdk._job": ("ManualJob", "job"),
    "vidobs.sdk._litellm": ("litellm_logger",),
    "vidobs.sdk._metrics": ("metrics_app",),
    "vidobs.sdk._wrap": ("unwrap", "wrap"),
    "vidobs.sdk.client._calls": ("Extras",),
    "vidobs.sdk.client._client": ("AsyncClient", "Client"),
    "vidobs.sdk.functions._async": (
        "avideo_cancel",
        "avideo_content",
        "avideo_create_character",
        "avideo_delete",
        "avideo_edit",
        "avideo_extension",
        "avideo_generation",
        "avideo_get_character",
        "avideo_list",
        "avideo_remix",
        "avideo_status",
        "avideo_wait",
    ),
    "vidobs.sdk.functions._sync": (
        "video_cancel",
        "video_content",
        "video_create_character",
        "video_delete",
        "video_edit",
        "video_extension",
        "video_generation",
        "video_get_character",
        "video_list",
        "video_remix",
        "video_status",
        "video_wait",
    ),
    "vidobs.sdk.functions._unsupported": ("UnsupportedParameterWarning",),
    "vidobs.sdk.functions._video_object": ("CharacterObject", "VideoObject"),
    "vidobs.sdk.client._results": (
        "Character",
        "Video",
        "VideoContent",
        "VideoDeleted",
        "VideoPage",
    ),
    "vidobs.sdk.reconcile._face": ("reconcile",),
    "vidobs.telemetry.exported": ("event_attributes", "event_level", "span_attributes"),
    "vidobs.telemetry.measurements": (
        "Instrument",
        "InstrumentKind",
        "Measurement",
        "measurements",
    ),
}
_MODULES = ("exceptions",)
_RENAMED = {"format_usd": "plain"}


def __getattr__(name: str) -> object:
    """Load a public name from the module it lives in."""
    if name in _MODULES:
        return import_module(f"vidobs.{name}")
    wanted = _RENAMED.get(name, name)
    home = next((module for module, names in _HOMES.items() if wanted in names), None)
    if home is None or name not in __all__:
        msg = f"module 'vidobs' has no attribute {name!r}"
        raise AttributeError(msg)
    value: object = getattr(import_module(home), wanted)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
