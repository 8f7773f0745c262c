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

_PART = 206


def begin(watched: WatchedClient, runtime: Runtime, route: Route, options: Any) -> Download:
    """Open the span of a download."""
    watched.instrument(runtime)
    return Download(runtime.observer, watched.read(runtime, route, options))


def answered(watched: WatchedClient, runtime: Runtime, seen: Download, result: Any) -> None:
    """Watch the body go by, or take it as it is where the SDK has read it already."""
    seen.detach()
    response = answers.response_of(result, watched.shape(result))
    if response is not None and getattr(response, "status_code", None) == _PART:
        seen.part(response.headers.get("content-range", ""))
    if response is None:
        body = result if isinstance(result, bytes) else None
    else:
        body = answers.buffered(response)
    if body is not None:
        seen.feed(body, stream=False)
        seen.end(exhausted=True)
    elif response is None:
        seen.unseen()
    else:
        seen.expect(answers.announced_bytes(response))
        if response.headers.get("content-encoding"):
            seen.packed()
        watch(response, BodyReader(watched, runtime, seen), runtime.guard)


def raised(watched: WatchedClient, runtime: Runtime, seen: Download, error: BaseException) -> None:
    """Record that a download raised before its body."""
    seen.detach()
    private = watched.private_of(runtime, seen.video_id)
    seen.fail(errors.of_download(error, private, overdue=seen.overdue))


class BodyReader:
    """Feeds a download with the chunks of its stream."""

    def __init__(self, watched: WatchedClient, runtime: Runtime, seen: Download) -> None:
        self.feed = seen.feed
        self.end = seen.end
        self.checksum = seen.checksum
        self._watched = watched
        self._runtime = runtime
        self._seen = seen

    def broke(self, error: BaseException) -> None:
        """Record that reading raised."""
        private = self._watched.private_of(self._runtime, self._seen.video_id)
        self._seen.fail(errors.of_download(error, private, overdue=False))
