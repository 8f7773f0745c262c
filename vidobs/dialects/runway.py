"""The codec of Runway's API.

A task that ended says what it cost, in credits of one US cent: nothing where they were given back,
and as much as for a video where a filter withheld it. https://docs.dev.runwayml.com/api
"""

from __future__ import annotations

import re
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from vidobs.core.calls import Operation, VideoRequest
from vidobs.core.jobs import JobError, JobSnapshot, JobState, Reason, Usage
from vidobs.core.scrub import scrub
from vidobs.core.tiers import frame
from vidobs.dialects.codec import LONGEST_ID, Asked, Codec, decoded, items, mapping
from vidobs.dialects.failures import error_of, reason_of_error
from vidobs.dialects.failures import rejected as refused
from vidobs.dialects.routes import Route
from vidobs.dialects.states import STATES, state_of
from vidobs.dialects.values import moment, number, per_cent, positive, text, truth

if TYPE_CHECKING:
    from vidobs.dialects.codec import Request

CREDIT_USD = Decimal("0.01")  # https://docs.dev.runwayml.com/guides/pricing
_HOSTS = re.compile(r"api(?:\.dev)?\.runwayml\.com", re.IGNORECASE)
_PATH = re.compile(r".*?/v\d+/(?P<kind>[a-z_]+)(?:/(?P<id>[^/]+))?")
_CREATES = MappingProxyType(
    {
        "text_to_video": Operation.CREATE,
        "image_to_video": Operation.CREATE,
        "video_to_video": Operation.EDIT,
        "video_upscale": Operation.EDIT,
        "character_performance": Operation.CREATE,
    }
)
_ON_TASK = MappingProxyType({"GET": Operation.RETRIEVE, "DELETE": Operation.DELETE})
_REASONS = (
    ("SAFETY.INPUT", Reason.MODERATION_INPUT),
    ("SAFETY.OUTPUT", Reason.MODERATION_OUTPUT),
    ("SAFETY", Reason.MODERATION_OUTPUT),
    ("INPUT_PREPROCESSING.SAFETY", Reason.MODERATION_INPUT),
    ("ASSET", Reason.INVALID_REQUEST),
    ("INPUT_PREPROCESSING", Reason.PROVIDER_ERROR),
    ("INTERNAL", Reason.PROVIDER_ERROR),
    ("THIRD_PARTY", Reason.PROVIDER_ERROR),
)
_NO_CREDIT = re.compile(r"not (?:have )?enough credits|insufficient credits", re.IGNORECASE)
_VIDEOS = (".mp4", ".mov", ".webm")
_TIER = re.compile(r"auto_(\w+)")
_LONGEST = 1 << 20
_LONGEST_URL = 4096
_FULL = 100


class _Task(msgspec.Struct):
    id: object = None
    status: object = None
    progress: object = None
    created: object = msgspec.field(name="createdAt", default=None)
    failure: object = None
    code: object = msgspec.field(name="failureCode", default=None)
    cost: object = None
    output: object = None


class _Key(msgspec.Struct):
    status: object = None
    progress: object = None


def route(request: Request) -> Route | None:
    """Return what a request is; `None` for everything that is no video call.

    Pictures and sounds are tasks as well.
    """
    found = _PATH.fullmatch(request.path.rstrip("/"))
    if found is None:
        return None
    method, kind, task_id = request.method.upper(), found["kind"], found["id"]
    if task_id is None:
        operation = _CREATES.get(kind) if method == "POST" else None
        return None if operation is None else Route(operation)
    operation = _ON_TASK.get(method) if kind == "tasks" else None
    return None if operation is None else Route(operation, unquote(task_id))


def asked(request: Request) -> Asked:
    """Return what a create asks for."""
    fields = request.fields()
    prompt = text(fields.get("promptText"), _LONGEST)
    return Asked(
        model=text(fields.get("model")),
        prompt=prompt,
        request=VideoRequest(
            seconds=positive(fields.get("duration")),
            size=_size(text(fields.get("ratio"))),
            audio=truth(fields.get("audio")),
            input_images=_images(fields.get("promptImage")) + _images(fields.get("references")),
            prompt_chars=None if prompt is None else len(prompt),
        ),
    )


