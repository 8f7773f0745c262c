"""Every attribute, metric and log field name, spelled once.

`gen_ai.*` names follow the OpenTelemetry GenAI semantic conventions
(https://github.com/open-telemetry/semantic-conventions-genai); there is none yet for video or cost,
so those live under `vidobs.*`.
"""

from __future__ import annotations

SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0"
SCOPE = "vidobs"

# -- attributes of spans, log records and events ---------------------------------------------------
OPERATION_NAME = "gen_ai.operation.name"
PROVIDER_NAME = "gen_ai.provider.name"
OUTPUT_TYPE = "gen_ai.output.type"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_STATUS = "gen_ai.response.status"
INPUT_MESSAGES = "gen_ai.input.messages"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
ERROR_TYPE = "error.type"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
USER_ID = "user.id"

JOB_ID = "vidobs.job.id"
JOB_STATE = "vidobs.job.state"
JOB_REASON = "vidobs.job.reason"
JOB_QUEUE_S = "vidobs.job.queue_s"
JOB_RENDER_S = "vidobs.job.render_s"
JOB_POLLS_COUNT = "vidobs.job.poll_count"
JOB_ATTEMPTS = "vidobs.job.attempts"
JOB_PARENT = "vidobs.job.parent_id"
JOB_PROGRESS = "vidobs.job.progress"
JOB_ERROR_CODE = "vidobs.job.error.code"
JOB_ERROR_MESSAGE = "vidobs.job.error.message"
DIALECT = "vidobs.dialect"
OPERATION = "vidobs.operation"
REQUEST_SECONDS = "vidobs.request.seconds"
REQUEST_SIZE = "vidobs.request.size"
REQUEST_HASH = "vidobs.request.hash"
REQUEST_INPUT_IMAGES = "vidobs.request.input_images"
REQUEST_PROMPT_CHARS = "vidobs.request.prompt_chars"
REQUEST_PROMPT_HASH = "vidobs.request.prompt_hash"
REQUEST_FPS = "vidobs.request.fps"
REQUEST_AUDIO = "vidobs.request.audio"
REQUEST_OUTPUTS = "vidobs.request.outputs"
REQUEST_INPUT_SECONDS = "vidobs.request.input_seconds"
COST_USD = "vidobs.cost.usd"
COST_POSSIBLE_USD = "vidobs.cost.possible_usd"
COST_STATUS = "vidobs.cost.status"
COST_BASIS = "vidobs.cost.basis"
VIDEO_SECONDS = "vidobs.video.seconds"
VIDEO_SIZE = "vidobs.video.size"
VIDEO_BYTES = "vidobs.video.bytes"
VIDEO_SHA256 = "vidobs.video.sha256"
VIDEO_VARIANT = "vidobs.video.variant"
VIDEO_COMPLETE = "vidobs.video.complete"
TAG_PREFIX = "vidobs.tag."
LINK_KIND = "vidobs.link"
EVENT_ID = "vidobs.event.id"
EVENT_NAME = "vidobs.event.name"
GUARD_WHERE = "vidobs.guard.where"
LOST_REASON = "vidobs.lost.reason"

# -- event names of log records that no job event stands for ---------------------------------------
EXCEPTION_EVENT = "gen_ai.client.operation.exception"
LEDGER_LOST = "ledger.lost"

# -- fields of log lines: the attribute of the same meaning, in short ------------------------------
LOG_FIELD_OF = {
    JOB_ID: "job_id",
    RESPONSE_ID: "video_id",
    PROVIDER_NAME: "provider",
    REQUEST_MODEL: "model",
    OPERATION: "operation",
    JOB_STATE: "state",
    JOB_REASON: "reason",
    JOB_PROGRESS: "progress",
    JOB_QUEUE_S: "queue_s",
    JOB_RENDER_S: "render_s",
    JOB_POLLS_COUNT: "polls",
    JOB_ATTEMPTS: "attempts",
    JOB_PARENT: "parent_video_id",
    COST_USD: "cost_usd",
    COST_POSSIBLE_USD: "cost_possible_usd",
    COST_STATUS: "cost_status",
    COST_BASIS: "cost_basis",
    VIDEO_SECONDS: "seconds",
    VIDEO_SIZE: "size",
    VIDEO_BYTES: "bytes",
    VIDEO_SHA256: "sha256",
    VIDEO_COMPLETE: "complete",
    USER_ID: "user",
    ERROR_TYPE: "error_type",
    JOB_ERROR_CODE: "error_code",
    JOB_ERROR_MESSAGE: "error",
    EXCEPTION_TYPE: "exception_type",
    EXCEPTION_MESSAGE: "exception_message",
    EVENT_ID: "event_id",
    LOST_REASON: "why",
}
LOG_TRACE_ID = "trace_id"
LOG_SPAN_ID = "span_id"
LOG_TAG_PREFIX = "tag."
LOG_DURATION_S = "duration_s"
LOG_COUNT = "count"
LOG_EXTRA = "vidobs"  # the key of `LogRecord.__dict__` that holds the fields of a line

# -- metrics (name, unit); their attributes never hold ids, prompts or keys ------------------------
METRIC_CALL_DURATION = "gen_ai.client.operation.duration"  # s
METRIC_JOB_DURATION = "vidobs.job.duration"  # s, from submit to the terminal state
METRIC_JOB_QUEUE = "vidobs.job.queue.duration"  # s
METRIC_JOB_RENDER = "vidobs.job.render.duration"  # s
METRIC_JOBS = "vidobs.jobs"  # {job}, by event
METRIC_JOBS_ACTIVE = "vidobs.job.active"  # {job}, up and down
METRIC_JOB_POLLS = "vidobs.job.polls"  # {poll}
METRIC_OUTPUT_SECONDS = "vidobs.video.output_seconds"  # s
METRIC_VIDEO_BYTES = "vidobs.video.download.size"  # By
METRIC_COST = "vidobs.video.cost"  # USD, settled
METRIC_COST_POSSIBLE = "vidobs.video.cost.possible"  # USD
METRIC_COST_UNKNOWN = "vidobs.video.cost.unknown"  # {job}, settled without a known price
METRIC_CALL_ERRORS = "vidobs.call.errors"  # {call}
METRIC_GUARD_TRIPS = "vidobs.guard.trips"  # {trip}, faults of vidobs itself
METRIC_LOST = "vidobs.ledger.lost"  # {write}

CALL_DURATION_BUCKETS = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
JOB_DURATION_BUCKETS = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
