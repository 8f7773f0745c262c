"""Ended jobs as spans of LLM Observability, for its HTTP API.

A job is one span of kind `llm`, from its create to its end, with its cost: Datadog prices models of
text only, so the cost has to come along. Its polls and downloads are `tool` spans under it.
https://docs.datadoghq.com/llm_observability/instrumentation/api/
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from vidobs import SpanKind, event_attributes, span_attributes, spans_of
from vidobs_exporters._asked import HASHED
from vidobs_exporters.datadog.names import bounded_tags, flat, tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from vidobs import SpanRecord, VideoEvent
    from vidobs_exporters.datadog.names import Unified

    Json: TypeAlias = dict[str, object]

MAX_TEXT = 8192  # characters of a prompt
MAX_ML_APP = 193

_ROOT = "undefined"  # as the API spells that a span has no parent
_CONTENT = "gen_ai.input.messages"
_NO_ML_APP = re.compile(r"[^\w:./-]+|__+")


def payload(events: Sequence[VideoEvent], *, names: Unified, ml_app: str) -> Json | None:
    """Return what to send for some events, or `None` when LLM Observability is not concerned."""
    spans = [span for event in events for span in _spans(event)]
    if not spans:
        return None
    attributes = {
        "ml_app": application(ml_app),
        "tags": [*names.tags, tag("source", names.source)],
        "spans": spans,
    }
    return {"data": {"type": "span", "attributes": attributes}}


def application(name: str) -> str:
    """Return a name as LLM Observability takes it.

    >>> application("Film Studio_")
    'film_studio'
    """
    return _NO_ML_APP.sub("_", name.lower())[:MAX_ML_APP].rstrip("_") or "vidobs"


def metadata(attributes: Mapping[str, object]) -> dict[str, object]:
    """Return attributes under keys without dots; the prompt is not among them."""
    return {flat(name): value for name, value in attributes.items() if name != _CONTENT}


def metrics(event: VideoEvent) -> dict[str, float]:
    """Return the cost in US dollars; nothing where it is not known, for that is not zero."""
    usd = event.job.cost.usd
    return {} if usd is None else {"total_cost": float(usd)}


def asked(event: VideoEvent) -> list[dict[str, str]]:
    """Return the prompt as messages, where the capture policy kept it."""
    prompt = event.job.prompt
    if not prompt or prompt.startswith(HASHED):
        return []
    text = prompt[:MAX_TEXT].encode("utf-8", "replace").decode()
    return [{"role": "user", "content": text}]


def made(attributes: Mapping[str, object]) -> list[dict[str, str]]:
    """Return what came of a job as messages, in words: there are no message parts for videos."""
    said = [
        attributes.get("gen_ai.response.id", "no video"),
        attributes.get("vidobs.job.state"),
        attributes.get("vidobs.video.size"),
    ]
    seconds = attributes.get("vidobs.video.seconds")
    if isinstance(seconds, float):
        said.append(f"{seconds:g} s")
    return [{"role": "assistant", "content": ", ".join(str(one) for one in said if one)}]


def _spans(event: VideoEvent) -> list[Json]:
    trace = event.job.trace
    calls = [
        _call(span, event)
        for span in spans_of([event])
        if span.kind is SpanKind.CLIENT
        and (span.trace_id, span.parent_id) == (trace.trace_id, trace.span_id)
    ]
    return [*calls, _job(event)] if event.name.terminal else calls


def _job(event: VideoEvent) -> Json:
    """The span of a whole job. Its id is that of the create, so that the calls are under it."""
    job = event.job
    attributes = event_attributes(event)
    name = next((span.name for span in event.spans if span.kind is SpanKind.INTERNAL), "video_job")
    start_ns = _ns(job.created_at)
    known = {"model_name": job.model or "unknown", "model_provider": job.provider}
    meta: Json = {
        "kind": "llm",
        "input": {"messages": asked(event)},
        "output": {"messages": made(attributes)},
        "metadata": {**metadata(attributes), **known},
    }
    error_type = attributes.get("error.type")
    if error_type is not None:
        meta["error"] = _error(error_type, attributes.get("vidobs.job.error.message"))
    return {
        "name": name,
        **_place(job.trace.trace_id, job.trace.span_id, None),
        "start_ns": start_ns,
        "duration": max(0, _ns(job.finished_at or event.at) - start_ns),
        "status": "ok" if error_type is None else "error",
        "meta": meta,
        "metrics": metrics(event),
        "tags": bounded_tags(attributes),
    }


def _call(span: SpanRecord, event: VideoEvent) -> Json:
    attributes = span_attributes(span, event.job)
    meta: Json = {"kind": "tool", "metadata": metadata(attributes)}
    if span.error_type is not None:
        meta["error"] = _error(span.error_type, event.detail)
    return {
        "name": span.name,
        **_place(span.trace_id, span.span_id, span.parent_id),
        "start_ns": span.start_ns,
        "duration": span.end_ns - span.start_ns,
        "status": "ok" if span.error_type is None else "error",
        "meta": meta,
        "tags": bounded_tags(attributes),
    }


def _place(trace_id: str, span_id: str, parent_id: str | None) -> Json:
    """Return a span's ids as Datadog has them: of traces in hex, of spans as decimal numbers."""
    return {
        "trace_id": trace_id,
        "apm_trace_id": trace_id,
        "span_id": str(int(span_id, 16)),
        "parent_id": _ROOT if parent_id is None else str(int(parent_id, 16)),
    }


def _error(kind: object, message: object) -> Json:
    return {"type": str(kind), **({} if message is None else {"message": str(message)})}


def _ns(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000
