"""Read a call of the OpenAI Videos protocol as its sender wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import NOBODY, Attribution, Operation, VideoCall, VideoRequest
from vidobs.core.capture import CapturePolicy, Fingerprint
from vidobs.dialects.packed_ids import plain_id
from vidobs.dialects.servers import default_model
from vidobs.dialects.values import number, positive, text, truth, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vidobs.dialects.routes import Route

Files = Mapping[str, object] | Sequence[tuple[str, object]]
"""Uploads as httpx takes them: field names with content, or tuples that start (name, content)."""

_EMPTY: Mapping[str, object] = {}
_PLAIN = frozenset({"model", "prompt", "seconds", "size"})
_FROM_VIDEO = frozenset({Operation.EDIT, Operation.EXTEND})
_IMAGE_FIELDS = (
    "input_reference", "input_references", "image_reference", "reference_url", "image",
)  # fmt: skip
_VIDEO_SUFFIXES = (".mp4", ".mov", ".webm", ".m4v", ".mkv")


class CallContext(msgspec.Struct, frozen=True, kw_only=True):
    """What is the same for every call of one client."""

    provider: str
    dialect: str
    policy: CapturePolicy
    fingerprint: Fingerprint
    server_address: str | None = None
    server_port: int | None = None


def read_call(
    route: Route,
    body: object,
    files: Files | None,
    query: Mapping[str, object] | None,
    *,
    context: CallContext,
    idempotency_key: str | None = None,
    attribution: Attribution = NOBODY,
) -> VideoCall:
    """Return the call, stripped of what the capture policy does not keep.

    `body` is the parsed JSON object or the form's fields; anything else counts as empty. Uploads
    are looked at by name, type and size; streams are never read.
    """
    if not route.operation.creates_job and route.operation is not Operation.CHARACTER:
        return _about(route, query, context, attribution)
    fields: Mapping[str, object] = body if isinstance(body, Mapping) else _EMPTY
    uploads = _uploads(files) if files else ()
    prompt = fields.get("prompt")
    return VideoCall(
        operation=route.operation,
        provider=context.provider,
        dialect=context.dialect,
        model=_model(route, fields, context),
        video_id=_source(route, fields),
        request=_request(fields, uploads, prompt),
        request_hash=_fingerprint(route, fields, uploads, context.fingerprint),
        prompt_hash=_prompt_hash(prompt, context.fingerprint),
        prompt=context.policy.prompt(prompt, context.fingerprint),
        idempotency_key=idempotency_key,
        server_address=context.server_address,
        server_port=context.server_port,
        attribution=attribution,
    )


def _about(
    route: Route,
    query: Mapping[str, object] | None,
    context: CallContext,
    attribution: Attribution,
) -> VideoCall:
    """A call about a video that is there: a poll, a list, a download, a deletion."""
    variant = route.variant
    if route.operation is Operation.DOWNLOAD and query:
        variant = text(query.get("variant")) or variant
    return VideoCall(
        operation=route.operation,
        provider=context.provider,
        dialect=context.dialect,
        video_id=route.video_id,
        variant=variant,
        server_address=context.server_address,
        server_port=context.server_port,
        attribution=attribution,
    )


class _Upload(msgspec.Struct, frozen=True):
    """One file part. Its name is only looked at, never kept."""

    field: str
    content_type: str
    content: object

    @property
    def reference_image(self) -> bool:
        """Whether it is a picture to start from, and not a video."""
        name = self.field.partition("[")[0]
        return name in _IMAGE_FIELDS and not self.content_type.startswith(("video/", "audio/"))


def _uploads(files: Files) -> tuple[_Upload, ...]:
    items: Iterable[object] = files.items() if isinstance(files, Mapping) else files
    return tuple(
        _upload(str(item[0]), item[1])
        for item in items
        if isinstance(item, tuple | list) and len(item) > 1
    )


def _upload(field: str, part: object) -> _Upload:
    if not isinstance(part, tuple | list):
        return _Upload(field, "", part)
    content = part[1] if len(part) > 1 else None
    kind = part[2] if len(part) > 2 else None  # noqa: PLR2004 - (name, content, type, headers)
    if isinstance(kind, str):
        return _Upload(field, kind, content)
    name = part[0] if part and isinstance(part[0], str) else ""
    return _Upload(field, "video/*" if name.lower().endswith(_VIDEO_SUFFIXES) else "", content)


def _model(route: Route, fields: Mapping[str, object], context: CallContext) -> str | None:
    """The model that is asked for; OpenAI and Azure document what a create gets without one."""
    model = text(fields.get("model"))
    if model is None and route.operation is Operation.CREATE:
        return default_model(context.provider, context.server_address)
    return model


def _prompt_hash(prompt: object, fingerprint: Fingerprint) -> str | None:
    return fingerprint.prompt_hash(prompt) if isinstance(prompt, str) else None


def _source(route: Route, fields: Mapping[str, object]) -> str | None:
    """The provider's id of the video that a remix, an edit or an extension starts from."""
    if route.operation not in _FROM_VIDEO:
        return route.video_id
    video = fields.get("video")
    if isinstance(video, Mapping):
        named = text(video.get("id"))
    else:
        named = text(fields.get("video[id]")) or text(fields.get("video_id"))
    return None if named is None else plain_id(named)


