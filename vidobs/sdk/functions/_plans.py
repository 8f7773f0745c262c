"""What each function does, written once for sync and async code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vidobs.core.api_errors import APIError, ConflictError
from vidobs.sdk.client import _calls as calls
from vidobs.sdk.client import _downloads as downloads
from vidobs.sdk.client import _waiting as waiting
from vidobs.sdk.functions._video_object import (
    CharacterObject,
    VideoObject,
    character_object,
    listed_video,
    named,
    page_of,
    video_object,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from vidobs.sdk.client._calls import Extras
    from vidobs.sdk.client._inputs import Upload
    from vidobs.sdk.client._results import Video, VideoContent, VideoDeleted
    from vidobs.sdk.client._steps import Call
    from vidobs.sdk.functions._targets import Target


def generation(
    target: Target,
    fields: Mapping[str, object],
    input_reference: Upload | None,
    extras: Extras,
) -> Call[VideoObject]:
    """Create a video."""
    video = yield from calls.create(
        target.server, fields, input_reference=input_reference, extras=extras
    )
    return _made(video, target)


def remix(target: Target, prompt: str, extras: Extras) -> Call[VideoObject]:
    """Make another video from a finished one."""
    given = {"prompt": prompt}
    video = yield from calls.remix(target.server, target.video_id, given, extras=extras)
    return _made(video, target)


def derive(
    target: Target, kind: str, fields: Mapping[str, object], video: Upload | None, extras: Extras
) -> Call[VideoObject]:
    """Edit or extend a video."""
    source = video if video is not None else target.video_id
    made = yield from calls.derive(target.server, kind, fields, video=source, extras=extras)
    return _made(made, target)


def status(target: Target, extras: Extras) -> Call[VideoObject]:
    """Ask how a video is doing."""
    video = yield from calls.retrieve(target.server, target.video_id, extras=extras)
    return _seen(video, target)


def wait(
    target: Target,
    extras: Extras,
    *,
    timeout: float,
    poll_interval: float | None,
    on_progress: Callable[[VideoObject], object] | None,
    raise_on_failure: bool,
) -> Call[VideoObject]:
    """Poll until the job ends."""
    video = yield from waiting.wait(
        target.server,
        target.video_id,
        timeout=timeout,
        poll_interval=poll_interval,
        on_progress=None if on_progress is None else _shown(on_progress, target),
        raise_on_failure=raise_on_failure,
        extras=extras,
    )
    return _seen(video, target)


def content(
    target: Target,
    extras: Extras,
    *,
    variant: str | None,
    file: str | os.PathLike[str] | None,
    timeout: float,
    patient: bool,
) -> Call[VideoContent]:
    """Download an asset; of a job that has not ended, once it has, if `patient`."""
    server, video_id = target.server, target.video_id
    if patient:
        yield from waiting.wait(server, video_id, timeout=timeout, extras=extras)
    else:
        video = yield from calls.retrieve(server, video_id, extras=extras)
        if not video.done:
            raise _unfinished(video, target)
        waiting.checked(video, server)
    if file is None:
        return (yield from downloads.to_memory(video_id, variant=variant, extras=extras))
    return (yield from downloads.to_file(video_id, file, variant=variant, extras=extras))


def listed(
    target: Target, after: str | None, limit: int | None, order: str | None, extras: Extras
) -> Call[dict[str, Any]]:
    """List videos, one page, as LiteLLM shows it."""
    page = yield from calls.page(
        target.server, after=after, limit=limit, order=order, extras=extras
    )
    videos = [
        listed_video(video, target.server, model=_model(video, target)) for video in page.data
    ]
    return page_of(videos, has_more=page.has_more)


def delete(target: Target, extras: Extras) -> Call[VideoObject]:
    """Delete a video."""
    gone: VideoDeleted = yield from calls.delete(target.server, target.video_id, extras=extras)
    name = named(target.server, target.model, gone.id)
    return VideoObject({"object": "video.deleted", **gone.raw, "id": name, "deleted": gone.deleted})


def cancel(target: Target, extras: Extras) -> Call[VideoObject]:
    """Stop a job."""
    video = yield from calls.cancel(target.server, target.video_id, extras=extras)
    shown = _seen(video, target)
    return VideoObject({**shown.json(), "status": video.status}, shown._hidden_params)  # noqa: SLF001


def new_character(
    target: Target, name: str, video: Upload, extras: Extras
) -> Call[CharacterObject]:
    """Make a character."""
    made = yield from calls.create_character(target.server, name, video, extras=extras)
    return character_object(made, target.server)


def character(target: Target, extras: Extras) -> Call[CharacterObject]:
    """Look a character up."""
    found = yield from calls.get_character(target.server, target.video_id, extras=extras)
    return character_object(found, target.server)


def _made(video: Video, target: Target) -> VideoObject:
    return video_object(video, target.server, model=_model(video, target), priced=True)


def _seen(video: Video, target: Target) -> VideoObject:
    return video_object(video, target.server, model=_model(video, target))


def _model(video: Video, target: Target) -> str | None:
    """The model in the id: the one that was asked for, however the server calls it."""
    if target.model is not None:
        return target.model
    job = calls.job_of(target.server.provider, video.id)
    return job.model if job is not None and job.model is not None else video.model


def _shown(told: Callable[[VideoObject], object], target: Target) -> Callable[[Video], object]:
    return lambda video: told(_seen(video, target))


def _unfinished(video: Video, target: Target) -> APIError:
    return ConflictError(
        f"video {video.id} is {video.status}, so there is nothing to download yet; leave "
        "wait=False out, or call video_wait first",
        status_code=409,
        provider=target.server.provider,
        model=video.model,
    )
