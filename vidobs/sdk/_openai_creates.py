"""Creates through the openai SDK: the key, the intent, the answer, and when to send again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.errors import SpendLimitError
from vidobs.dialects import openai as dialect
from vidobs.observer.creates import Create
from vidobs.sdk import _openai_answers as answers
from vidobs.sdk import _openai_errors as errors
from vidobs.sdk import _openai_requests as requests
from vidobs.sdk._openai_client import WatchedClient, fields_of
from vidobs.sdk._settings import RetryCreates
from vidobs.sdk._streams import Collected, watch

if TYPE_CHECKING:
    from vidobs.core.jobs import JobSnapshot
    from vidobs.dialects.openai import Route
    from vidobs.runtime import Runtime


class Sending:
    """One create on its way: what is sent, what watches it, how often it was sent."""

    __slots__ = ("_files", "attempts", "most", "options", "prompt", "seen")

    def __init__(self, options: Any, seen: Create, *, most: int, prompt: object) -> None:
        self.options = options
        self.seen = seen
        self.most = most  # attempts that are ours to make
        self.prompt = prompt
        self.attempts = 1
        self._files = requests.Rewind(options.files) if most > 1 and options.files else None

    def rewind(self) -> bool:
        """Put uploaded files back to their start; `False` when they cannot be sent again."""
        return self._files is None or self._files.rewind()


def begin(watched: WatchedClient, runtime: Runtime, route: Route, options: Any) -> Sending:
    """Prepare a create: nothing is written or sent yet."""
    watched.instrument(runtime)
    key = requests.given_key(options) or runtime.new_key()
    call = watched.read(runtime, route, options, key)
    own = watched.settings.retry_creates is RetryCreates.SAFE
    return Sending(
        requests.prepared(options, key=key, own_retries=own),
        Create(runtime.observer, call),
        most=1 + options.get_max_retries(watched.client.max_retries) if own else 1,
        prompt=fields_of(options).get("prompt"),
    )


def admit(watched: WatchedClient, runtime: Runtime, sending: Sending) -> None:
    """Write the intent; raise `SpendLimitError` when the create would pass the limit."""
    limit = watched.settings.limit
    if limit is not None:
        try:
            sending.seen.admit(limit)
        except SpendLimitError as error:
            runtime.guard.run("create", sending.seen.refuse, error)
            raise
    runtime.guard.run("create", sending.seen.begin)


def answered(watched: WatchedClient, runtime: Runtime, sending: Sending, result: Any) -> None:
    """Record the answer, at once, or when the user has read it where it is streamed."""
    sending.seen.detach()
    response = answers.response_of(result, watched.shape(result))
    if response is None:
        _record(sending, dialect.read_video(result))
        return
    body = answers.buffered(response)
    if body is not None:
        _record(sending, dialect.decode_video(body))
        return
    reader = Collected(lambda read: _record(sending, dialect.decode_video(read)))
    watch(response, reader, runtime.guard)


def raised(sending: Sending, error: BaseException) -> None:
    """Record that the create raised, for good."""
    sending.seen.detach()
    failure = errors.of_create(error, sending.prompt)
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
    return True


def pause(watched: WatchedClient, sending: Sending, error: BaseException) -> Any:
    """Wait, or return an awaitable that waits, as the SDK does before another attempt."""
    return watched.client._sleep_for_retry(  # noqa: SLF001 - the SDK's back-off and log line
        retries_taken=sending.attempts - 2,
        max_retries=sending.most - 1,
        options=sending.options,
        response=getattr(error, "response", None),
    )


def _record(sending: Sending, snapshot: JobSnapshot | None) -> None:
    sending.seen.answer(_counted(snapshot, sending))


def _counted(snapshot: JobSnapshot | None, sending: Sending) -> JobSnapshot | None:
    """Say how often the create was sent, where that is more than once."""
    if snapshot is None or sending.attempts == 1:
        return snapshot
    return msgspec.structs.replace(snapshot, attempts=sending.attempts)
