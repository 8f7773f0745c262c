"""Langfuse: observations, of which one in a trace is a generation and has the cost.

https://langfuse.com/integrations/native/opentelemetry
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs import JobState, scrub
from vidobs_exporters.otlp.dialects import facts

if TYPE_CHECKING:
    from vidobs import Job, SpanRecord
    from vidobs_exporters.otlp.values import Value, Values


def langfuse(attributes: Values, span: SpanRecord, job: Job) -> Values:
    """Return the attributes of a span with what Langfuse reads.

    The span of the whole job is the generation: it knows what was made and what that cost. A call
    says that it is a plain span, for Langfuse takes whatever names a model to be a generation.
    """
    whole = facts.of_whole_job(span)
    out: dict[str, Value] = dict(attributes)
    out["langfuse.observation.type"] = "generation" if whole else "span"
    for name, value in facts.details(attributes).items():
        out[f"langfuse.observation.metadata.{name}"] = value
    if span.error_type:
        out["langfuse.observation.level"] = "ERROR"
        out["langfuse.observation.status_message"] = _why(span, job)
    _trace(job, out)
    if whole:
        _generation(attributes, job, out)
    return out


def _trace(job: Job, out: dict[str, Value]) -> None:
    """A trace that began before the job is somebody else's, and keeps its name."""
    facts.people(job, out)
    if job.tags:
        out["langfuse.trace.tags"] = facts.labels(job)
    out["langfuse.trace.metadata.job_id"] = job.job_id
    if job.trace.parent_id is None:
        out["langfuse.trace.name"] = "video_job"


def _generation(attributes: Values, job: Job, out: dict[str, Value]) -> None:
    if "gen_ai.request.model" in attributes:
        out["langfuse.observation.model.name"] = attributes["gen_ai.request.model"]
    asked = facts.parameters(attributes)
    if asked is not None:
        out["langfuse.observation.model.parameters"] = asked
    prompt = facts.prompt(attributes)
    if prompt is not None:
        out["langfuse.observation.input"] = prompt
    seconds = attributes.get("vidobs.video.seconds")
    if job.state is JobState.COMPLETED and isinstance(seconds, float):
        out["langfuse.observation.usage_details"] = facts.json_text(
            {"video_seconds": round(seconds)}  # counts are whole there; metadata has it exactly
        )
    usd = attributes.get("vidobs.cost.usd")
    if usd is not None:
        out["langfuse.observation.cost_details"] = facts.json_text({"video": usd, "total": usd})


def _why(span: SpanRecord, job: Job) -> str:
    said = job.error.message if job.error is not None and facts.of_whole_job(span) else None
    return scrub(said or span.error_type)
