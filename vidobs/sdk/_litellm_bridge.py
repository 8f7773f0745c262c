"""Brings what LiteLLM tells its loggers to the observer.

A create is told of twice: before it is sent, which writes the intent, and when it ended. Everything
else is told of afterwards, some of it late, from another thread, and failures of async calls twice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs._guard import Guard
from vidobs.config import PollSpans
from vidobs.core.calls import Operation
from vidobs.core.jobs import JobSnapshot, JobState
from vidobs.dialects import litellm as names
from vidobs.dialects import openai as dialect
from vidobs.dialects.litellm_ids import unpacked
from vidobs.observer.creates import Create
from vidobs.observer.downloads import Download
from vidobs.observer.polls import Poll
from vidobs.sdk import _litellm_errors as errors
from vidobs.sdk._litellm_calls import read, span_of
from vidobs.sdk._litellm_creates import Creates, Moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.runtime import Runtime
    from vidobs.sdk._litellm_calls import Span, Told
    from vidobs.sdk._openai_errors import Private

MOST_TOLD = 2048  # calls that ended, remembered in order to know the second telling of one

_log = logging.getLogger("vidobs")


class Bridge:
    """What the hooks of a logger call. Never raises; thread-safe."""

    def __init__(self, current: Callable[[], Runtime | None]) -> None:
        self._current = current
        self._guard = Guard()  # before there is a runtime with one
        self._creates = Creates()
        self._told: dict[tuple[str, int], None] = {}
        self._lock = Lock()
        self._blind = False

    def sending(self, kwargs: Mapping[str, Any]) -> None:
        """LiteLLM is about to send a request."""
        self._run(lambda runtime: self._sending(runtime, kwargs))

    def answered(
        self, kwargs: Mapping[str, Any], answer: object, times: tuple[object, object]
    ) -> None:
        """A call returned."""
        self._run(lambda runtime: self._answered(runtime, kwargs, answer, times))

    def raised(self, kwargs: Mapping[str, Any], times: tuple[object, object]) -> None:
        """A call raised."""
        self._run(lambda runtime: self._raised(runtime, kwargs, times))

    def attempt_raised(self, call_id: object, error: BaseException) -> None:
        """One of several attempts raised; behind the proxy only the first is told of otherwise."""
        self._run(lambda runtime: self._creates.fail(str(call_id), error, runtime.clock.time_ns()))

    # -- inside ------------------------------------------------------------------------------------

    def _run(self, action: Callable[[Runtime], None]) -> None:
        runtime = self._guard.run("configuration", self._current)
        if runtime is not None:
            runtime.guard.run("litellm", action, runtime)

    def _sending(self, runtime: Runtime, kwargs: Mapping[str, Any]) -> None:
        told = read(kwargs, runtime)
        if told is not None and told.call.operation.creates_job:
            self._creates.begin(runtime, told, runtime.clock.time_ns())

    def _answered(
        self,
        runtime: Runtime,
        kwargs: Mapping[str, Any],
        answer: object,
        times: tuple[object, object],
    ) -> None:
        told = read(kwargs, runtime)
        if told is None:
            return
        span = span_of(*times, runtime.clock.time_ns())
        operation = told.call.operation
        if operation.creates_job:
            self._creates.end(told.call_id, _created(kwargs, answer, told.private), span.end_ns)
        elif not self._is_first(told, span):
            return
        elif operation is Operation.DOWNLOAD:
            _downloaded(runtime, told, answer, span)
        elif _redacted(answer):
            self._say_blind()
        elif operation is Operation.LIST:
            _listed(runtime, told, answer, span)
        else:
            _polled(runtime, told, answer, span)

    def _raised(
        self, runtime: Runtime, kwargs: Mapping[str, Any], times: tuple[object, object]
    ) -> None:
        told = read(kwargs, runtime)
        given = kwargs.get("exception")
        error = given if isinstance(given, BaseException) else RuntimeError("unknown")
        if told is None:
            return
        span = span_of(*times, runtime.clock.time_ns())
        if told.call.operation.creates_job and told.sent:
            self._creates.fail(told.call_id, error, span.end_ns)
        elif self._is_first(told, span):
            _failed(runtime, told, error, span)

    def _is_first(self, told: Told, span: Span) -> bool:
        """Tell whether nobody told of this call before."""
        key = (told.call_id, span.end_ns)
        with self._lock:
            if key in self._told:
                return False
            if len(self._told) >= MOST_TOLD:
                self._told.pop(next(iter(self._told)))
            self._told[key] = None
        return True

    def _say_blind(self) -> None:
        if not self._blind:
            self._blind = True
            _log.warning(
                "litellm.turn_off_message_logging keeps the status of videos from loggers, so "
                "vidobs cannot follow them; set it to False, prompts are kept out by vidobs itself"
            )


def _created(kwargs: Mapping[str, Any], answer: object, private: Private) -> JobSnapshot:
    if _redacted(answer):  # the id stands in what LiteLLM logs
        logged = kwargs.get("standard_logging_object")
        given = logged.get("id") if isinstance(logged, Mapping) else None
        raw = unpacked(given).raw if isinstance(given, str) else None
        return JobSnapshot(provider_job_id=raw, state=JobState.QUEUED)
    return private.cleaned(dialect.read_video(answer, prompt=private.prompt))


def _polled(runtime: Runtime, told: Told, answer: object, span: Span) -> None:
    observer, call = runtime.observer.at(Moment(span.end_ns)), told.call
    key = dialect.status_key(answer)
    if observer.polls.same((call.provider, call.video_id or ""), key):
        if observer.poll_spans == PollSpans.ALL:
            Poll(observer, call, span.start_ns).done()
        elif runtime.counts_calls:
            observer.tell(call, span.start_ns, span.end_ns)
        return
    private = _private_of(runtime, told, call.video_id)
    snapshot = dialect.read_video(answer, prompt=private.prompt)
    Poll(observer, call, span.start_ns).answer(private.cleaned(snapshot), key)


def _listed(runtime: Runtime, told: Told, answer: object, span: Span) -> None:
    seen = [
        _private_of(runtime, told, job.provider_job_id).cleaned(job)
        for job in dialect.read_list(answer)
    ]
    Poll(runtime.observer.at(Moment(span.end_ns)), told.call, span.start_ns).listed(seen)


def _downloaded(runtime: Runtime, told: Told, answer: object, span: Span) -> None:
    content = answer if isinstance(answer, bytes) else None
    call = told.call
    if content is not None and names.is_picture(content):
        call = msgspec.structs.replace(call, variant="picture")
    clock = Moment(span.start_ns)
    seen = Download(runtime.observer.at(clock), call)
    seen.detach()
    clock.ns = span.end_ns
    if content is None:
        seen.unseen()
    else:
        seen.feed(content, stream=False)
        seen.end(exhausted=True)


def _failed(runtime: Runtime, told: Told, error: BaseException, span: Span) -> None:
    """Record a call that raised, other than a create that was sent."""
    call, clock = told.call, Moment(span.start_ns)
    observer = runtime.observer.at(clock)
    private = _private_of(runtime, told, call.video_id)
    if call.operation.creates_job:
        create = Create(observer, call)
        create.detach()
        create.begin()
        clock.ns = span.end_ns
        create.fail(errors.not_sent(error, told.private))
    elif call.operation is Operation.DOWNLOAD:
        seen = Download(observer, call)
        seen.detach()
        clock.ns = span.end_ns
        seen.fail(errors.of_download(error, private, overdue=seen.overdue))
    else:
        clock.ns = span.end_ns
        Poll(observer, call, span.start_ns).fail(errors.of_poll(error, private))


def _private_of(runtime: Runtime, told: Told, video_id: str | None) -> Private:
    """What a text about a job must not quote; its prompt where this process made it."""
    prompt = runtime.observer.prompts.get((told.call.provider, video_id or ""))
    return told.private if prompt is None else msgspec.structs.replace(told.private, prompt=prompt)


def _redacted(answer: object) -> bool:
    """Whether LiteLLM has put a text in the place of the answer."""
    return isinstance(answer, Mapping) and "text" in answer and "data" not in answer
