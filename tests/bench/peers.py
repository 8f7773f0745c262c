"""What others offer for the same calls, each set up as its documentation says for production.

Their exporters go to the sink, or to one that drops: nothing leaves the machine. None of their
wrappers of the openai client knows videos; where a wrapper sees every request it is used, otherwise
the tool's decorator stands around each call.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from contenders import MODEL, Calls, client, of_client, set_up_sdk, spans_seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from contenders import Place

_SETTLE_S = 0.05


def ddtrace(at: Place) -> Calls:
    """Datadog's tracer with openai and its HTTP client patched, sending to an agent."""
    os.environ |= {
        "DD_TRACE_AGENT_URL": at.sink_url,
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "DD_CRASHTRACKING_ENABLED": "false",
        "DD_RUNTIME_METRICS_ENABLED": "false",
    }
    import ddtrace as dd

    dd.patch(openai=True, httpx2=True)
    return of_client(client(at), dd.tracer.flush, _sent_to(at))


def openinference(at: Place) -> Calls:
    """OpenInference's instrumentor of openai."""
    from openinference.instrumentation.openai import OpenAIInstrumentor

    provider = set_up_sdk()
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    return of_client(client(at), provider.force_flush, spans_seen(provider))


def logfire(at: Place) -> Calls:
    """Logfire's instrumentation of one client, with an exporter that drops."""
    import logfire as fire
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = set_up_sdk()  # only for its exporter
    fire.configure(
        send_to_logfire=False,
        console=False,
        inspect_arguments=False,
        additional_span_processors=[BatchSpanProcessor(provider.dropped)],
    )
    plain = client(at)
    fire.instrument_openai(plain)
    return of_client(plain, fire.force_flush, spans_seen(provider))


def langfuse(at: Place) -> Calls:
    """Langfuse's `observe` around each call."""
    import langfuse as fuse

    tracer = fuse.Langfuse(public_key="pk-bench", secret_key="sk-bench", base_url=at.sink_url)
    call = fuse.observe(as_type="generation")
    download = fuse.observe(capture_output=False)  # or it would send the video along
    return _around(call, download, of_client(client(at), tracer.flush, _sent_to(at)), at)


def langsmith(at: Place) -> Calls:
    """LangSmith's `traceable` around each call."""
    os.environ |= {
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_ENDPOINT": at.sink_url,
        "LANGSMITH_API_KEY": "bench",
    }
    import langsmith as smith
    from langsmith.run_trees import get_cached_client

    call = smith.traceable(run_type="llm")
    download = smith.traceable(process_outputs=lambda _: {})  # or it would send the video along
    plain = of_client(client(at), lambda: get_cached_client().flush(), _sent_to(at))
    return _around(call, download, plain, at)


def litellm(at: Place) -> Calls:
    """LiteLLM's own functions for videos, without callbacks."""
    os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    import litellm as lite

    where: dict[str, Any] = {"api_base": at.base_url, "api_key": "sk-bench"}
    provider = {"custom_llm_provider": "openai"}
    if at.is_async:
        create, poll, download = lite.avideo_generation, lite.avideo_status, lite.avideo_content
    else:
        create, poll, download = lite.video_generation, lite.video_status, lite.video_content

    def ask(prompt: str) -> Any:
        return create(prompt=prompt, model=f"openai/{MODEL}", seconds="4", size="720x1280", **where)

    class Read(bytes):
        def read(self) -> bytes:
            return self

    def content(video_id: str) -> Any:
        if not at.is_async:
            return Read(download(video_id=video_id, **where, **provider))

        async def read() -> Read:
            return Read(await download(video_id=video_id, **where, **provider))

        return read()

    return Calls(
        ask,
        lambda video_id: poll(video_id=video_id, **where, **provider),
        content,
        lambda: time.sleep(_SETTLE_S),  # its threads cannot be waited for
    )


def _around(
    decorate: Callable[..., Any], decorate_download: Callable[..., Any], calls: Calls, at: Place
) -> Calls:
    def wrapped(
        name: str, call: Callable[[str], Any], decorate: Callable[..., Any] = decorate
    ) -> Callable[[str], Any]:
        if at.is_async:

            async def traced(given: str) -> Any:
                return await call(given)
        else:

            def traced(given: str) -> Any:
                return call(given)

        traced.__name__ = name
        return decorate(traced)

    return Calls(
        wrapped("create", calls.create),
        wrapped("poll", calls.poll),
        wrapped("download", calls.download, decorate_download),
        calls.flush,
        calls.check,
    )


def _sent_to(at: Place) -> Callable[[], None]:
    def count() -> int:
        with urlopen(f"{at.sink_url}/strangers") as answer:  # noqa: S310 - our own server
            return int(answer.read())

    before = count()

    def check() -> None:
        if count() <= before + 1:
            raise RuntimeError("nothing reached the sink")

    return check


PEERS: dict[str, Callable[[Place], Calls]] = {
    "openinference": openinference,
    "logfire": logfire,
    "Langfuse": langfuse,
    "ddtrace": ddtrace,
    "LangSmith": langsmith,
    "LiteLLM": litellm,
}
MODULES = {
    "openinference": "openinference.instrumentation.openai",
    "logfire": "logfire",
    "Langfuse": "langfuse",
    "ddtrace": "ddtrace",
    "LangSmith": "langsmith",
    "LiteLLM": "litellm",
}
