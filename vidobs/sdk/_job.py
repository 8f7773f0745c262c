"""`with vidobs.job(...) as job`: follow a job of any SDK by hand.

with vidobs.job(provider="replicate", model="google/veo-3.1-fast", seconds=8) as job:
    prediction = job.track(replicate.models.predictions.create(...))
    while prediction.status in ("starting", "processing"):
        prediction = job.track(replicate.predictions.get(prediction.id))
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, TypeVar

import msgspec

from vidobs import runtime
from vidobs.core.calls import Operation, VideoCall, VideoRequest
from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.jobs import JobSnapshot, JobState, Usage
from vidobs.dialects import openai as dialect
from vidobs.dialects.states import state_of
from vidobs.dialects.values import number, positive, text, whole
from vidobs.dialects.wire import WireVideo, field, wire_of
from vidobs.observer import attribution
from vidobs.observer.creates import Create
from vidobs.observer.polls import Poll
from vidobs.sdk import _openai_errors as errors

if TYPE_CHECKING:
    from decimal import Decimal
    from types import TracebackType
    from typing import Self

    from vidobs.dialects.openai import CallContext
    from vidobs.runtime import Runtime

T = TypeVar("T")

MANUAL = "manual"  # the dialect of jobs that no codec read
_IDS = ("request_id", "name")  # what else SDKs call it
_OPERATIONS = tuple(sorted(each.value for each in Operation if each.creates_job))


def job(
    *,
    provider: str,
    model: str | None = None,
    seconds: Decimal | float | str | None = None,
    size: str | None = None,
    fps: Decimal | float | None = None,
    audio: bool | None = None,
    n: int = 1,
    prompt: str | None = None,
    operation: str = "create",
    id: str | None = None,  # noqa: A002 - the provider's own word for it
) -> ManualJob:
    """Follow one video job of an SDK that vidobs does not wrap, in a `with` block.

    Entering writes the intent and opens the span of the create; `submitted` ends it. With `id`, the
    provider's id of a job that was submitted earlier or elsewhere, it is followed from there. The
    block never swallows an exception: one that leaves it before `submitted` tells how the create
    ended, and an outcome that cannot be told is `video.unknown`.

    `provider` is the name to file the job and look prices up under, such as `runway`; `size` is
    `WIDTHxHEIGHT` or a tier such as `720p`; of `prompt` is kept what the setting `capture` says;
    `operation` is `create`, `remix`, `edit` or `extend`.

    Raises:
        ConfigError: an argument, the environment or the configuration file cannot be used.
    """
    if operation not in _OPERATIONS:
        raise ConfigError(unknown_name("operation", str(operation), _OPERATIONS))
    if not provider.strip():
        raise ConfigError(
            f"vidobs.job: provider is {provider!r}; give the provider's name, such as 'runway'"
        )
    asked = VideoRequest(
        seconds=positive(seconds),
        size=text(size),
        fps=positive(fps),
        audio=audio,
        n=whole(n) or 1,
        prompt_chars=None if prompt is None else len(prompt),
    )
    return ManualJob(
        runtime.current(), provider, Operation(operation), model, asked, prompt=prompt, video_id=id
    )


class ManualJob:
    """A job that is followed by hand. Of vidobs' own faults none reaches the caller."""

    def __init__(
        self,
        runtime: Runtime | None,
        provider: str,
        operation: Operation,
        model: str | None,
        request: VideoRequest,
        *,
        prompt: str | None,
        video_id: str | None,
    ) -> None:
        self._runtime = runtime  # None: vidobs is switched off
        self._provider = provider
        self._operation = operation
        self._model = model
        self._request = request
        self._private = errors.Private(prompt)
        self._create: Create | None = None
        self.id = video_id

    def __enter__(self) -> Self:
        if self._runtime is not None and self.id is None:
            self._create = self._runtime.guard.run("job", self._begin, self._runtime)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._create is not None and self._runtime is not None:
            self._runtime.guard.run("job", self._left, self._create, error)

    def submitted(self, id: object, *, status: str = "queued") -> None:  # noqa: A002 - as above
        """Say that the provider accepted the job, and under which id. `status` is its own word."""
        given = text(id)
        if given is None:
            _complain(f"job.submitted({id!r}): give the id that the provider answered with")
            return
        if self.id is not None:
            _complain(f"job.submitted({given!r}): the job is {self.id!r} already")
            return
        self.id = given
        create, self._create = self._create, None
        if create is not None and self._runtime is not None:
            self._runtime.guard.run("job", self._accepted, create, status)

    def track(self, answer: T) -> T:
        """Say what the SDK answered, as an object of its own or as JSON; return the same object.

        The id in the first answer is the job's. Read are the status, or the name of the answer's
        class where that is its status, the progress, an error, and a cost where one is told.
        """
        wire = None
        if self._runtime is not None:
            wire = self._runtime.guard.run("job", _wire_of, answer)
        if wire is not None and (self.id or wire.id) is None:
            _complain(f"job.track(...): there is no id in {type(answer).__name__!r}")
        elif wire is not None:
            if self.id is None:
                self.submitted(wire.id)
            if wire.status is not None:
                self._seen(wire)
        return answer

    def update(self, status: str, *, progress: float | str | None = None) -> None:
        """Say what a poll answered: the provider's word for the state, and per cent.

        A word that ends the job ends it here too; `completed` and `failed` can say more.
        """
        self._seen(WireVideo(status=status, progress=progress))

    def completed(
        self,
        *,
        usd: Decimal | float | str | None = None,
        seconds: Decimal | float | str | None = None,
        credits: Decimal | float | str | None = None,  # noqa: A002 - the provider's own word for it
    ) -> None:
        """Say that the video is there, and what the provider reports: cost, length, credits.

        Without `usd` the cost is settled from `seconds`, else from what was asked for, times the
        price that vidobs knows.
        """
        usage = Usage(
            reported_usd=number(usd), output_seconds=positive(seconds), credits=number(credits)
        )
        self._seen(WireVideo(status="completed"), None if usage == Usage() else usage)

    def failed(self, message: object = None, *, code: str | None = None) -> None:
        """Say that there will be no video, in the provider's words; they are scrubbed."""
        said = {"code": code, "message": None if message is None else str(message)}
        self._seen(WireVideo(status="failed", error=said if any(said.values()) else None))

    def cancelled(self) -> None:
        """Say that the job was stopped on request."""
        self._seen(WireVideo(status="cancelled"))

    # -- inside ------------------------------------------------------------------------------------

    def _begin(self, runtime: Runtime) -> Create:
        context = _context(runtime, self._provider)
        prompt, fingerprint = self._private.prompt, context.fingerprint
        call = VideoCall(
            operation=self._operation,
            provider=self._provider,
            dialect=MANUAL,
            model=self._model,
            request=self._request,
            prompt=context.policy.prompt(prompt, fingerprint),
            prompt_hash=None if prompt is None else fingerprint.prompt_hash(prompt),
            attribution=attribution.current(),
        )
        create = Create(runtime.observer, call)
        create.begin()
        return create

    def _accepted(self, create: Create, status: str) -> None:
        create.detach()
        snapshot = dialect.read_video(
            {"id": self.id, "status": status}, prompt=self._private.prompt
        )
        if snapshot.state is None:
            snapshot = msgspec.structs.replace(snapshot, state=JobState.QUEUED)
        create.answer(snapshot, prompt=self._private.prompt)

    def _left(self, create: Create, error: BaseException | None) -> None:
        """Record how a create ended that was never submitted."""
        create.detach()
        if error is None:
            create.answer(None)
        else:
            create.fail(errors.of_create(error, self._private, refused=None, sole=True))

    def _seen(self, wire: WireVideo, usage: Usage | None = None) -> None:
        if self.id is None:
            _complain("the job has no id yet: call job.submitted(id) first")
        elif self._runtime is not None:
            self._runtime.guard.run("job", self._polled, self._runtime, wire, usage)

    def _polled(self, runtime: Runtime, wire: WireVideo, usage: Usage | None) -> None:
        observer, video_id = runtime.observer, self.id or ""
        key = dialect.status_key(wire)
        if usage is None and observer.polls.same((self._provider, video_id), key):
            return
        prompt = self._private.prompt or observer.prompts.get((self._provider, video_id))
        wire.id = video_id
        seen = dialect.read_video(wire, prompt=prompt)
        call = VideoCall(
            operation=Operation.RETRIEVE,
            provider=self._provider,
            dialect=MANUAL,
            model=self._model,
            video_id=video_id,
            attribution=attribution.current(),
        )
        poll = Poll(observer, call, runtime.clock.time_ns())
        poll.answer(self._whole(seen, usage, known=poll.known), key)

    def _whole(self, seen: JobSnapshot, usage: Usage | None, *, known: bool) -> JobSnapshot:
        """Add what the caller knows; a job that is first seen here has no other source for it."""
        if not known:
            seen = msgspec.structs.replace(seen, model=self._model, request=self._request)
        return seen if usage is None else msgspec.structs.replace(seen, usage=usage)


def _wire_of(answer: object) -> WireVideo:
    """Return what an SDK's answer has of a video's fields."""
    wire = wire_of(answer)
    named = (text(given) for given in (wire.id, wire.task_id, *(field(answer, n) for n in _IDS)))
    wire.id = next((found for found in named if found is not None), None)
    if wire.status is None:
        kind = type(answer).__name__  # fal: Queued, InProgress, Completed
        wire.status = kind if state_of(kind) is not None else None
    wire.status = getattr(wire.status, "value", wire.status)
    code = field(answer, "error_type")
    if wire.error and code:
        wire.error = {"code": code, "message": wire.error}
    return wire


def _context(runtime: Runtime, provider: str) -> CallContext:
    return runtime.call_context(base_url="", client="", provider=provider, dialect=MANUAL)


def _complain(problem: str) -> None:
    warnings.warn(f"vidobs.job: {problem}; nothing was recorded", UserWarning, stacklevel=4)
