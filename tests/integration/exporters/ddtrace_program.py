"""What happens in a process with ddtrace in it and no real agent: `python ddtrace_program.py WHAT`.

Prints one line of JSON and leaves at once: at a regular exit ddtrace would wait for its agent.
"""

import json
import os
import sys
from pathlib import Path

import ddtrace
import httpx
import openai
from ddtrace.trace import tracer
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import vidobs
from vidobs import ExportError
from vidobs.testing import isolated
from vidobs_exporters.datadog import DatadogExporter

sys.path.append(str(Path(__file__).parents[2] / "kit"))
from exporter_kit import an_event

ANSWER = {
    "id": "video_1",
    "object": "video",
    "status": "queued",
    "model": "sora-2",
    "created_at": 1795183401,
}


def client():
    """Return a wrapped client of a server that accepts every create."""
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=ANSWER))
    return vidobs.wrap(
        openai.OpenAI(api_key="sk-test", http_client=httpx.Client(transport=transport))
    )


def create(seen):
    """Make a job; return it as the ledger has it."""
    client().videos.create(prompt="a heron lands", model="sora-2")
    [job] = seen.jobs
    return job


def around(job):
    """Return what is stored of a job's trace."""
    kept = job.trace
    return {
        "trace_id": kept.trace_id,
        "parent_id": kept.parent_id,
        "sampled": kept.sampled,
        "tracestate": kept.tracestate,
    }


def joined():
    """Create within a span of ddtrace."""
    with isolated() as seen, tracer.trace("web.request") as span:
        said = around(create(seen))
        return {**said, "span": span.context.trace_id, "of": span.span_id}


def rejected():
    """Create within a trace that ddtrace has been told to drop."""
    with isolated() as seen, tracer.trace("web.request") as span:
        span.set_tag("manual.drop")
        return around(create(seen))


def alone():
    """Create where no span of ddtrace is active."""
    with isolated() as seen:
        return around(create(seen))


def otel():
    """Create within spans of both: OpenTelemetry's is the one."""
    trace.set_tracer_provider(TracerProvider())
    with isolated() as seen, tracer.trace("web.request"):
        return around(create(seen))


def no_key():
    """Ask for LLM Observability where neither the agent nor a key can take it."""
    exporter = DatadogExporter(mode="ddtrace", llmobs=True)
    try:
        exporter.export([an_event()])
    except ExportError as error:
        return {"said": str(error), "retryable": error.retryable}
    return {"said": None}


WHAT = {one.__name__: one for one in (joined, rejected, alone, otel, no_key)}

if __name__ == "__main__":
    said = WHAT[sys.argv[1]]()
    sys.stdout.write(json.dumps({**said, "ddtrace": ddtrace.__version__}) + "\n")
    sys.stdout.flush()
    os._exit(0)
