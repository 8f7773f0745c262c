"""Creates through the openai SDK: the key, the intent, the answer, and when to send again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from vidobs.dialects import openai as dialect
from vidobs.observer.creates import Create
from vidobs.sdk import _openai_answers as answers
from vidobs.sdk import _openai_errors as errors
from vidobs.sdk import _openai_requests as requests
from vidobs.sdk._openai_client import WatchedClient, fields_of
from vidobs.sdk._settings import RetryCreates
from vidobs.sdk._streams import Collected, watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.core.jobs import JobSnapshot
    from vidobs.dialects.openai import Route
    from vidobs.runtime import Runtime


class Begun(Protocol):
    """A create that was prepared."""

    @property
    def seen(self) -> Create:
        """What watches it."""
        ...


class Sending:
    """One create on its way: what is sent, what watches it, how often it was sent."""

    __slots__ = (
        "_files", "attempts", "given", "headers", "most", "options", "private", "refused", "seen",
        "sole",
    )  # fmt: skip

    def __init__(
        self,
        given: Any,
        seen: Create,
        *,
        options: Any,
        most: int,
        sole: bool,
        private: errors.Private,
    ) -> None:
        self.given = given  # the request as the caller made it
        self.seen = seen
        self.options = options  # the request as it is sent
        self.most = most  # attempts that are ours to make
        self.sole = sole  # the SDK itself sends each of them once
        self.private = private
        self.attempts = 1
        self.headers: Mapping[str, str] = {}  # of the answer, where they can be had
        self.refused: BaseException | None = None  # what the pause that runs now waits for
        self._files = requests.Rewind(given.files) if most > 1 and given.files else None

    def rewind(self) -> bool:
        """Put uploaded files back to their start; `False` when they cannot be sent again."""
        return self._files is None or self._files.rewind()


def begin(watched: WatchedClient, runtime: Runtime, route: Route, options: Any) -> Sending:
    """Prepare a create: nothing is written or sent yet."""
    watched.instrument(runtime)
    key = requests.given_key(options) or runtime.new_key()
    own = watched.settings.retry_creates is RetryCreates.SAFE
    retries = options.get_max_retries(watched.client.max_retries) if own else 0
    call = watched.read(runtime, route, options, key)
    runtime.guard.run("retired model", runtime.observer.warn_if_retired, call)
    prompt = fields_of(options).get("prompt")
    seen = Create(runtime.observer, call)
    made = requests.prepared(options, key=key, own_retries=retries > 0)
    if watched.settings.joins_traces:
        made = requests.traced(made, seen.job.trace)
    return Sending(
        options,
        seen,
        options=made,
        most=1 + max(0, retries),
        sole=own,
        private=watched.private(prompt),
    )


def admit(watched: WatchedClient, runtime: Runtime, sending: Begun) -> None:
    """Write the intent; raise `SpendLimitError` when the create would pass the limit.

    Nothing else is raised: this runs outside the guard.
    """
    guard, limit = runtime.guard, watched.settings.limit
    refusal = guard.run("limit", sending.seen.admit, limit) if limit is not None else None
    if refusal is not None:
        guard.run("create", sending.seen.refuse, refusal)
        raise refusal
    guard.run("create", sending.seen.begin)


def answered(watched: WatchedClient, runtime: Runtime, sending: Sending, result: Any) -> None:
    """Record the answer, at once, or when the user has read it where it is streamed."""
    sending.seen.detach()
    if sending.attempts > 1 and hasattr(result, "retries_taken"):
        result.retries_taken = sending.attempts - 1  # as if the SDK had made them
    response = answers.response_of(result, watched.shape(result))
    if response is not None:
        sending.headers = response.headers
        made = dialect.made_at_once(response.headers)
        if made is not None:  # the body is the video: nothing to read it for
            _record(sending, made)
            return
    body = answers.buffered(response) if response is not None else answers.text_of(result)
    if body is not None:
        _decoded(sending, body)
    elif response is None:
        _record(sending, dialect.read_video(result, prompt=sending.private.prompt))
    else:
        reader = Collected(lambda read: _decoded(sending, answers.decoded(response, read)))
        watch(response, reader, runtime.guard)


def raised(sending: Sending, error: BaseException) -> None:
    """Record that the create raised, for good."""
    sending.seen.detach()
    failure = errors.of_create(error, sending.private, refused=sending.refused, sole=sending.sole)
    counted = _counted(failure.snapshot, sending)
    sending.seen.fail(msgspec.structs.replace(failure, snapshot=counted))


def again(watched: WatchedClient, sending: Sending, error: BaseException) -> bool:
    """Tell whether to send the create again, and prepare that."""
    if sending.attempts >= sending.most or not errors.may_send_again(error):
        return False
    response = getattr(error, "response", None)
    if response is not None and not watched.client._should_retry(response):  # noqa: SLF001 - the SDK's rule
        return False
    if not sending.rewind():
        return False
    sending.options = requests.counted(sending.options, retries=sending.attempts)
    sending.attempts += 1
    sending.refused = error
    return True


def pause(watched: WatchedClient, sending: Sending) -> Any:
    """Wait, or return an awaitable that waits, as the SDK does before another attempt."""
    return watched.client._sleep_for_retry(  # noqa: SLF001 - the SDK's back-off and log line
        retries_taken=sending.attempts - 2,
        max_retries=sending.most - 1,
        options=sending.given,
        response=getattr(sending.refused, "response", None),
    )


def _decoded(sending: Sending, body: bytes) -> None:
    _record(sending, dialect.decode_video(body, prompt=sending.private.prompt))


def _record(sending: Sending, snapshot: JobSnapshot | None) -> None:
    private = sending.private
    if snapshot is not None:
        snapshot = dialect.charged(private.cleaned(snapshot), sending.headers)
    sending.seen.answer(_counted(snapshot, sending), prompt=private.prompt)


def _counted(snapshot: JobSnapshot | None, sending: Sending) -> JobSnapshot | None:
    """Say how often the create was sent, where that is more than once."""
    if snapshot is None or sending.attempts == 1:
        return snapshot
    return msgspec.structs.replace(snapshot, attempts=sending.attempts)
