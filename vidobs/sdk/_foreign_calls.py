"""Calls through httpx of APIs that have a codec of their own: creates, polls and downloads.

Nothing is added to a request: none of these APIs knows an idempotency key. Polls and downloads are
those of the OpenAI protocol, but for what reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.api_errors import APIConnectionError, APIError, class_of_status
from vidobs.core.calls import Operation
from vidobs.core.jobs import JobState, Reason
from vidobs.core.scrub import scrub
from vidobs.dialects.codec import read_create
from vidobs.observer import attribution
from vidobs.observer.creates import Create
from vidobs.sdk import _openai_answers as answers
from vidobs.sdk import _openai_creates as creates
from vidobs.sdk import _openai_downloads as downloads
from vidobs.sdk import _openai_errors as errors
from vidobs.sdk._openai_polls import Asking
from vidobs.sdk._streams import Collected, watch
from vidobs.sdk.client._options import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vidobs.core.jobs import JobSnapshot
    from vidobs.dialects.codec import Codec, Request
    from vidobs.dialects.openai import Route
    from vidobs.runtime import Runtime
    from vidobs.sdk._openai_client import WatchedClient

    Finished = Callable[[str, tuple[str, ...]], None]
    """Told of a job's id and of where its files are."""

_ERRORS = range(400, 600)
_CLIENT_ERRORS = range(400, 500)
_SAID = 500  # characters of a server's message that an error repeats


