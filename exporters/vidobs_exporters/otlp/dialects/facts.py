"""What several dialects say of a job, each under names of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs import SpanKind, scrub

if TYPE_CHECKING:
    from vidobs import Job, SpanRecord
    from vidobs_exporters.otlp.values import Value, Values

SESSION_TAG = "session_id"  # of `vidobs.context(tags=...)`; without it a job is its own session
MAX_TAGS = 32  # as on spans in process

_DETAILS = {  # attribute: name among the metadata
    "vidobs.job.id": "job_id",
    "gen_ai.response.id": "video_id",
    "gen_ai.provider.name": "provider",
    "vidobs.operation": "operation",
    "vidobs.job.state": "state",
    "vidobs.job.reason": "reason",
    "vidobs.job.queue_s": "queue_s",
    "vidobs.job.render_s": "render_s",
    "vidobs.job.poll_count": "polls",
    "vidobs.job.attempts": "attempts",
    "vidobs.cost.status": "cost_status",
    "vidobs.cost.basis": "cost_basis",
    "vidobs.cost.possible_usd": "cost_possible_usd",
    "vidobs.video.seconds": "seconds",
    "vidobs.video.size": "size",
    "vidobs.video.mismatch": "mismatch",
}
_ASKED = {  # attribute: parameter of the request
    "vidobs.request.seconds": "seconds",
    "vidobs.request.size": "size",
    "vidobs.request.fps": "fps",
    "vidobs.request.audio": "audio",
    "vidobs.request.outputs": "n",
}


def of_whole_job(span: SpanRecord) -> bool:
    """Tell the span of a whole job from those of single calls."""
    return span.kind is SpanKind.INTERNAL


def details(attributes: Values) -> dict[str, Value]:
    """Return what is known of the job besides its model, its user and its cost."""
    return _named(_DETAILS, attributes)


def parameters(attributes: Values) -> str | None:
    """Return what was asked for, as JSON; `None` where nothing was."""
    asked = _named(_ASKED, attributes)
    return json_text(asked) if asked else None


def prompt(attributes: Values) -> str | None:
    """Return the prompt, where the capture policy let it pass as text."""
    messages = attributes.get("gen_ai.input.messages")
    if not isinstance(messages, str):
        return None
    [message] = msgspec.json.decode(messages)
    text: str = message["parts"][0]["content"]
    return text


def people(job: Job, out: dict[str, Value]) -> None:
    """Add whom a job is for, and what joins its traces, or those of several with the same tag."""
    out["session.id"] = scrub(job.tags.get(SESSION_TAG) or job.job_id)
    if job.user:
        out["user.id"] = scrub(job.user)


def labels(job: Job) -> list[str]:
    """Return the tags of a job as `key:value`."""
    return [scrub(f"{key}:{value}") for key, value in list(job.tags.items())[:MAX_TAGS]]


def json_text(value: object) -> str:
    """Return a value as JSON."""
    return msgspec.json.encode(value).decode()


def _named(names: dict[str, str], attributes: Values) -> dict[str, Value]:
    return {short: attributes[name] for name, short in names.items() if name in attributes}
