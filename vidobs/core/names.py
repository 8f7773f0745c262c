"""Every attribute, metric and log field name, spelled once.

`gen_ai.*` names follow the OpenTelemetry GenAI semantic conventions
(https://github.com/open-telemetry/semantic-conventions-genai); there is none yet for video or cost,
so those live under `vidobs.*`.
"""

from __future__ import annotations

SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0"
SCOPE = "vidobs"

# -- attributes of spans, log records and events ---------------------------------------------------
OPERATION_NAME = "gen_ai.operation.name"  # `generate_content`, `fetch_response` or `download_video`
PROVIDER_NAME = "gen_ai.provider.name"  # `openai`, `azure`, or what `wrap` was told
OUTPUT_TYPE = "gen_ai.output.type"  # always `video`; on creates
REQUEST_MODEL = "gen_ai.request.model"  # the model as it was asked for
RESPONSE_ID = "gen_ai.response.id"  # the provider's id of the video
RESPONSE_STATUS = "gen_ai.response.status"  # the state that the answer showed
INPUT_MESSAGES = "gen_ai.input.messages"  # the prompt as JSON; only with `capture: full`
SERVER_ADDRESS = "server.address"  # host of the server
SERVER_PORT = "server.port"  # port of the server
ERROR_TYPE = "error.type"  # why the call or the job failed, in few values
EXCEPTION_TYPE = "exception.type"  # class of what the call raised
EXCEPTION_MESSAGE = "exception.message"  # its text, scrubbed
USER_ID = "user.id"  # the user given to `vidobs.context`

