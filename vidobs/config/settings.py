"""The effective settings of a process, and the table they are all derived from.

Loading, error texts, `vidobs config` and docs/settings.md read `SETTINGS`: a new setting is one
entry there and one field in `Settings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from vidobs.config import readers
from vidobs.config.choices import Durability, HttpSpans, OtelSetup, PollSpans
from vidobs.config.ledger_url import LedgerUrl, default_ledger, ledger_url
from vidobs.config.links import links
from vidobs.config.store_url import StoreUrl, store_url
from vidobs.core.capture import CapturePolicy, Content, Media
from vidobs.core.policies import BillingPolicy, parse_policies
from vidobs.core.prices import PriceRow, parse_price_rows

SAME_TRACE_S = 3600.0
MEDIA_MAX_BYTES = 1 << 30
MEDIA_RETENTION_DAYS = 30
OUTBOX_MAX_BYTES = 512 << 20
OUTBOX_MAX_DAYS = 14.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set, checked. docs/settings.md describes each."""

    callbacks: tuple[object, ...] = ()
    exporters: Mapping[str, Mapping[str, object]] = {}
    capture: CapturePolicy = CapturePolicy()
    media_max_bytes: int = MEDIA_MAX_BYTES
    media_retention_days: int = MEDIA_RETENTION_DAYS
    ledger: LedgerUrl = msgspec.field(default_factory=default_ledger)
    retention_days: float | None = None
    retention_content_days: float | None = None
    outbox_max_bytes: int = OUTBOX_MAX_BYTES
    outbox_max_days: float | None = OUTBOX_MAX_DAYS
    durability: Durability = Durability.NORMAL
    store: StoreUrl | None = None
    expiring_before_s: float | None = None
    stuck_after_s: float | None = None
    http_spans: HttpSpans = HttpSpans.CREATES
    poll_spans: PollSpans = PollSpans.CHANGES
    otel: OtelSetup = OtelSetup.NONE
    prices: tuple[PriceRow, ...] = ()
    policies: Mapping[str, BillingPolicy] = {}
    service_name: str | None = None
    same_trace_s: float = SAME_TRACE_S
    links: Mapping[str, str] = {}
    disabled: bool = False

    def __repr__(self) -> str:
        # Options of exporters hold secrets, and a repr ends up in logs.
        return f"Settings(callbacks={len(self.callbacks)}, ledger={str(self.ledger)!r}, ...)"


