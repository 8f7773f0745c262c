"""Polls, lists and deletes through the openai SDK. An unchanged poll costs a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vidobs.config import PollSpans
from vidobs.core.calls import Operation
from vidobs.dialects import openai as dialect
from vidobs.observer.outcome import UNREADABLE
from vidobs.observer.polls import Poll
from vidobs.sdk import _openai_answers as answers
from vidobs.sdk import _openai_errors as errors
from vidobs.sdk._streams import Collected, watch

if TYPE_CHECKING:
    from vidobs.core.jobs import JobSnapshot
    from vidobs.dialects.openai import Route
    from vidobs.runtime import Runtime
    from vidobs.sdk._openai_client import WatchedClient


class Asking:
    """One poll, list or delete on its way."""

    __slots__ = ("_live", "_options", "_route", "_runtime", "_start_ns", "_watched")

    def __init__(
        self, watched: WatchedClient, runtime: Runtime, route: Route, options: Any
    ) -> None:
        self._watched = watched
        self._runtime = runtime
        self._route = route
        self._options = options
        self._start_ns = runtime.clock.time_ns()
        self._live: Poll | None = None
        if runtime.all_polls_live:
            watched.instrument(runtime)
            self._live = self._poll(attach=True)

    def answered(self, result: Any) -> None:
        """Record the answer, at once, or when the user has read it where it is streamed."""
        if self._live is not None:
            self._live.detach()
        response = answers.response_of(result, self._watched.shape(result))
        if response is None:
            text = answers.text_of(result)
            self._answer(result if text is None else text)
            return
        body = answers.buffered(response)
        if body is not None:
            self._answer(body)
        else:
            reader = Collected(
                lambda read: self._answer(answers.decoded(response, read), whole=reader.whole)
            )
            watch(response, reader, self._runtime.guard)

    def raised(self, error: BaseException) -> None:
        """Record that the call raised; the job may be fine. One that was cancelled says nothing."""
        if self._live is not None:
            self._live.detach()
        if isinstance(error, Exception):
            poll = self._live or self._poll()
            poll.fail(errors.of_poll(error, self._private()))
        elif self._live is not None:
            self._live.discard()

    def _answer(self, body: Any, *, whole: bool = True) -> None:
        operation = self._route.operation
        if operation is Operation.RETRIEVE:
            self._polled(body, whole=whole)
            return
        poll = self._live or self._poll()
        if operation is Operation.LIST:
            private_of = self._watched.private_of
            poll.listed(
                [
                    private_of(self._runtime, snapshot.provider_job_id).cleaned(snapshot)
                    for snapshot in _listed(body)
                ]
            )
        elif operation is Operation.DELETE:
            poll.deleted(dialect.decode_deleted(body))
        else:
            poll.done()

    def _polled(self, body: Any, *, whole: bool) -> None:
        provider = self._watched.context(self._runtime).provider
        key = dialect.status_key(body)
        if self._runtime.observer.polls.same((provider, self._route.video_id or ""), key):
            self._unchanged()
            return
        private = self._private()
        snapshot = _snapshot(body, private.prompt)
        if snapshot is None:
            self._unread(broken=whole and not answers.is_json(body))
            return
        poll = self._live or self._poll()
        prompt_hash = None if poll.known else self._prompt_hash(body)
        poll.answer(private.cleaned(snapshot), key, prompt_hash=prompt_hash)

    def _unread(self, *, broken: bool) -> None:
        """Note an answer that says nothing of a job; where it is broken, its reader fails on it."""
        if broken:
            (self._live or self._poll()).fail(UNREADABLE)
        elif self._live is not None:
            self._live.done()

    def _unchanged(self) -> None:
        """Count a poll that says what the last one said; a span only where all are wanted."""
        if self._live is not None:
            self._live.done()
        elif self._runtime.observer.poll_spans == PollSpans.ALL:
            self._poll().done()
        elif self._runtime.counts_calls:
            self._runtime.observer.tell(
                self._watched.read(self._runtime, self._route, self._options),
                self._start_ns,
                self._runtime.clock.time_ns(),
            )

    def _poll(self, *, attach: bool = False) -> Poll:
        call = self._watched.read(self._runtime, self._route, self._options)
        return Poll(self._runtime.observer, call, self._start_ns, attach=attach)

    def _private(self) -> errors.Private:
        return self._watched.private_of(self._runtime, self._route.video_id)

    def _prompt_hash(self, body: Any) -> str | None:
        """Fingerprint the prompt that an answer shows: it may belong to a create of ours."""
        prompt = answers.prompt_in(body)
        if prompt is None:
            return None
        return self._watched.context(self._runtime).fingerprint.prompt_hash(prompt)


def _snapshot(body: Any, prompt: str | None) -> JobSnapshot | None:
    if isinstance(body, bytes):
        return dialect.decode_video(body, prompt=prompt)
    return dialect.read_video(body, prompt=prompt)


def _listed(body: Any) -> list[JobSnapshot]:
    if isinstance(body, bytes):
        return dialect.decode_list(body)
    return dialect.read_list(body)