class Making:
    """A create on its way."""

    def __init__(
        self,
        watched: WatchedClient,
        runtime: Runtime,
        codec: Codec,
        *,
        route: Route,
        request: Request,
        finished: Finished,
    ) -> None:
        watched.instrument(runtime)
        context = watched.context(runtime)
        call, prompt = read_create(
            codec, route, request, context=context, attribution=attribution.current()
        )
        runtime.guard.run("retired model", runtime.observer.warn_if_retired, call)
        self.seen = Create(runtime.observer, call)
        self._watched = watched
        self._runtime = runtime
        self._codec = codec
        self._request = request
        self._finished = finished
        self._provider = context.provider
        self._private = watched.private(prompt)

    def admit(self) -> None:
        """Write the intent; raise `SpendLimitError` when the create would pass the limit."""
        creates.admit(self._watched, self._runtime, self)

    def answered(self, response: Any) -> None:
        """Record an answer of any status, at once, or when the user has read it."""
        self.seen.detach()
        body = answers.buffered(response)
        if body is not None:
            self._told(response.status_code, response.headers, body)
            return
        reader = Collected(
            lambda read: self._told(
                response.status_code, response.headers, answers.decoded(response, read)
            )
        )
        watch(response, reader, self._runtime.guard)

    def raised(self, error: BaseException) -> None:
        """Record that there was no answer."""
        self.seen.detach()
        told = _unanswered(error)
        self.seen.fail(errors.of_create(told, self._private, refused=None, sole=True))

    def _told(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        private = self._private
        if status in _ERRORS:
            snapshot = errors.answered(status, body, private, headers=headers)
            if snapshot.state is JobState.FAILED and status in _CLIENT_ERRORS:
                snapshot = self._codec.rejected(status, body, private.prompt)
            error = _error(self._codec, self._request, status, body, provider=self._provider)
            self.seen.fail(errors.failure(error, private, private.cleaned(snapshot)))
            return
        seen = self._named(self._codec.created(body, private.prompt))
        self.seen.answer(None if seen is None else private.cleaned(seen), prompt=private.prompt)
        _tell_files(self._finished, seen, self._codec.files(body))

    def _named(self, seen: JobSnapshot | None) -> JobSnapshot | None:
        """Give a job an id that ended with its first answer and was not stored under one."""
        ended = seen is not None and seen.state is not None and seen.state.terminal
        if seen is None or seen.provider_job_id is not None or not ended:
            return seen
        return msgspec.structs.replace(seen, provider_job_id=f"unstored-{self.seen.job.job_id}")


class AskingForeign(Asking):
    """A poll or a deletion on its way.

    The same paths serve what is no video: of a job that nobody here knows, nothing is recorded
    before its answer shows a video.
    """

    __slots__ = ("_codec", "_finished", "_request")

    def __init__(
        self,
        watched: WatchedClient,
        runtime: Runtime,
        codec: Codec,
        *,
        route: Route,
        request: Request,
        finished: Finished,
    ) -> None:
        super().__init__(watched, runtime, route, Options(request.method, request.path))
        self._codec = codec
        self._request = request
        self._finished = finished
        if self._live is not None and not self._known():
            self._live.detach()
            self._drop()

    def admit(self) -> None:
        """Do nothing: a poll costs nothing."""

    def answered(self, result: Any) -> None:
        """Record an answer of any status, at once, or when the user has read it."""
        status = result.status_code
        if status not in _ERRORS:
            super().answered(result)
            return
        body = answers.buffered(result) or b""
        provider = self._watched.context(self._runtime).provider
        self.raised(_error(self._codec, self._request, status, body, provider=provider))

    def raised(self, error: BaseException) -> None:
        """Record that the call raised; the job may be fine."""
        if self._known():
            super().raised(_unanswered(error))
        elif self._live is not None:
            self._live.detach()
            self._drop()

    def _answer(self, body: Any, *, whole: bool = True) -> None:
        if self._route.operation is Operation.RETRIEVE:
            self._polled(body, whole=whole)
        elif self._known():
            super()._answer(body, whole=whole)
        else:
            self._drop()

    def _polled(self, body: Any, *, whole: bool) -> None:
        key = self._codec.status_key(body)
        if self._runtime.observer.polls.same(self._job, key):
            self._unchanged()
            return
        known = self._known()
        if not known and not self._codec.is_video(body):
            self._drop()
            return
        private = self._private()
        snapshot = self._codec.polled(body, private.prompt)
        if snapshot is None:
            self._unread(broken=whole and not answers.is_json(body))
            return
        (self._live or self._poll()).answer(private.cleaned(snapshot), key)
        _tell_files(self._finished, snapshot, self._codec.files(body))

    @property
    def _job(self) -> tuple[str, str]:
        return self._watched.context(self._runtime).provider, self._route.video_id or ""

    def _known(self) -> bool:
        return self._runtime.observer.job_of(*self._job) is not None

    def _drop(self) -> None:
        """Forget the call: it is about no video."""
        if self._live is not None:
            self._live.discard()
            self._live = None


class Fetching:
    """A download on its way, of a file that a finished job has told of."""

    def __init__(
        self,
        watched: WatchedClient,
        runtime: Runtime,
        codec: Codec,
        *,
        route: Route,
        request: Request,
    ) -> None:
        self._watched = watched
        self._runtime = runtime
        self._codec = codec
        self._request = request
        options = Options(request.method, request.path)
        self._seen = downloads.begin(watched, runtime, route, options)

    def admit(self) -> None:
        """Do nothing: the video is paid for."""

    def answered(self, response: Any) -> None:
        """Watch the body go by."""
        status = response.status_code
        if response.is_redirect:
            self._seen.detach()
            self._seen.unseen()
        elif status in _ERRORS:
            body, provider = answers.buffered(response) or b"", self._provider
            error = _error(self._codec, self._request, status, body, provider=provider)
            error.response = response
            downloads.raised(self._watched, self._runtime, self._seen, error)
        else:
            downloads.answered(self._watched, self._runtime, self._seen, response)

    def raised(self, error: BaseException) -> None:
        """Record that there was no answer."""
        downloads.raised(self._watched, self._runtime, self._seen, _unanswered(error))

    @property
    def _provider(self) -> str:
        return self._watched.context(self._runtime).provider


def _tell_files(finished: Finished, seen: JobSnapshot | None, urls: tuple[str, ...]) -> None:
    if seen is not None and seen.provider_job_id is not None and urls:
        finished(seen.provider_job_id, urls)


def _unanswered(error: BaseException) -> BaseException:
    """What httpx raised, as an error that our own client would raise; one that has a status is."""
    if isinstance(error, APIError) or not isinstance(error, Exception):
        return error
    told = APIConnectionError(f"{type(error).__name__}: {error}")
    told.__cause__ = error
    return told


def _error(codec: Codec, request: Request, status: int, body: bytes, *, provider: str) -> APIError:
    """Return the error for an answer that is no success, with what the server said, scrubbed."""
    seen = codec.rejected(status, body, None)
    code = None if seen.error is None else seen.error.code
    message = None if seen.error is None else seen.error.message
    kind = class_of_status(status, code=code, reason=seen.reason or Reason.PROVIDER_ERROR)
    said = scrub(message or "no text", _SAID)
    return kind(
        f"{request.method} {request.path}: {status} from {provider}: {said}",
        status_code=status,
        provider=provider,
        code=code,
    )
