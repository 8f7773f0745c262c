"""How Datadog wants what goes by OTLP.

Datadog makes spans of LLM Observability out of spans that have `gen_ai.*` attributes. It keeps
few others, and reads no cost from them, but takes a JSON object of anything:
https://docs.datadoghq.com/llm_observability/instrumentation/otel_instrumentation/#attribute-mapping-reference
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs_exporters.datadog.llmobs import metadata
from vidobs_exporters.datadog.names import apart, correlation
from vidobs_exporters.otlp.values import key_values

if TYPE_CHECKING:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    from vidobs import Job, SpanRecord
    from vidobs_exporters.otlp.values import Values

METADATA = "_dd.ml_obs.metadata"


def converted(attributes: Values, span: SpanRecord, job: Job) -> Values:  # noqa: ARG001 - a dialect
    """Return the attributes of a span that Datadog is to turn into one of LLM Observability."""
    kept = msgspec.json.encode(metadata(attributes))
    return {**attributes, METADATA: kept.decode()}


def unconverted(attributes: Values, span: SpanRecord, job: Job) -> Values:  # noqa: ARG001 - as above
    """Return the attributes of a span that is to stay out of LLM Observability."""
    return apart(attributes)


def correlate(request: ExportLogsServiceRequest) -> ExportLogsServiceRequest:
    """Give each log record the attributes that lead to its span; return the same request."""
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                ids = correlation(record.trace_id.hex(), record.span_id.hex())
                record.attributes.extend(key_values(ids))
    return request
