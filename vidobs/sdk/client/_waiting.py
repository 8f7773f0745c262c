"""Wait for a video: polls at the server's pace, through its hiccups, until the job ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vidobs.core.api_errors import (
    APIConnectionError,
    APIError,
    InternalServerError,
    RateLimitError,
    Timeout,
    class_of_reason,
)
from vidobs.core.jobs import JobState
from vidobs.sdk.client import _calls as calls
from vidobs.sdk.client._answers import poll_after_s
from vidobs.sdk.client._steps import Pause

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from vidobs.sdk.client._results import Video
    from vidobs.sdk.client._server import Server
    from vidobs.sdk.client._steps import Call

WAIT_S = 1800.0
FIRST_POLL_S = 1.0
LONGEST_POLL_S = 15.0
_GROWTH = 1.3
_PASSING = (APIConnectionError, InternalServerError, RateLimitError)  # of the poll, not of the job


def wait(
    server: Server,
    video_id: str,
    *,
    timeout: float = WAIT_S,
    poll_interval: float | None = None,
    on_progress: Callable[[Video], object] | None = None,
    raise_on_failure: bool = True,
    extras: calls.Extras = calls.NO_EXTRAS,
    clock: Callable[[], float] = time.monotonic,
) -> Call[Video]:
    """Poll until the job ends.

    Raises:
        APIError: the job failed (the class tells why), or the server does not know it.
        Timeout: it did not end in time; it goes on, and waiting again is safe.
    """
    deadline = clock() + timeout
    pace = poll_interval if poll_interval is not None else FIRST_POLL_S
    said: tuple[str, int | None] | None = None
    while True:
        pause = pace
        try:
            video, headers = yield from calls.poll(server, video_id, extras=extras)
        except _PASSING as error:
            if clock() >= deadline:
                raise
            pause = max(pace, error.retry_after_s or 0.0)
        else:
            if on_progress is not None and (video.status, video.progress) != said:
                on_progress(video)
            said = video.status, video.progress
            if video.done:
                return checked(video, server) if raise_on_failure else video
            pause = _pause_s(headers, pace, fixed=poll_interval is not None)
        left = deadline - clock()
        if left <= 0:
            raise _too_late(video_id, said, timeout, server)
        yield Pause(min(pause, left))
        if poll_interval is None:
            pace = min(pace * _GROWTH, LONGEST_POLL_S)


def checked(video: Video, server: Server) -> Video:
    """Return a completed video; raise the error of one that failed."""
    if video.state is JobState.COMPLETED:
        return video
    raise failure_of(video, server)


def failure_of(video: Video, server: Server) -> APIError:
    """Return the error of a job that ended without a video."""
    error = video.error
    said = "" if error is None else f": {error.message or error.code or 'no reason given'}"
    kind = class_of_reason(video.reason)
    return kind(
        f"video {video.id} {video.status or 'failed'}{said}",
        provider=server.provider,
        model=video.model,
        code=None if error is None else error.code,
    )


def _pause_s(headers: httpx.Headers, pace: float, *, fixed: bool) -> float:
    asked = poll_after_s(headers)
    return pace if fixed or asked is None else asked


def _too_late(
    video_id: str, said: tuple[str, int | None] | None, timeout: float, server: Server
) -> Timeout:
    state = "not heard of" if said is None else f"still {said[0]}"
    return Timeout(
        f"video {video_id} is {state} after {timeout:g} s; the job goes on: wait again, or with a "
        "longer timeout",
        provider=server.provider,
    )
