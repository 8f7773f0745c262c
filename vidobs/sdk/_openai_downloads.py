"""Downloads through the openai SDK: the body is counted while the user reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vidobs.observer.downloads import Download
from vidobs.sdk import _openai_answers as answers
from vidobs.sdk import _openai_errors as errors
from vidobs.sdk._streams import watch

if TYPE_CHECKING:
    from vidobs.dialects.openai import Route
    from vidobs.runtime import Runtime
    from vidobs.sdk._openai_client import WatchedClient


def begin(watched: WatchedClient, runtime: Runtime, route: Route, options: Any) -> Download:
    """Open the span of a download."""
    watched.instrument(runtime)
    return Download(runtime.observer, watched.read(runtime, route, options))


def answered(watched: WatchedClient, runtime: Runtime, seen: Download, result: Any) -> None:
    """Watch the body go by, or take it as it is where the SDK has read it already."""
    seen.detach()
    response = answers.response_of(result, watched.shape(result))
    body = answers.buffered(response) if response is not None else b""
    if body is None:
        seen.expect(answers.announced_bytes(response))
        watch(response, BodyReader(seen), runtime.guard)
        return
    seen.feed(body)
    seen.end(exhausted=True)


def raised(seen: Download, error: BaseException) -> None:
    """Record that a download raised before its body."""
    seen.detach()
    seen.fail(errors.of_poll(error))


class BodyReader:
    """Feeds a download with the chunks of its stream."""

    def __init__(self, seen: Download) -> None:
        self.feed = seen.feed
        self.end = seen.end
        self._seen = seen

    def broke(self, error: BaseException) -> None:
        """Record that reading raised."""
        self._seen.fail(errors.of_poll(error))
