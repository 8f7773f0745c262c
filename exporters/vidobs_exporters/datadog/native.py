"""Spans through the ddtrace of this process, in the traces that ddtrace itself began.

An event may be exported long after its calls, and by another process than theirs. So nothing live
is joined: every span is made anew, with its own ids, its parent and its true times.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ddtrace.llmobs import LLMObs
from ddtrace.trace import Context, tracer

from vidobs import ExportError, SpanKind, event_attributes, span_attributes, spans_of
from vidobs_exporters.datadog import llmobs
from vidobs_exporters.datadog.agent import Agent
from vidobs_exporters.datadog.names import apart, bounded, dd_state
from vidobs_exporters.datadog.settings import LlmObs, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ddtrace.trace import Span

    from vidobs import SpanRecord, VideoEvent

AUTO_KEEP = 1  # https://docs.datadoghq.com/tracing/trace_pipeline/ingestion_mechanisms/
AUTO_REJECT = 0

R = TypeVar("R")


class Native:
    """A ddtrace span per span, and one of LLM Observability per ended job."""

    carries = "spans"

    def __init__(self, name: str, settings: Settings) -> None:
        self._name = name
        self._settings = settings
        self._agent = Agent(name, settings.timeout_s)

    @property
    def to(self) -> str:
        """Name ddtrace, and the Agent it sends to."""
        return f"ddtrace, for {self._agent.named(tracer.agent_trace_url)}"

    def send(self, events: Sequence[VideoEvent]) -> Iterator[int]:
        """Hand the spans to ddtrace and have it send them, if there is an Agent to send them to.

        ddtrace keeps what it cannot send for seconds only, so the Agent is asked first.
        """
        self._agent.ask(tracer.agent_trace_url)
        uses_llmobs = self._settings.llmobs is LlmObs.SDK and self._llmobs_enabled()
        told = {span.span_id: event for event in events for span in event.spans}
        for span in spans_of(events):
            event = told[span.span_id]
            whole = span.kind is SpanKind.INTERNAL and event.name.terminal
            made = self._llm(span, event) if whole and uses_llmobs else self._plain(span, event)
            self._describe(made, span, event)
            made.finish(finish_time=span.end_ns / 1e9)
        tracer.flush()  # type: ignore[no-untyped-call] # its authors gave it no types
        yield len(events)

    def close(self) -> None:
        """Close the connection to the Agent; ddtrace is not ours to stop."""
        self._agent.close()

    def _plain(self, span: SpanRecord, event: VideoEvent) -> Span:
        return tracer.start_span(
            _operation(span), _parent(span, event), service=self._settings.overrides.service
        )

    def _llm(self, span: SpanRecord, event: VideoEvent) -> Span:
        """Begin the span of a job as one of LLM Observability, too.

        The SDK puts a span under the active one, so the parent is active while it is made.
        """
        job = event.job
        attributes = event_attributes(event)
        before = tracer.context_provider.active()
        tracer.context_provider.activate(_parent(span, event))
        begin = _for_application(LLMObs.llm, self._settings.ml_app)
        made = begin(model_name=job.model or "unknown", model_provider=job.provider, name=span.name)
        tracer.context_provider.activate(before)
        LLMObs.annotate(
            made,
            input_data=llmobs.asked(event) or None,
            output_data=llmobs.made(attributes),
            metadata=llmobs.metadata(attributes),
            metrics=llmobs.metrics(event),
            tags=bounded(attributes),
        )
        made.name = _operation(span)
        if self._settings.overrides.service is not None:
            made.service = self._settings.overrides.service
        made.set_tag("llmobs_parent_id", str(int(span.span_id, 16)))  # it named the id of before
        return made

    def _describe(self, made: Span, span: SpanRecord, event: VideoEvent) -> None:
        made.span_id = int(span.span_id, 16)
        made.start_ns = span.start_ns
        made.resource = span.name
        made.set_tag("span.kind", span.kind.value)
        made.set_tag("component", "vidobs")
        for key in ("env", "version"):
            value = getattr(self._settings.overrides, key)
            if value is not None:
                made.set_tag(key, value)
        _put(made, apart(span_attributes(span, event.job)))
        if span.error_type is not None:
            made.error = 1
            made.set_tag("error.type", span.error_type)
            if event.detail is not None and span.kind is SpanKind.CLIENT:
                made.set_tag("error.message", event.detail)
        if span.link is not None:
            _, trace_id, span_id, flags = span.link.split("-")
            made.set_link(
                int(trace_id, 16),
                int(span_id, 16),
                flags=int(flags, 16),
                attributes={"vidobs.link": "job"},
            )

    def _llmobs_enabled(self) -> bool:
        """Tell whether LLM Observability is on; switch it on where that was asked for."""
        if LLMObs.enabled or not self._settings.overrides.enable_llmobs:
            return bool(LLMObs.enabled)
        overrides, key = self._settings.overrides, self._settings.key
        enable = _for_application(LLMObs.enable, self._settings.ml_app)
        try:
            enable(
                integrations_enabled=False,
                site=self._settings.site,
                api_key=None if key is None else key.reveal(),
                env=overrides.env,
                service=overrides.service,
            )
        except ValueError as error:  # neither an Agent that takes it nor a key
            raise ExportError(
                f"exporter {self._name!r}: ddtrace cannot switch LLM Observability on: {error}",
                retryable=None,
            ) from error
        return bool(LLMObs.enabled)


def _for_application(function: Callable[..., R], ml_app: str | None) -> Callable[..., R]:
    """Name the application where one was given; ddtrace has renamed the parameter."""
    if ml_app is None:
        return function
    known = inspect.signature(function).parameters
    return partial(function, **{"agent_service" if "agent_service" in known else "ml_app": ml_app})


def _operation(span: SpanRecord) -> str:
    """Return the name of a ddtrace span, which has few values; ours is its resource."""
    return f"vidobs.{span.name.partition(' ')[0]}"


def _parent(span: SpanRecord, event: VideoEvent) -> Context:
    """Return the trace and the parent of a span, and what was decided on sampling it."""
    trace = event.job.trace
    state = dd_state(trace.tracestate) if span.trace_id == trace.trace_id else {}
    usual = AUTO_KEEP if trace.sampled else AUTO_REJECT
    priority = state.get("s", "")
    return Context(
        trace_id=int(span.trace_id, 16),
        span_id=int(span.parent_id, 16) if span.parent_id else None,
        sampling_priority=int(priority) if priority.lstrip("-").isdigit() else usual,
        dd_origin=state.get("o"),
        meta={f"_dd.p.{key[2:]}": text for key, text in state.items() if key == "t.dm"},
    )


def _put(made: Span, attributes: Mapping[str, str | bool | int | float]) -> None:
    for key, value in attributes.items():
        if isinstance(value, bool):
            made.set_tag(key, str(value).lower())
        elif isinstance(value, str):
            made.set_tag(key, value)
        else:
            made.set_metric(key, value)
