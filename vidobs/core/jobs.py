"""The job: what a video generation really is, from the intent to create it to its last byte."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from vidobs.core.calls import NOBODY, Attribution, Operation, VideoRequest
from vidobs.core.money import NO_COST, Cost


class JobState(StrEnum):
    """Where a job stands. `completed`, `failed`, `cancelled` and `expired` are final."""

    __hash__ = str.__hash__  # as equal texts have; an enum's own is slow

    SUBMITTING = "submitting"  # the intent is written, the answer is not known yet
    UNKNOWN = "unknown"  # the create was sent and nobody knows whether it was accepted
    QUEUED = "queued"  # accepted, not rendering yet
    IN_PROGRESS = "in_progress"  # rendering
    COMPLETED = "completed"  # the video is there
    FAILED = "failed"  # there will be no video; see the reason
    CANCELLED = "cancelled"  # stopped on request
    EXPIRED = "expired"  # the job never ran (an expired asset is another thing)

    @property
    def terminal(self) -> bool:
        """Whether the job has ended for good."""
        return self in TERMINAL


TERMINAL = frozenset(
    {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED},
)


class Reason(StrEnum):
    """Why a job failed."""

    MODERATION_INPUT = "moderation_input"  # the prompt or an input was refused
    MODERATION_OUTPUT = "moderation_output"  # the result was withheld
    INVALID_REQUEST = "invalid_request"  # the provider did not understand it
    AUTH = "auth"  # no, wrong or insufficient credentials
    QUOTA = "quota"  # out of credit
    BUDGET = "budget"  # refused by vidobs before anything was sent
    RATE_LIMITED = "rate_limited"  # too many requests, and retries did not help
    PROVIDER_ERROR = "provider_error"  # the provider broke
    TIMEOUT = "timeout"  # the provider gave up on it
    NOT_SENT = "not_sent"  # the connection never opened
    LOST = "lost"  # the provider no longer knows it

    @property
    def moderation(self) -> bool:
        """Whether a filter stopped the job."""
        return self in {Reason.MODERATION_INPUT, Reason.MODERATION_OUTPUT}


class AssetState(StrEnum):
    """What became of the finished video."""

    NONE = "none"  # there is none (yet)
    AVAILABLE = "available"  # the provider keeps it
    DOWNLOADED = "downloaded"  # every byte was read at least once
    EXPIRED = "expired"  # the provider threw it away
    DELETED = "deleted"  # deleted on request


class Notice(StrEnum):
    """What vidobs finds out about a job by the clock alone, and says once."""

    STUCK = "stuck"  # no change for longer than it should take
    EXPIRING = "expiring"  # its video is not downloaded, and soon gone


class JobError(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the provider said went wrong, scrubbed of secrets."""

    code: str | None = None
    message: str | None = None


class Usage(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the provider says it billed by, and what it says it costs."""

    reported_usd: Decimal | None = None
    credits: Decimal | None = None
    output_seconds: Decimal | None = None
    input_seconds: Decimal | None = None
    video_tokens: int | None = None
    text_tokens_out: int | None = None  # written beside the video
    tokens_in: int | None = None  # of the prompt and the inputs
    gpu_seconds: Decimal | None = None
    peak_memory_mb: Decimal | None = None  # of the GPU, while it worked on the job
    stage_s: dict[str, Decimal] = {}  # seconds that each stage of the model took


class VideoFile(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The asset as it was delivered; what is probed is read from a whole file."""

    size_bytes: int | None = None
    sha256: str | None = None
    seconds: Decimal | None = None  # probed: length of the video track
    size: str | None = None  # probed: "WIDTHxHEIGHT"
    complete: bool = True  # every byte that was announced arrived
    fps: Decimal | None = None  # probed: frames per second, on average
    audio: bool | None = None  # probed: whether there is a sound track
    codec: str | None = None  # probed: of the picture, `avc1`, `hvc1`, `av01`, ...
    thumbnail: str | None = None  # file name in the folder beside the ledger, while it is kept


class TraceRef(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The trace a job lives in: the create span's W3C ids and the sampling decision."""

    trace_id: str
    span_id: str
    sampled: bool = True
    parent_id: str | None = None  # the span around the create, if any
    tracestate: str | None = None

    @property
    def traceparent(self) -> str:
        """The W3C header value."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


class Job(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """Everything that is known of one video job. Times are aware UTC; `None` means unknown."""

    job_id: str
    provider: str
    dialect: str
    operation: Operation = Operation.CREATE
    created_at: datetime
    trace: TraceRef
    state: JobState = JobState.SUBMITTING
    provider_job_id: str | None = None
    parent_id: str | None = None  # the provider's id of the video this one was made from
    model: str | None = None  # as asked for
    served_model: str | None = None  # as answered, where that differs
    raw_status: str | None = None  # the provider's word for the state
    reason: Reason | None = None
    error: JobError | None = None
    progress: int | None = None  # per cent, 0 to 100, never falls
    submitted_at: datetime | None = None  # accepted by the provider
    started_at: datetime | None = None  # first seen rendering
    finished_at: datetime | None = None  # the provider's time of the end, else when it was seen
    expires_at: datetime | None = None  # when the provider throws the asset away
    polls: int = 0
    attempts: int = 1  # requests sent for the create
    request: VideoRequest = VideoRequest()
    usage: Usage | None = None
    asset: AssetState = AssetState.NONE
    file: VideoFile | None = None
    cost: Cost = NO_COST
    request_hash: str | None = None
    idempotency_key: str | None = None
    server_address: str | None = None
    server_port: int | None = None
    attribution: Attribution = NOBODY
    prompt_hash: str | None = None  # keyed; finds a create whose answer never came
    prompt: str | None = None  # only where the capture policy keeps content
    adopted: bool = False  # first seen by a poll; created elsewhere
    notices: tuple[Notice, ...] = ()  # said of it already
    guarded: tuple[str, ...] = ()  # guardrails of the gateway that looked at the result
    withheld: str | None = None  # the one that found something: the video is not handed out

    @property
    def queue_s(self) -> float | None:
        """Seconds from acceptance to the first sight of rendering."""
        return _between(self.submitted_at, self.started_at)

    @property
    def render_s(self) -> float | None:
        """Seconds from the first sight of rendering to the end."""
        return _between(self.started_at, self.finished_at)

    @property
    def total_s(self) -> float | None:
        """Seconds from the intent to the end."""
        return _between(self.created_at, self.finished_at)

    @property
    def user(self) -> str | None:
        """The user the job is for."""
        return self.attribution.user

    @property
    def tags(self) -> dict[str, str]:
        """The tags the job carries."""
        return self.attribution.tags


class JobSnapshot(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one answer of a provider says about a job. `None` means the answer did not say."""

    provider_job_id: str | None = None
    state: JobState | None = None  # None: the raw status is not known to the dialect
    raw_status: str | None = None
    progress: int | None = None
    model: str | None = None
    reason: Reason | None = None
    error: JobError | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    request: VideoRequest | None = None  # what the provider says it will make
    parent_id: str | None = None
    usage: Usage | None = None
    file: VideoFile | None = None
    asset: AssetState | None = None
    polls: int = 0  # polls since this process last wrote the job
    attempts: int | None = None
    thumbnail: str | None = None  # made of the asset, under this name


def _between(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return max(0.0, (end - start).total_seconds())
