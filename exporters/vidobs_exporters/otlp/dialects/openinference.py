"""OpenInference, which Phoenix and Arize read.

https://arize-ai.github.io/openinference/spec/semantic_conventions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs_exporters.otlp.dialects import facts

if TYPE_CHECKING:
    from vidobs import Job, SpanRecord
    from vidobs_exporters.otlp.values import Value, Values

_CREATE = "generate_content"


def openinference(attributes: Values, span: SpanRecord, job: Job) -> Values:
    """Return the attributes of a span with what OpenInference asks for.

    The create and the whole job are of the model; other calls are tools. Only the span of the whole
    job has the cost, which would be added up along the trace.
    """
    out: dict[str, Value] = dict(attributes)
    facts.people(job, out)
    if job.tags:
        out["tag.tags"] = facts.labels(job)
    out["metadata"] = facts.json_text(facts.details(attributes))
    of_model = facts.of_whole_job(span) or attributes.get("gen_ai.operation.name") == _CREATE
    out["openinference.span.kind"] = "LLM" if of_model else "TOOL"
    if of_model:
        _of_model(attributes, out)
    if facts.of_whole_job(span) and "vidobs.cost.usd" in attributes:
        out["llm.cost.total"] = attributes["vidobs.cost.usd"]
    return out


def _of_model(attributes: Values, out: dict[str, Value]) -> None:
    out["llm.provider"] = attributes["gen_ai.provider.name"]
    if "gen_ai.request.model" in attributes:
        out["llm.model_name"] = attributes["gen_ai.request.model"]
    asked = facts.parameters(attributes)
    if asked is not None:
        out["llm.invocation_parameters"] = asked
    prompt = facts.prompt(attributes)
    if prompt is not None:
        out["input.value"] = prompt
        out["input.mime_type"] = "text/plain"