def polled(body: bytes, prompt: str | None) -> JobSnapshot | None:
    """Return what an answer says of a task; `None` when it is none.

    The answer to a create holds an id, and what the task may cost at most.
    """
    task = decoded(_Task, body)
    if task is None or (task.id is None and task.status is None):
        return None
    raw = text(task.status)
    state = None if raw is None else state_of(raw)
    failed = state is JobState.FAILED
    error = error_of({"code": task.code, "message": task.failure}, prompt) if failed else None
    ended = state is not None and state.terminal
    return JobSnapshot(
        provider_job_id=text(task.id, LONGEST_ID),
        state=state,
        raw_status=raw if raw is None or raw in STATES else scrub(raw, 64),
        progress=_progress(task.progress),
        reason=_reason(error) if failed else None,
        error=error,
        created_at=moment(task.created),
        usage=_charged(task.cost) if ended else None,
    )


def status_key(body: bytes) -> tuple[str, int | None]:
    """Return status and progress."""
    key = decoded(_Key, body)
    return ("", None) if key is None else (text(key.status) or "", _progress(key.progress))


def rejected(status_code: int, body: bytes, prompt: str | None) -> JobSnapshot:
    """Return what an HTTP error says of the job that a create should have made."""
    seen = refused(status_code, body, prompt=prompt)
    message = seen.error.message if seen.error is not None else None
    if message and _NO_CREDIT.search(message):
        return msgspec.structs.replace(seen, reason=Reason.QUOTA)
    return seen


def files(body: bytes) -> tuple[str, ...]:
    """Return the signed addresses of what a task made."""
    task = decoded(_Task, body)
    found = items(task.output) if task is not None else ()
    return tuple(each for each in found if isinstance(each, str) and len(each) <= _LONGEST_URL)


def is_video(body: bytes) -> bool:
    """Tell whether a task made a video; before its end nothing says so."""
    return any(_path_of(each).lower().endswith(_VIDEOS) for each in files(body))


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _charged(cost: object) -> Usage | None:
    credits_ = number(mapping(cost).get("credits"))
    if credits_ is None:
        return None
    return Usage(reported_usd=credits_ * CREDIT_USD, credits=credits_)


def _reason(error: JobError | None) -> Reason:
    code = (error.code if error is not None else None) or ""
    found = next((reason for start, reason in _REASONS if code.upper().startswith(start)), None)
    return reason_of_error(error) if found is None else found


def _progress(value: object) -> int | None:
    """Per cent, of a share from 0 to 1."""
    share = number(value)
    return None if share is None else per_cent(float(share * _FULL))


def _size(ratio: str | None) -> str | None:
    """The size in "1280:720", or the tier in "auto_720p"."""
    pixels = None if ratio is None else frame(ratio)
    if ratio is None or pixels is not None:
        return None if pixels is None else f"{pixels[0]}x{pixels[1]}"
    tier = _TIER.fullmatch(ratio)
    return ratio if tier is None else tier[1]


def _images(given: object) -> int:
    """Pictures given as one address or as a list of them; a reference may be a video."""
    if isinstance(given, str):
        return int(bool(given))
    return sum(mapping(each).get("type") in (None, "image") for each in items(given))


CODEC = Codec(
    name="runway",
    servers=("Runway",),
    tried_with="runwayml 5.24.0, over httpx",
    key_env="RUNWAYML_API_SECRET",
    base_env="RUNWAYML_BASE_URL",
    hosts=_HOSTS,
    provider_at=lambda _: "runwayml",
    route=route,
    asked=asked,
    created=polled,
    polled=polled,
    status_key=status_key,
    rejected=rejected,
    is_video=is_video,
    files=files,
)