def _request(
    fields: Mapping[str, object], uploads: tuple[_Upload, ...], prompt: object
) -> VideoRequest:
    chars = len(prompt) if isinstance(prompt, str) else None
    if fields.keys() <= _PLAIN and not uploads:
        return VideoRequest(
            seconds=positive(fields.get("seconds")),
            size=text(fields.get("size")),
            prompt_chars=chars,
        )
    fps = positive(_first(fields, "fps", "frame_rate"))
    return VideoRequest(
        seconds=_seconds(fields, fps),
        size=_size(fields),
        fps=fps,
        audio=truth(_first(fields, "generate_sound", "generate_audio", "with_audio", "audio")),
        n=whole(_first(fields, "n", "num_outputs_per_prompt", "num_outputs")) or 1,
        input_images=_images(fields) + sum(upload.reference_image for upload in uploads),
        input_seconds=number(fields.get("input_seconds")),
        prompt_chars=chars,
    )


def _first(fields: Mapping[str, object], *names: str) -> object:
    """The first of several names for one thing that the request uses."""
    for name in names:
        if (value := fields.get(name)) is not None:
            return value
    return None


def _seconds(fields: Mapping[str, object], fps: Decimal | None) -> Decimal | None:
    seconds = positive(_first(fields, "seconds", "duration", "duration_seconds"))
    if seconds is not None or not fps:
        return seconds
    frames = whole(fields.get("num_frames"))
    return None if frames is None else round(Decimal(frames) / fps, 3)


def _size(fields: Mapping[str, object]) -> str | None:
    width, height = whole(fields.get("width")), whole(fields.get("height"))
    if fields.get("size") is None and width and height:
        return f"{width}x{height}"
    return text(_first(fields, "size", "resolution"))


def _images(fields: Mapping[str, object]) -> int:
    """Reference images given as links, file ids or data URIs; a form writes `name[key]`."""
    named = sum(_pictures(fields[name]) for name in _IMAGE_FIELDS if name in fields)
    forms = {name.partition("[")[0] for name in fields if "[" in name}
    return named + sum(name in forms for name in _IMAGE_FIELDS)


def _pictures(value: object) -> int:
    if isinstance(value, list | tuple):
        return sum(_pictures(item) for item in value)
    if isinstance(value, Mapping):
        return _pictures(value.get("image_url") or value.get("file_id") or value.get("url"))
    return int(isinstance(value, str) and value != "" and not value.startswith("data:video/"))


def _fingerprint(
    route: Route,
    fields: Mapping[str, object],
    uploads: tuple[_Upload, ...],
    fingerprint: Fingerprint,
) -> str:
    """Equal for equal requests, however the form was cut; a file's name does not count."""
    if route.operation is Operation.CREATE and not uploads:
        return fingerprint.request_hash(fields)
    files = [[upload.field, upload.content_type, upload.content] for upload in uploads]
    about: dict[str, object] = {"\0operation": route.operation.value}
    if route.video_id is not None:
        about["\0video"] = route.video_id
    if files:
        about["\0files"] = files
    return fingerprint.request_hash({**fields, **about})
