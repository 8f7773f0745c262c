"""One tool in a process of its own: tells its sinks of finished videos.

`sending.py TOOL PLACE` with a PLACE in JSON: where the sinks are, a folder, how many videos, and
how many a second (0: as fast as it can). Says `sent N` after each video that was handed over, and
what all of it took. Each tool is set up as its documentation says, and flushed before the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MODEL, PROVIDER, SECONDS, USD = "sora-2", "openai", 4, 0.4
KEY = "bench-0123456789"
FLUSH_S, FLUSHES = 60.0, 300


@dataclass(frozen=True)
class Place:
    """Where a tool runs, and what it is to do."""

    urls: dict[str, str]  # of sinks
    folder: str
    videos: int
    rate: float = 0.0


def video_id(number: int) -> str:
    """Return the id by which a sink knows a video again."""
    return f"video_{number:032x}"


class Vidobs:
    """The ledger, and each sink's own exporter: those of `urls`.

    A job is two events. At a steady rate exporters get the last one only, so that a sink that has
    the id has all there is.
    """

    def __init__(self, place: Place) -> None:
        import vidobs

        only = {"events": ["video.completed"]} if place.rate else {}
        self._vidobs = vidobs
        vidobs.configure(
            ledger=f"sqlite:///{place.folder}/ledger.db",
            callbacks=list(place.urls),
            exporters={name: _options(name, url) | only for name, url in place.urls.items()},
        )

    async def send(self, number: int) -> None:
        """Write one job with its end."""
        given = video_id(number)
        with self._vidobs.job(provider=PROVIDER, model=MODEL, seconds=SECONDS, id=given) as job:
            job.completed(seconds=SECONDS)

    async def finish(self) -> None:
        """Deliver what is left; a flush does not wait for an exporter that rests."""
        for _ in range(FLUSHES):
            if not self._vidobs.flush(FLUSH_S):
                return
            await asyncio.sleep(0.1)


def _options(name: str, url: str) -> dict[str, Any]:
    return {
        "webhook": {"url": url, "allow_http": True, "allow_private": True},
        "otlp": {"endpoint": url, "signals": ["traces"]},
        "langsmith": {"url": url, "api_key": KEY},
        "helicone": {"url": url, "api_key": KEY},
    }[name]


class OpenTelemetry:
    """The SDK's batches, and its exporter for OTLP over HTTP."""

    def __init__(self, place: Place) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        (url,) = place.urls.values()
        self._provider = TracerProvider()
        exporter = OTLPSpanExporter(f"{url}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("bench")

    async def send(self, number: int) -> None:
        """Begin and end a span with what there is to say of a job."""
        span = self._tracer.start_span(
            f"video_job {MODEL}",
            attributes={
                "gen_ai.operation.name": "generate_content",
                "gen_ai.provider.name": PROVIDER,
                "gen_ai.request.model": MODEL,
                "gen_ai.response.id": video_id(number),
                "gen_ai.output.type": "video",
                "vidobs.job.id": f"job_{number:032x}",
                "vidobs.job.state": "completed",
                "vidobs.cost.usd": USD,
                "vidobs.cost.status": "settled",
                "vidobs.request.seconds": SECONDS,
                "vidobs.polls": 1,
            },
        )
        span.end()

    async def finish(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


class LangSmith:
    """LangSmith's own client."""

    def __init__(self, place: Place) -> None:
        from langsmith import Client

        (url,) = place.urls.values()
        self._client = Client(api_url=url, api_key=KEY)

    async def send(self, number: int) -> None:
        """Create a run that has ended."""
        run, now = uuid.uuid4(), datetime.now(UTC)
        self._client.create_run(
            name=f"video_job {MODEL}",
            run_type="llm",
            id=run,
            trace_id=run,
            dotted_order=now.strftime("%Y%m%dT%H%M%S%fZ") + str(run),
            start_time=now,
            end_time=now,
            inputs={"model": MODEL, "seconds": SECONDS},
            outputs={"id": video_id(number), "status": "completed"},
            extra={
                "metadata": {
                    "ls_provider": PROVIDER,
                    "ls_model_name": MODEL,
                    "job_id": f"job_{number:032x}",
                    "usage_metadata": {"total_cost": USD},
                }
            },
            project_name="bench",
        )

    async def finish(self) -> None:
        """Send what is left."""
        self._client.flush()


class LiteLLM:
    """LiteLLM's logger for webhooks, given what LiteLLM gives it."""

    def __init__(self, place: Place) -> None:
        os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
        from litellm.integrations.generic_api.generic_api_callback import GenericAPILogger

        (url,) = place.urls.values()
        self._logger = GenericAPILogger(endpoint=url)

    async def send(self, number: int) -> None:
        """Log the success of a call."""
        now = datetime.now()  # noqa: DTZ005 - as LiteLLM has it
        response = {
            "id": video_id(number),
            "object": "video",
            "status": "completed",
            "model": MODEL,
            "seconds": str(SECONDS),
            "usage": {"duration_seconds": SECONDS},
        }
        payload = {
            "id": response["id"],
            "call_type": "avideo_status",
            "status": "success",
            "custom_llm_provider": PROVIDER,
            "model": MODEL,
            "response_cost": USD,
            "startTime": now.timestamp(),
            "endTime": now.timestamp(),
            "metadata": {"job_id": f"job_{number:032x}"},
            "response": response,
        }
        told = {"standard_logging_object": payload}
        await self._logger.async_log_success_event(told, response, now, now)

    async def finish(self) -> None:
        """Send what is left."""
        await self._logger.flush_queue()


TOOLS = {
    "vidobs": Vidobs,
    "OpenTelemetry": OpenTelemetry,
    "LangSmith": LangSmith,
    "LiteLLM": LiteLLM,
}


async def run(tool: str, place: Place) -> dict[str, float]:
    """Send, and say what that took."""
    made: Any = TOOLS[tool](place)
    for number in range(-20, 0):  # warm up, under ids of their own
        await made.send((1 << 64) - number)
    await asyncio.sleep(0)
    _say("ready")
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    memory, cpu, start = _memory_kib(), time.process_time(), time.perf_counter()
    for number in range(place.videos):
        if place.rate:
            await asyncio.sleep(max(0.0, start + number / place.rate - time.perf_counter()))
        await made.send(number)
        if place.rate:
            _say(f"sent {number + 1}")
    handed_s = time.perf_counter() - start
    await made.finish()
    return {
        "handed_s": handed_s,
        "all_s": time.perf_counter() - start,
        "cpu_s": time.process_time() - cpu,
        "memory_kib": _memory_kib() - memory,
    }


def _memory_kib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _say(what: str) -> None:
    os.write(1, f"{what}\n".encode())  # at once: a process that is killed takes its buffers along


if __name__ == "__main__":
    _say(json.dumps(asyncio.run(run(sys.argv[1], Place(**json.loads(sys.argv[2]))))))
