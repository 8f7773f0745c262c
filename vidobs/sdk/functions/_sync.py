"""LiteLLM's video functions, blocking: `from vidobs import video_generation`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Unpack

from vidobs.sdk.client._calls import seconds_of
from vidobs.sdk.client._waiting import WAIT_S
from vidobs.sdk.functions import _mocks as mocks
from vidobs.sdk.functions import _plans as plans
from vidobs.sdk.functions._options import CallOptions, on_behalf, read
from vidobs.sdk.functions._progress import on_terminal
from vidobs.sdk.functions._servers import run_on
from vidobs.sdk.functions._targets import for_model, for_video
from vidobs.sdk.functions._unsupported import left_out

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from vidobs.sdk.client._inputs import Upload
    from vidobs.sdk.client._results import VideoContent
    from vidobs.sdk.functions._options import Headers, More, Seconds
    from vidobs.sdk.functions._video_object import CharacterObject, VideoObject

CONTENT_WAIT_S = 600.0


def video_generation(  # noqa: PLR0917 - LiteLLM's signature
    prompt: str,
    model: str | None = None,
    input_reference: Upload | None = None,
    seconds: float | str | None = None,
    size: str | None = None,
    user: str | None = None,
    timeout: Seconds = None,
    custom_llm_provider: str | None = None,
    extra_headers: Headers = None,
    extra_query: More = None,
    extra_body: More = None,
    **options: Unpack[CallOptions],
) -> VideoObject:
    """Create a video; it is queued, not finished.

    Args:
        prompt: what to show.
        model: `sora-2`, or with its provider in front, `azure/sora-2`.
        input_reference: a picture to start from: a file, bytes, a path, `(name, content, type)`, a
            URL, or `{"file_id": ...}`.
        seconds: the length, as a number or as text.
        size: `WIDTHxHEIGHT`.
        user: on whose behalf; sent along, and kept with the job.
        timeout: how many seconds to wait for the answer; by default 600.
        custom_llm_provider: the provider, where the model does not say it.
        extra_headers: sent along.
        extra_query: sent along.
        extra_body: fields that are sent along, before those of this call.
        options: as every function takes them, see `CallOptions`.

    Raises:
        APIError: the server refused or could not be had; see `vidobs.exceptions`.
        ConfigError: an argument or the environment cannot be used.
    """
    given = read(options, timeout, custom_llm_provider, extra_headers, extra_query, extra_body)
    if given.mock_response is not None:
        return mocks.video(given.mock_response)
    target = for_model(model, given.asked)
    fields = {
        "model": target.model, "prompt": prompt, "seconds": seconds_of(seconds), "size": size,
        "user": user,
    }  # fmt: skip
    with on_behalf(user, given.metadata):
        return run_on(target, plans.generation(target, fields, input_reference, given.extras))


def video_remix(  # noqa: PLR0917 - LiteLLM's signature
    video_id: str,
    prompt: str,
    timeout: Seconds = None,
    custom_llm_provider: str | None = None,
    extra_headers: Headers = None,
    extra_query: More = None,
    extra_body: More = None,
    *,
    input_reference: object = None,
    seconds: object = None,
    size: object = None,
    model: object = None,
    **options: Unpack[CallOptions],
) -> VideoObject:
    """Make another video from a finished one and a prompt.

    No server takes more than that: `input_reference`, `seconds`, `size` and `model` are left out
    with an `UnsupportedParameterWarning`, or refused with `on_unsupported="error"`.
    """
    given = read(options, timeout, custom_llm_provider, extra_headers, extra_query, extra_body)
    unsupported = {
        "input_reference": input_reference, "seconds": seconds, "size": size, "model": model,
    }  # fmt: skip
    given = given.without(left_out("remix", unsupported, on_unsupported=given.on_unsupported))
    if given.mock_response is not None:
        return mocks.video(given.mock_response)
    target = for_video(video_id, given.asked)
    with on_behalf(None, given.metadata):
        return run_on(target, plans.remix(target, prompt, given.extras))


def video_edit(  # noqa: PLR0917 - LiteLLM's signature
    video_id: str | None = None,
    prompt: str = "",
    timeout: Seconds = None,
    custom_llm_provider: str | None = None,
    extra_headers: Headers = None,
    extra_query: More = None,
    extra_body: More = None,
    *,
    video: Upload | None = None,
    **options: Unpack[CallOptions],
) -> VideoObject:
    """Edit a finished video by its id, or one that is uploaded as `video`."""
    given = read(options, timeout, custom_llm_provider, extra_headers, extra_query, extra_body)
    if given.mock_response is not None:
        return mocks.video(given.mock_response)
    target = for_video(video_id or "", given.asked)
    call = plans.derive(target, "edits", {"prompt": prompt}, video, given.extras)
    with on_behalf(None, given.metadata):
        return run_on(target, call)


def video_extension(  # noqa: PLR0917 - LiteLLM's signature
    video_id: str | None = None,
    prompt: str = "",
    seconds: float | str | None = None,
    timeout: Seconds = None,
    custom_llm_provider: str | None = None,
    extra_headers: Headers = None,
    extra_query: More = None,
    extra_body: More = None,
    *,
    video: Upload | None = None,
    **options: Unpack[CallOptions],
) -> VideoObject:
    """Make a longer video from a finished one, or from one that is uploaded as `video`."""
    given = read(options, timeout, custom_llm_provider, extra_headers, extra_query, extra_body)
    if given.mock_response is not None:
        return mocks.video(given.mock_response)
    target = for_video(video_id or "", given.asked)
    fields = {"prompt": prompt, "seconds": seconds_of(seconds)}
    call = plans.derive(target, "extensions", fields, video, given.extras)
    with on_behalf(None, given.metadata):
        return run_on(target, call)


def video_status(  # noqa: PLR0917 - LiteLLM's signature
    video_id: str,
    timeout: Seconds = None,
    custom_llm_provider: str | None = None,
    extra_headers: Headers = None,
    extra_query: More = None,
    extra_body: More = None,
    **options: Unpack[CallOptions],
) -> VideoObject:
    """Ask how a video is doing. A job that failed is a result, not an error."""
    given = read(options, timeout, custom_llm_provider, extra_headers, extra_query, extra_body)
    if given.mock_response is not None:
        return mocks.video(given.mock_response)
    target = for_video(video_id, given.asked)
    return run_on(target, plans.status(target, given.extras))


def video_wait(
    video_id: str,
    *,
    timeout: float = WAIT_S,
    poll_interval: float | None = None,
    on_progress: Callable[[VideoObject], object] | None = None,
    raise_on_failure: bool = True,
    progress_bar: bool = False,
    custom_llm_provider: str | None = None,
    extra_headers: Headers = None,
    extra_query: More = None,
    **options: Unpack[CallOptions],
) -> VideoObject:
    """Poll until the job ends, at the server's pace, and return what `video_status` returns.

    After a restart simply call it again. `on_progress` is told of each change, and `progress_bar`
    shows it on standard error, where that is a terminal. `timeout` is in seconds and that of the
    whole wait; the job goes on after it.

    Raises:
        APIError: the job failed, unless `raise_on_failure` is false; the class tells why.
        Timeout: it did not end in time.
    """
    given = read(options, None, custom_llm_provider, extra_headers, extra_query)
    if given.mock_response is not None:
        return mocks.video(given.mock_response)
    target = for_video(video_id, given.asked)
    told = on_terminal(on_progress) if progress_bar else nullcontext(on_progress)
    with told as tell:
        call = plans.wait(
            target,
            given.extras,
            timeout=timeout,
            poll_interval=poll_interval,
            on_progress=tell,
            raise_on_failure=raise_on_failure,
        )
        return run_on(target, call)


def video_content(  # noqa: PLR0917 - LiteLLM's signature
    video_id: str,
    timeout: float | None = None,
    custom_llm_provider: str | None = None,
    variant: str | None = None,
    extra_headers: Headers = None,
    extra_query: More = None,
    extra_body: More = None,
    *,
    file: str | os.PathLike[str] | None = None,
    wait: bool = True,
    **options: Unpack[CallOptions],
) -> bytes | VideoContent:
    """Download a video, once it is there.

    Args:
        video_id: the id that video_generation returned.
        timeout: how many seconds to wait for a job that has not ended; by default 600.
        custom_llm_provider: the provider, where the id does not say it.
        variant: `video` (the default), `thumbnail` or `spritesheet`.
        extra_headers: sent along.
        extra_query: sent along.
        extra_body: taken as LiteLLM takes it; a download has no body.
        file: where to write it, in pieces; the file appears when it is whole, and a broken
            download is gone on with. Without it the bytes are returned.
        wait: false raises at once when the job has not ended.
        options: as every function takes them, see `CallOptions`.

    Raises:
        APIError: the job failed (the class tells why), or has not ended.
        Timeout: it did not end in time.
    """
    given = read(options, None, custom_llm_provider, extra_headers, extra_query, extra_body)
    if given.mock_response is not None:
        return mocks.content(given.mock_response)
    target = for_video(video_id, given.asked)
    patience = CONTENT_WAIT_S if timeout is None else timeout
    call = plans.content(
        target, given.extras, variant=variant, file=file, timeout=patience, patient=wait
    )
    got = run_on(target, call)
    return got if got.data is None else got.data


def video_list(  # noqa: PLR0917 - LiteLLM's signature
    after: str | None = None,
    limit: int | None = None,
    order: str | None = None,
    timeout: Seconds = None,
    custom_llm_provider: str | None = None,
    extra_headers: Headers = None,
    extra_query: More = None,
    extra_body: More = None,
    **options: Unpack[CallOptions],
) -> dict[str, Any]:
    """List videos, one page: `data`, `first_id`, `last_id`, `has_more`, as LiteLLM returns it."""
    given = read(options, timeout, custom_llm_provider, extra_headers, extra_query, extra_body)
    if given.mock_response is not None:
        return mocks.page(given.mock_response)
    target = for_video(after or "", given.asked)
    raw_after = target.video_id or None
    return run_on(target, plans.listed(target, raw_after, limit, order, given.extras))


def video_delete(  # noqa: PLR0917 - as LiteLLM's others
    video_id: str,
    timeout: Seconds = None,
    custom_llm_provider: str | None = None,
    extra_headers: Headers = None,
    extra_query: More = None,
    extra_body: More = None,
    **options: Unpack[CallOptions],
) -> VideoObject:
    """Delete a video, running or finished, with its assets."""
    given = read(options, timeout, custom_llm_provider, extra_headers, extra_query, extra_body)
    if given.mock_response is not None:
        return mocks.video(given.mock_response)
    target = for_video(video_id, given.asked)
    return run_on(target, plans.delete(target, given.extras))


def video_cancel(  # noqa: PLR0917 - as LiteLLM's others
    video_id: str,
    timeout: Seconds = None,
    custom_llm_provider: str | None = None,
    extra_headers: Headers = None,
    extra_query: More = None,
    extra_body: More = None,
    **options: Unpack[CallOptions],
) -> VideoObject:
    """Stop a job that has not ended, on servers that can; one that has ended stays as it is.

    Raises:
        ConfigError: the server's dialect has no way to.
        ConflictError: the job has ended.
    """
    given = read(options, timeout, custom_llm_provider, extra_headers, extra_query, extra_body)
    if given.mock_response is not None:
        return mocks.video(given.mock_response)
    target = for_video(video_id, given.asked)
    return run_on(target, plans.cancel(target, given.extras))


def video_create_character(  # noqa: PLR0917 - LiteLLM's signature
    name: str,
    video: Upload,
    timeout: Seconds = None,
    custom_llm_provider: str | None = None,
    extra_headers: Headers = None,
    extra_query: More = None,
    extra_body: More = None,
    **options: Unpack[CallOptions],
) -> CharacterObject:
    """Make a reusable character from a video."""
    given = read(options, timeout, custom_llm_provider, extra_headers, extra_query, extra_body)
    if given.mock_response is not None:
        return mocks.character(given.mock_response)
    target = for_video("", given.asked)
    return run_on(target, plans.new_character(target, name, video, given.extras))


def video_get_character(  # noqa: PLR0917 - LiteLLM's signature
    character_id: str,
    timeout: Seconds = None,
    custom_llm_provider: str | None = None,
    extra_headers: Headers = None,
    extra_query: More = None,
    extra_body: More = None,
    **options: Unpack[CallOptions],
) -> CharacterObject:
    """Look a character up."""
    given = read(options, timeout, custom_llm_provider, extra_headers, extra_query, extra_body)
    if given.mock_response is not None:
        return mocks.character(given.mock_response)
    target = for_video(character_id, given.asked)
    return run_on(target, plans.character(target, given.extras))
