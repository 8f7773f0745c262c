"""A program of a team on ddtrace: `python datadog_program.py WHAT SANDBOX LEDGER`.

Runs in a process of its own, for ddtrace changes the process it is loaded into. Prints one line of
JSON at the end.
"""

import json
import os
import signal
import sys

import ddtrace.auto  # noqa: F401 - patches everything, as `ddtrace-run` does
import openai
from ddtrace.llmobs import LLMObs
from ddtrace.trace import tracer
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import vidobs

SOON = 60


def configure(ledger, **options):
    """Export through ddtrace."""
    vidobs.configure(
        ledger=ledger, callbacks=["datadog"], exporters={"datadog": {"mode": "ddtrace", **options}}
    )


def say(what):
    """Tell the test."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def make(sandbox):
    """Create a video, poll to its end and download it, in a trace of the program's own."""
    client = vidobs.wrap(openai.OpenAI(base_url=sandbox, api_key="sk-test", max_retries=0))
    with tracer.trace("web.request", service="web", resource="POST /films") as around:
        video = client.videos.create_and_poll(
            prompt="a heron lands", model="sora-2", seconds="4", size="160x96", poll_interval_ms=50
        )
        with client.videos.with_streaming_response.download_content(video.id) as response:
            for _ in response.iter_bytes():
                pass
    return {
        "video": video.id,
        "trace_id": f"{around.trace_id:032x}",
        "span_id": around.span_id,
    }


def whole(sandbox, ledger):
    """Make a video and export everything."""
    configure(ledger, llmobs=True, ml_app="film")
    made = make(sandbox)
    return {**made, "left": vidobs.flush(SOON)}


def mine(sandbox, ledger):
    """Use LLM Observability as the program itself has set it up."""
    LLMObs.enable(agent_service="mine", integrations_enabled=False, agentless_enabled=False)
    configure(ledger)
    made = make(sandbox)
    return {**made, "left": vidobs.flush(SOON)}


def plain(sandbox, ledger):
    """Leave LLM Observability as it is: off."""
    configure(ledger)
    made = make(sandbox)
    return {**made, "left": vidobs.flush(SOON), "llmobs": LLMObs.enabled}


def killed(sandbox, ledger):
    """Make a video and be killed before anything more than the trace around it is sent."""
    configure(ledger)
    made = make(sandbox)
    tracer.flush()
    say(made)
    os.kill(os.getpid(), signal.SIGKILL)


def away(sandbox, ledger):
    """Make a video while there is no agent, and leave without waiting for one."""
    configure(ledger)
    made = make(sandbox)
    say({**made, "left": vidobs.flush(1)})
    os._exit(0)


def later(_sandbox, ledger):
    """Export what another process has left."""
    configure(ledger)
    return {"left": vidobs.flush(SOON)}


def twice(sandbox, ledger):
    """Have spans of HTTP requests from ddtrace, with an OpenTelemetry provider set up as well."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    vidobs.configure(ledger=ledger, http_spans="all")
    made = make(sandbox)
    vidobs.flush(SOON)
    return {**made, "spans": [span.name for span in exporter.get_finished_spans()]}


WHAT = {one.__name__: one for one in (whole, mine, plain, killed, away, later, twice)}

if __name__ == "__main__":
    said = WHAT[sys.argv[1]](*sys.argv[2:])
    vidobs.shutdown(SOON)
    tracer.flush()
    say(said)