class Combine(StrEnum):
    """What happens when several sources give the same setting."""

    BEST = "best"  # the source of the highest rank wins
    BY_KEY = "by_key"  # a mapping: the best source wins for each key
    PRICES = "prices"  # price rows: all count; of two for the same thing the best source's


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table. `name` is the key in YAML and the argument of `configure()`."""

    name: str
    type: str  # as the documentation puts it
    read: readers.Reader
    doc: str
    env: str | None = None
    fallback_env: str | None = None  # asked when nothing else gives the setting
    default: str = ""  # as the documentation puts it; empty: nothing
    combine: Combine = Combine.BEST


def _policies(value: object, where: str) -> dict[str, BillingPolicy]:
    """The policies of the providers that are named, and of no other."""
    every = parse_policies(value, where=where)
    return {name: every[name] for name in value} if isinstance(value, Mapping) else {}


def _words(members: type[StrEnum]) -> str:
    return ", ".join(f"`{member}`" for member in members)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="callbacks",
        env="VIDOBS_CALLBACKS",
        type="list of names, or `a,b`",
        read=readers.callbacks,
        doc="What is told of events: ids of [exporters](exporters.md) such as `console`, `jsonl` or"
        " `webhook/audit`. In Python also functions and exporter objects.",
    ),
    Setting(
        name="exporters",
        type="mapping of ids to options",
        read=readers.exporters,
        combine=Combine.BY_KEY,
        doc="How each exporter is set up, by `type` or `type/name`. Naming one here does not"
        " switch it on; `callbacks` does.",
    ),
    Setting(
        name="capture.content",
        env="VIDOBS_CAPTURE",
        type=_words(Content),
        read=readers.choice(Content),
        default="none",
        doc="What is kept of prompts. `capture: full` is short for this. An exporter may get less.",
    ),
    Setting(
        name="capture.media",
        env="VIDOBS_CAPTURE_MEDIA",
        type=_words(Media),
        read=readers.choice(Media),
        default="none",
        doc="What is kept of a video when it is downloaded: with `thumbnail` a small picture, with"
        " `full` the file too, in the folder `<ledger>.media`. Pictures need the extra `media`.",
    ),
    Setting(
        name="media_max_bytes",
        env="VIDOBS_MEDIA_MAX_BYTES",
        type="bytes",
        read=readers.count,
        default=str(MEDIA_MAX_BYTES),
        doc="How much the media folder may hold; the oldest files go first. Downloads under way may"
        " take as much again for a while. Of a larger video nothing is kept.",
    ),
    Setting(
        name="media_retention_days",
        env="VIDOBS_MEDIA_RETENTION_DAYS",
        type="days",
        read=readers.count,
        default=str(MEDIA_RETENTION_DAYS),
        doc="How long a thumbnail or a video stays in the media folder.",
    ),
    Setting(
        name="ledger",
        env="VIDOBS_LEDGER",
        type="URL",
        read=ledger_url,
        default="`ledger.db` in the user's state directory, on Linux `~/.local/state/vidobs`",
        doc="Where the jobs and their cost are kept: `sqlite:///relative.db`,"
        " `sqlite:////absolute.db` or `memory:`.",
    ),
    Setting(
        name="retention_days",
        env="VIDOBS_RETENTION_DAYS",
        type="days or `never`",
        read=readers.days,
        default="`never`",
        doc="After so many days jobs that ended are deleted from the ledger, once every exporter"
        " has had their events. What they cost stays.",
    ),
    Setting(
        name="retention_content_days",
        env="VIDOBS_RETENTION_CONTENT_DAYS",
        type="days or `never`",
        read=readers.days,
        default="`never`",
        doc="After so many days prompts, their hashes, error texts, pictures and videos of a job"
        " are deleted. The rest of the job stays.",
    ),
    Setting(
        name="outbox_max_bytes",
        env="VIDOBS_OUTBOX_MAX_BYTES",
        type="bytes",
        read=readers.count,
        default=str(OUTBOX_MAX_BYTES),
        doc="How much the events that wait for exporters may take. Beyond that the oldest are"
        " dropped and counted, those that end a job last.",
    ),
    Setting(
        name="outbox_max_days",
        env="VIDOBS_OUTBOX_MAX_DAYS",
        type="days or `never`",
        read=readers.days,
        default="14",
        doc="How long an event waits for an exporter before it is dropped and counted; one that"
        " ends a job waits twice as long.",
    ),
    Setting(
        name="durability",
        env="VIDOBS_DURABILITY",
        type=_words(Durability),
        read=readers.choice(Durability),
        default="normal",
        doc="`normal` survives a crash of the process, `full` a power cut as well.",
    ),
    Setting(
        name="store",
        env="VIDOBS_STORE",
        type="`dir:///absolute/path` or `dir:relative`",
        read=store_url,
        doc="Where finished videos are downloaded to in the background, as `JOB_ID.mp4`, with the"
        " credentials that the environment has for their server; see"
        " [reconcile](reconcile.md#videos-that-are-soon-gone).",
    ),
    Setting(
        name="expiring_before_s",
        env="VIDOBS_EXPIRING_BEFORE_S",
        type="seconds",
        read=readers.seconds,
        default="`3600`, or a tenth of the time that the video is kept",
        doc="How long before a video goes that nobody has downloaded `video.expiring` says so.",
    ),
    Setting(
        name="stuck_after_s",
        env="VIDOBS_STUCK_AFTER_S",
        type="seconds",
        read=readers.seconds,
        default="10 times what the model takes, `900` at least, `3600` where that is unknown",
        doc="How long a job may show no change before `video.stuck` says so.",
    ),
    Setting(
        name="http_spans",
        env="VIDOBS_HTTP_SPANS",
        type=_words(HttpSpans),
        read=readers.choice(HttpSpans),
        default="creates",
        doc="Which HTTP requests become child spans; `creates` means creates and downloads.",
    ),
    Setting(
        name="poll_spans",
        env="VIDOBS_POLL_SPANS",
        type=_words(PollSpans),
        read=readers.choice(PollSpans),
        default="changes",
        doc="Which polls become spans; `changes` means the first, each that saw a change, the last"
        " and errors.",
    ),
    Setting(
        name="otel",
        env="VIDOBS_OTEL",
        type=_words(OtelSetup),
        read=readers.choice(OtelSetup),
        default="none",
        doc="Sets the OpenTelemetry SDK up: `console` on stderr, or `otlp` by the standard `OTEL_*`"
        " variables. With `none` the provider that the program has set up is used.",
    ),
    Setting(
        name="prices",
        type="list of price rows",
        read=lambda value, where: parse_price_rows(value, where=where),
        combine=Combine.PRICES,
        doc="Price rows that are added to the built-in price book, or override its rows.",
    ),
    Setting(
        name="policies",
        type="mapping of providers to rules",
        read=_policies,
        combine=Combine.BY_KEY,
        doc="What a provider bills for jobs that failed, overriding what vidobs knows.",
    ),
    Setting(
        name="service_name",
        env="VIDOBS_SERVICE_NAME",
        fallback_env="OTEL_SERVICE_NAME",
        type="text",
        read=readers.text,
        doc="The service that telemetry belongs to.",
    ),
    Setting(
        name="same_trace_s",
        env="VIDOBS_SAME_TRACE_S",
        type="seconds",
        read=readers.seconds,
        default="3600",
        doc="Polls and downloads later than this after the create start a trace of their own, and"
        " link to the job's.",
    ),
    Setting(
        name="links",
        env="VIDOBS_LINKS",
        type="mapping of names to addresses, or `name=address,name=address`",
        read=links,
        combine=Combine.BY_KEY,
        doc="What a job's page in `vidobs ui` links to. For `datadog`, `langsmith`, `langfuse`,"
        " `grafana` and `jaeger` the address that they are opened at will do; any other is a"
        " template with `{trace_id}`, `{trace_id_decimal}`, `{span_id}`, `{job_id}`, `{job_uuid}`,"
        " `{video_id}`, `{start_ms}` or `{end_ms}` in it.",
    ),
    Setting(
        name="disabled",
        env="VIDOBS_DISABLED",
        type="`true` or `false`",
        read=readers.boolean,
        default="false",
        doc="Switches vidobs off: clients are handed back as they are, and nothing is recorded.",
    ),
)
