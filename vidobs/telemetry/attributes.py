"""What spans, log records and log lines say of a call or a job, as OpenTelemetry attributes.

Values are `str`, `bool`, `int` or `float`: amounts and seconds become floats here, and only here.
What is unknown is left out. Texts are bounded and can always be encoded as UTF-8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core import names
from vidobs.core.calls import CREATING, NOBODY, Attribution, Operation, VideoCall, VideoRequest
from vidobs.core.delivered import mismatch

if TYPE_CHECKING:
    from decimal import Decimal

    from vidobs.core.delivered import Transfer
    from vidobs.core.jobs import Job, Usage, VideoFile

Attributes = dict[str, str | bool | int | float]

MAX_TEXT = 1024  # characters of any one value
MAX_PROMPT_BYTES = 8192  # of `gen_ai.input.messages`
MAX_TAGS = 32  # a span holds 128 attributes and drops the oldest of more
OUTPUT_TYPE = "video"
HASHED = "hmac:"  # how a prompt begins of which only a keyed hash was kept

GENERATE = "generate_content"
FETCH = "fetch_response"
GUARD = "apply_guardrail"
DOWNLOAD = "download_video"
OPERATION_NAME_OF = {
    Operation.CREATE: GENERATE,
    Operation.REMIX: GENERATE,
    Operation.EDIT: GENERATE,
    Operation.EXTEND: GENERATE,
    Operation.CHARACTER: GENERATE,
    Operation.GET_CHARACTER: FETCH,
    Operation.RETRIEVE: FETCH,
    Operation.LIST: FETCH,
    Operation.DELETE: FETCH,
    Operation.DOWNLOAD: DOWNLOAD,
}


def of_guard(job: Job, guardrail: str, ruling: str) -> Attributes:
    """Return what the span of a guardrail says."""
    return {
        names.PROVIDER_NAME: text(job.provider),
        names.JOB_ID: job.job_id,
        names.GUARDRAIL: text(guardrail),
        names.GUARDRAIL_SAID: text(ruling),
    }


def of_call(call: VideoCall, job_id: str | None = None) -> Attributes:
    """Return what is known of a call before it is sent."""
    operation = call.operation
    out: Attributes = {
        names.OPERATION_NAME: OPERATION_NAME_OF[operation],
        names.PROVIDER_NAME: text(call.provider),
        names.OPERATION: operation.value,
        names.DIALECT: call.dialect,
    }
    if call.model:
        out[names.REQUEST_MODEL] = text(call.model)
    _of_server(call, out)
    if job_id:
        out[names.JOB_ID] = job_id
    if operation in CREATING:
        out[names.OUTPUT_TYPE] = OUTPUT_TYPE
        _of_request(call.request, out)
    if call.video_id:
        out[_video_id_name(operation)] = text(call.video_id)
    if call.variant:
        out[names.VIDEO_VARIANT] = text(call.variant)
    if call.request_hash:
        out[names.REQUEST_HASH] = call.request_hash
    if call.prompt:
        _of_prompt(call.prompt, out)
    if call.attribution is not NOBODY:
        _of_attribution(call.attribution, out)
    return out


def of_answer(
    call: VideoCall,
    job: Job | None,
    *,
    status: str | None = None,
    error_type: str | None = None,
) -> Attributes:
    """Return what became known of a call by its answer or its exception."""
    out: Attributes = {}
    if error_type:
        out[names.ERROR_TYPE] = text(error_type)
    if status:
        out[names.RESPONSE_STATUS] = text(str(status))
    if job is None:
        return out
    out[names.JOB_ID] = job.job_id
    out[names.JOB_STATE] = job.state.value
    if job.provider_job_id:
        out[names.RESPONSE_ID] = text(job.provider_job_id)
    if call.operation in CREATING:
        out[names.JOB_ATTEMPTS] = job.attempts
    elif error_type is None and _reads_video(call):
        out |= of_delivered(job)
    return out


def of_delivered(job: Job) -> Attributes:
    """Return what is known of the video that was read, if it was."""
    out: Attributes = {}
    if job.file is not None:
        _of_file(job.file, out)
        _of_mismatch(job, out)
    return out


def of_transfer(transfer: Transfer) -> Attributes:
    """Return how a download went, whether or not anything is known of the job."""
    out: Attributes = {}
    _of_file(transfer.file, out)
    if transfer.first_byte_s is not None:
        out[names.DOWNLOAD_FIRST_BYTE_S] = transfer.first_byte_s
    if transfer.bytes_per_s is not None:
        out[names.DOWNLOAD_RATE] = transfer.bytes_per_s
    if transfer.part:
        out[names.VIDEO_PART] = text(transfer.part)
    return out


def of_job(job: Job) -> Attributes:
    """Return everything the span of a whole job says."""
    out = of_state(job)
    out[names.DIALECT] = job.dialect
    _of_server(job, out)
    if job.request_hash:
        out[names.REQUEST_HASH] = job.request_hash
    if job.prompt:
        _of_prompt(job.prompt, out)
    _of_request(job.request, out)
    return out


def of_state(job: Job) -> Attributes:
    """Return who a job is, how it stands and what it costs: what log records say of it too."""
    out: Attributes = {
        names.JOB_ID: job.job_id,
        names.PROVIDER_NAME: text(job.provider),
        names.OPERATION: job.operation.value,
        names.JOB_STATE: job.state.value,
        names.JOB_POLLS_COUNT: job.polls,
        names.JOB_ATTEMPTS: job.attempts,
    }
    if job.provider_job_id:
        out[names.RESPONSE_ID] = text(job.provider_job_id)
    if job.model:
        out[names.REQUEST_MODEL] = text(job.model)
    if job.parent_id:
        out[names.JOB_PARENT] = text(job.parent_id)
    if job.reason is not None:
        out[names.JOB_REASON] = job.reason.value
    if job.queue_s is not None:
        out[names.JOB_QUEUE_S] = job.queue_s
    if job.render_s is not None:
        out[names.JOB_RENDER_S] = job.render_s
    _of_cost(job, out)
    _of_video(job, out)
    if job.usage is not None:
        _of_render(job.usage, out)
    _of_attribution(job.attribution, out)
    return out


def job_error(job: Job) -> str | None:
    """Return the error type of a job that failed or never ran, else `None`."""
    if job.reason is not None:
        return job.reason.value
    return job.state.value if job.state.value in ("failed", "expired") else None


def output_seconds(job: Job) -> Decimal | None:
    """Return the length of what was made, by the best evidence there is."""
    if job.file is not None and job.file.seconds is not None:
        return job.file.seconds
    if job.usage is not None and job.usage.output_seconds is not None:
        return job.usage.output_seconds
    return None if job.request.seconds is None else job.request.seconds * job.request.n


def text(value: str, limit: int = MAX_TEXT) -> str:
    """Return a text that any encoder takes and any backend keeps."""
    if value.isascii() and len(value) <= limit:
        return value
    return value[:limit].encode("utf-8", "replace").decode()


def messages(prompt: str) -> str:
    """Return a prompt as `gen_ai.input.messages`: valid JSON of at most `MAX_PROMPT_BYTES`."""
    kept = text(prompt, MAX_PROMPT_BYTES)
    while True:
        encoded = msgspec.json.encode(
            [{"role": "user", "parts": [{"type": "text", "content": kept}]}]
        )
        excess = len(encoded) - MAX_PROMPT_BYTES
        if excess <= 0:
            return encoded.decode()
        kept = kept[: -max(1, excess // 6)]  # one character takes at most six bytes


def _reads_video(call: VideoCall) -> bool:
    """Tell a download of the video itself from one of its thumbnail."""
    return call.operation is Operation.DOWNLOAD and call.variant in (None, "video")


def _video_id_name(operation: Operation) -> str:
    """A create names the video it starts from; every other call names the one it asks for."""
    return names.JOB_PARENT if operation in CREATING else names.RESPONSE_ID


def _of_server(asked: VideoCall | Job, out: Attributes) -> None:
    if asked.server_address:
        out[names.SERVER_ADDRESS] = text(asked.server_address)
    if asked.server_port is not None:
        out[names.SERVER_PORT] = asked.server_port


def _of_request(request: VideoRequest, out: Attributes) -> None:
    if request.seconds is not None:
        out[names.REQUEST_SECONDS] = float(request.seconds)
    if request.size:
        out[names.REQUEST_SIZE] = text(request.size)
    if request.fps is not None:
        out[names.REQUEST_FPS] = float(request.fps)
    if request.audio is not None:
        out[names.REQUEST_AUDIO] = request.audio
    if request.n != 1:
        out[names.REQUEST_OUTPUTS] = request.n
    if request.input_images:
        out[names.REQUEST_INPUT_IMAGES] = request.input_images
    if request.input_seconds is not None:
        out[names.REQUEST_INPUT_SECONDS] = float(request.input_seconds)
    if request.unsupported:
        out[names.REQUEST_UNSUPPORTED] = text(",".join(request.unsupported))
    if request.prompt_chars is not None:
        out[names.REQUEST_PROMPT_CHARS] = request.prompt_chars


def _of_prompt(prompt: str, out: Attributes) -> None:
    if prompt.startswith(HASHED):
        out[names.REQUEST_PROMPT_HASH] = text(prompt)
    else:
        out[names.INPUT_MESSAGES] = messages(prompt)


def _of_attribution(who: Attribution, out: Attributes) -> None:
    if who.user:
        out[names.USER_ID] = text(who.user)
    for key in list(who.tags)[:MAX_TAGS]:
        out[names.TAG_PREFIX + text(key)] = text(who.tags[key])


def _of_cost(job: Job, out: Attributes) -> None:
    cost = job.cost
    out[names.COST_STATUS] = cost.status.value
    if cost.usd is not None:
        out[names.COST_USD] = float(cost.usd)
    if cost.possible_usd is not None:
        out[names.COST_POSSIBLE_USD] = float(cost.possible_usd)
    if cost.basis is not None:
        out[names.COST_BASIS] = cost.basis.value


def _of_video(job: Job, out: Attributes) -> None:
    seconds = output_seconds(job)
    if seconds is not None:
        out[names.VIDEO_SECONDS] = float(seconds)
    if job.request.size:
        out[names.VIDEO_SIZE] = text(job.request.size)
    out |= of_delivered(job)


def _of_render(usage: Usage, out: Attributes) -> None:
    """What a server of one's own says of its work."""
    if usage.gpu_seconds is not None:
        out[names.RENDER_INFERENCE_S] = float(usage.gpu_seconds)
    if usage.peak_memory_mb is not None:
        out[names.RENDER_PEAK_MEMORY_MB] = float(usage.peak_memory_mb)
    for stage, seconds in usage.stage_s.items():
        out[names.RENDER_STAGE_PREFIX + text(stage)] = float(seconds)


def _of_mismatch(job: Job, out: Attributes) -> None:
    said = mismatch(job)
    if said is not None:
        out[names.VIDEO_MISMATCH] = text(said)


def _of_file(file: VideoFile, out: Attributes) -> None:
    out[names.VIDEO_COMPLETE] = file.complete
    if file.size_bytes is not None:
        out[names.VIDEO_BYTES] = file.size_bytes
    if file.sha256:
        out[names.VIDEO_SHA256] = file.sha256
    if file.seconds is not None:
        out[names.VIDEO_SECONDS] = float(file.seconds)
    if file.size:
        out[names.VIDEO_SIZE] = text(file.size)
    if file.fps is not None:
        out[names.VIDEO_FPS] = float(file.fps)
    if file.audio is not None:
        out[names.VIDEO_AUDIO] = file.audio
    if file.codec:
        out[names.VIDEO_CODEC] = text(file.codec)