JOB_ID = "vidobs.job.id"  # our id of the job; on everything that belongs to it
JOB_STATE = "vidobs.job.state"  # the state after the call
JOB_REASON = "vidobs.job.reason"  # why the job failed
JOB_QUEUE_S = "vidobs.job.queue_s"  # seconds from acceptance to the first sight of rendering
JOB_RENDER_S = "vidobs.job.render_s"  # seconds from the first sight of rendering to the end
JOB_POLLS_COUNT = "vidobs.job.poll_count"  # polls so far, those without a span too
JOB_ATTEMPTS = "vidobs.job.attempts"  # requests sent for the create
JOB_PARENT = "vidobs.job.parent_id"  # the provider's id of the video it was made from
JOB_PROGRESS = "vidobs.job.progress"  # per cent
JOB_ERROR_CODE = "vidobs.job.error.code"  # the provider's code of the error
JOB_ERROR_MESSAGE = "vidobs.job.error.message"  # the provider's text, scrubbed
DIALECT = "vidobs.dialect"  # the variant of the protocol
OPERATION = "vidobs.operation"  # what the call does: `create`, `remix`, `retrieve`, ...
REQUEST_SECONDS = "vidobs.request.seconds"  # length asked for
REQUEST_SIZE = "vidobs.request.size"  # `WIDTHxHEIGHT` or a tier such as `720p`
REQUEST_HASH = "vidobs.request.hash"  # keyed fingerprint of the whole request
REQUEST_INPUT_IMAGES = "vidobs.request.input_images"  # reference images sent along
REQUEST_PROMPT_CHARS = "vidobs.request.prompt_chars"  # length of the prompt
REQUEST_PROMPT_HASH = "vidobs.request.prompt_hash"  # of the prompt; only with `capture: hash`
REQUEST_FPS = "vidobs.request.fps"  # frames per second asked for
REQUEST_AUDIO = "vidobs.request.audio"  # whether sound was asked for
REQUEST_OUTPUTS = "vidobs.request.outputs"  # outputs asked for, where more than one
REQUEST_INPUT_SECONDS = "vidobs.request.input_seconds"  # length of a source video, where known
REQUEST_UNSUPPORTED = "vidobs.request.unsupported"  # parameters left out: no server takes them
COST_USD = "vidobs.cost.usd"  # what counts in a total; left out where unknown
COST_POSSIBLE_USD = "vidobs.cost.possible_usd"  # what may have been spent; never in a total
COST_STATUS = "vidobs.cost.status"  # how final the figure is
COST_BASIS = "vidobs.cost.basis"  # where the figure comes from
VIDEO_SECONDS = "vidobs.video.seconds"  # length of the result, by the best evidence
VIDEO_SIZE = "vidobs.video.size"  # size of the result, by the best evidence
VIDEO_BYTES = "vidobs.video.bytes"  # size of the file that was read
VIDEO_SHA256 = "vidobs.video.sha256"  # its checksum
VIDEO_VARIANT = "vidobs.video.variant"  # which asset a download asked for
VIDEO_COMPLETE = "vidobs.video.complete"  # whether every byte that was announced arrived
VIDEO_FPS = "vidobs.video.fps"  # frames per second of the file, on average
VIDEO_AUDIO = "vidobs.video.audio"  # whether the file has a sound track
VIDEO_CODEC = "vidobs.video.codec"  # of the file's picture: `avc1`, `hvc1`, `av01`, ...
VIDEO_MISMATCH = "vidobs.video.mismatch"  # in what the file is not what was asked for
VIDEO_PART = "vidobs.video.part"  # which bytes were sent, `FIRST-LAST/SIZE`, where not all
DOWNLOAD_FIRST_BYTE_S = "vidobs.download.first_byte_s"  # seconds from the request to the first byte
DOWNLOAD_RATE = "vidobs.download.bytes_per_s"  # over the whole call, pauses of the reader included
RENDER_INFERENCE_S = "vidobs.render.inference_s"  # seconds of GPU work, as the server says
RENDER_PEAK_MEMORY_MB = "vidobs.render.peak_memory_mb"  # of the GPU, as the server says
RENDER_STAGE_PREFIX = "vidobs.render.stage_s."  # and the name of a stage of the model: its seconds
TAG_PREFIX = "vidobs.tag."  # and the key of a tag given to `vidobs.context`
GUARDRAIL = "vidobs.guardrail.name"  # a guardrail of the gateway, on its span and events
GUARDRAIL_SAID = "vidobs.guardrail.verdict"  # `passed`, `flagged`, `redacted` or `blocked`, and why
LINK_KIND = "vidobs.link"  # on a link to the create span: `job`
EVENT_ID = "vidobs.event.id"  # stable across retries and exporters
EVENT_NAME = "vidobs.event.name"  # the event, on metrics
GUARD_WHERE = "vidobs.guard.where"  # which part of vidobs failed, on metrics
LOST_REASON = "vidobs.lost.reason"  # why writes or pictures were given up, on metrics
EXPORTER_ID = "vidobs.exporter.id"  # the id of an exporter in configuration, on metrics and lines
EXPORTER_REASON = "vidobs.exporter.reason"  # why it did not take events, or never gets them
EXPORTER_FAILURES = "vidobs.exporter.failures"  # of batches in a row
EXPORTER_RETRY_AT = "vidobs.exporter.retry_at"  # when it is tried again; never where left out

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
    VIDEO_FPS: "fps",
    VIDEO_AUDIO: "audio",
    VIDEO_CODEC: "codec",
    VIDEO_MISMATCH: "mismatch",
    USER_ID: "user",
    ERROR_TYPE: "error_type",
    JOB_ERROR_CODE: "error_code",
    JOB_ERROR_MESSAGE: "error",
    EXCEPTION_TYPE: "exception_type",
    EXCEPTION_MESSAGE: "exception_message",
    EVENT_ID: "event_id",
    GUARDRAIL: "guardrail",
    GUARDRAIL_SAID: "verdict",
    LOST_REASON: "why",
    EXPORTER_ID: "exporter",
    EXPORTER_REASON: "why",
    EXPORTER_FAILURES: "failures",
    EXPORTER_RETRY_AT: "retry_at",
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
METRIC_COST_QUOTED = "vidobs.video.cost.quoted"  # USD, before the call, of what settled
METRIC_COST_UNKNOWN = "vidobs.video.cost.unknown"  # {job}, settled without a known price
METRIC_CALL_ERRORS = "vidobs.call.errors"  # {call}
METRIC_GUARD_TRIPS = "vidobs.guard.trips"  # {trip}, faults of vidobs itself
METRIC_LOST = "vidobs.ledger.lost"  # {write}
METRIC_MEDIA_LOST = "vidobs.media.lost"  # {file}, video or picture
METRIC_EXPORTER_DELIVERED = "vidobs.exporter.delivered"  # {event}
METRIC_EXPORTER_RETRIED = "vidobs.exporter.retried"  # {batch}, not taken
METRIC_EXPORTER_DROPPED = "vidobs.exporter.dropped"  # {event}, never delivered
METRIC_EXPORTER_DEAD = "vidobs.exporter.dead"  # {event}, among the dead letters
METRIC_EXPORTER_DURATION = "vidobs.exporter.duration"  # s, of one export
METRIC_EXPORTER_QUEUE = "vidobs.exporter.queue"  # {event}, waiting now
METRIC_EXPORTER_LAG = "vidobs.exporter.lag"  # s, that the oldest of these has waited
METRIC_EXPORTER_BREAKER = "vidobs.exporter.breaker"  # 0 to 3, see the description
METRIC_EXPORTER_LETTERS = "vidobs.exporter.dead_letters"  # {event}, kept now
METRIC_LEDGER_JOBS = "vidobs.ledger.jobs"  # {job}, by state
METRIC_LEDGER_OLDEST = "vidobs.ledger.oldest"  # s, age of a job under way
METRIC_LEDGER_ALERTS = "vidobs.ledger.alerts"  # {job}, by the event that tells of it

CALL_DURATION_BUCKETS = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
JOB_DURATION_BUCKETS = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
VIDEO_BYTES_BUCKETS = (1e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 5e8, 1e9)
