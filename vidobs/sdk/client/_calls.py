"""Every call of our client, written once for sync and async code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import httpx
import msgspec

from vidobs import runtime
from vidobs.core.api_errors import APIError, ConflictError
from vidobs.core.errors import ConfigError
from vidobs.core.jobs import JobState
from vidobs.dialects import outgoing
from vidobs.dialects.openai import failed_body, plain_id
from vidobs.dialects.packed_ids import as_its_source
from vidobs.dialects.variants import VARIANTS
from vidobs.sdk.client import _results as results
from vidobs.sdk.client._inputs import Upload, placed
from vidobs.sdk.client._options import Options

if TYPE_CHECKING:
    from vidobs.core.jobs import Job
    from vidobs.sdk.client._results import Character, Video, VideoDeleted, VideoPage
    from vidobs.sdk.client._server import Server
    from vidobs.sdk.client._steps import Call

Fields = Mapping[str, object]
_LISTS = ("data", "videos", "items")
_CANCELLED = JobState.CANCELLED.value


class Extras(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller adds to one request beside what the protocol names."""

    headers: Mapping[str, str] = {}
    query: Mapping[str, object] = {}
    body: Mapping[str, object] = {}
    timeout: float | httpx.Timeout | None = None  # seconds until the answer; by default 600
    max_retries: int | None = None  # where sending again is safe; by default the client's
    unsupported: tuple[str, ...] = ()  # parameters that were left out, for the span to say

    def on(self, method: str, url: str, **more: object) -> Options:
        """Return a request with the extras on it."""
        options = Options(method, url, **more)  # type: ignore[arg-type]  # keyword by keyword
        if self is NO_EXTRAS:
            return options
        options.headers = {**options.headers, **self.headers}
        options.params = {**options.params, **self.query}
        if options.method == "POST":
            options.extra_json = dict(self.body)
        options.timeout = self.timeout
        options.max_retries = self.max_retries
        options.unsupported = self.unsupported
        return options


NO_EXTRAS = Extras()


def create_fields(
    more: Fields,
    *,
    prompt: str,
    model: str | None,
    seconds: object,
    size: str | None,
    user: str | None,
) -> Fields:
    """Return the fields of a create; a server's own ones go along."""
    named = {"model": model, "prompt": prompt, "seconds": seconds_of(seconds), "size": size}
    return {**named, "user": user, **more}


def seconds_of(given: object) -> str | None:
    """Return a length as the protocol has it: as text."""
    return None if given is None else str(given)


def create(
    server: Server, fields: Fields, *, input_reference: Upload | None, extras: Extras = NO_EXTRAS
) -> Call[Video]:
    """Create a video."""
    refers, files = placed("input_reference", input_reference) if input_reference else ({}, [])
    body = {**_given(fields), **refers}
    answer = yield extras.on("POST", outgoing.ON_ALL, json_data=body, files=files)
    return _video(server, answer)


def derive(
    server: Server,
    kind: str,
    fields: Fields,
    *,
    video: Upload | None,
    extras: Extras = NO_EXTRAS,
) -> Call[Video]:
    """Edit or extend (`kind` is `edits` or `extensions`) a finished or an uploaded video."""
    body = _given(fields)
    files: list[tuple[str, object]] = []
    if isinstance(video, str):
        body["video"] = {"id": video}
    elif video is not None:
        refers, files = placed("video", video)
        body.update(refers)
    url = f"{outgoing.ON_ALL}/{kind}"
    answer = yield extras.on("POST", url, json_data=body, files=files)
    return _made_from(video if isinstance(video, str) else "", _video(server, answer), server)


def remix(
    server: Server, video_id: str, fields: Fields, *, extras: Extras = NO_EXTRAS
) -> Call[Video]:
    """Make another video from a finished one and a prompt."""
    url = outgoing.path_of(video_id, "/remix")
    answer = yield extras.on("POST", url, json_data=_given(fields))
    return _made_from(video_id, _video(server, answer), server)


def retrieve(server: Server, video_id: str, *, extras: Extras = NO_EXTRAS) -> Call[Video]:
    """Ask how a video is doing."""
    video, _ = yield from poll(server, video_id, extras=extras)
    return video


def poll(
    server: Server, video_id: str, *, extras: Extras = NO_EXTRAS
) -> Call[tuple[Video, httpx.Headers]]:
    """Ask how a video is doing; some servers answer with an error status when the job failed."""
    try:
        answer = yield extras.on("GET", outgoing.path_of(video_id))
    except APIError as error:
        response = error.response
        if response is None or failed_body(response.content) is None:  # type: ignore[attr-defined]  # httpx's own
            raise
        answer = response
    return _video(server, answer, video_id), _answer(answer).headers


def delete(server: Server, video_id: str, *, extras: Extras = NO_EXTRAS) -> Call[VideoDeleted]:
    """Delete a video, running or finished."""
    answer = yield extras.on("DELETE", outgoing.path_of(video_id))
    return results.deleted_of(_json(_answer(answer), server, empty_is_fine=True), video_id)


def cancel(server: Server, video_id: str, *, extras: Extras = NO_EXTRAS) -> Call[Video]:
    """Stop a job that has not ended.

    Raises:
        ConfigError: servers of this dialect have no way to.
        ConflictError: it has ended; what it made stays where it is.
    """
    if not server.variant.cancels:
        known = ", ".join(name for name, variant in VARIANTS.items() if variant.cancels)
        raise ConfigError(
            f"a server of the dialect {server.variant.name!r} cannot stop a job (those that can: "
            f"{known}); let it end, or delete the video"
        )
    video, _ = yield from poll(server, video_id, extras=extras)
    if video.done:
        raise ConflictError(
            f"video {video_id} is {video.status} already, so there is nothing to cancel; delete "
            "removes it with its file",
            status_code=409,
            provider=server.provider,
            model=video.model,
        )
    yield extras.on("DELETE", outgoing.path_of(video_id))
    stopped = msgspec.structs.replace(video, status=_CANCELLED, state=JobState.CANCELLED)
    return _with_ledger(server, stopped)


def page(
    server: Server,
    *,
    after: str | None,
    limit: int | None,
    order: str | None,
    extras: Extras = NO_EXTRAS,
) -> Call[VideoPage]:
    """List videos, one page."""
    params = {"after": after, "limit": limit, "order": order}
    answer = yield extras.on("GET", outgoing.ON_ALL, params=_given(params))
    raw = _json(_answer(answer), server)
    lists = (found for name in _LISTS if isinstance(found := raw.get(name), list))
    items = next(lists, [])
    videos = tuple(_known(server, item) for item in items if isinstance(item, Mapping))
    last = raw.get("last_id") or (videos[-1].id if videos else None)
    return results.VideoPage(
        videos,
        raw.get("has_more") is True,
        videos[0].id if videos else None,
        str(last) if last is not None else None,
    )


def create_character(
    server: Server, name: str, video: Upload, *, extras: Extras = NO_EXTRAS
) -> Call[Character]:
    """Make a reusable character from a video."""
    refers, files = placed("video", video)
    url = f"{outgoing.ON_ALL}/characters"
    answer = yield extras.on("POST", url, json_data={"name": name, **refers}, files=files)
    return results.character_of(_json(_answer(answer), server))


def get_character(
    server: Server, character_id: str, *, extras: Extras = NO_EXTRAS
) -> Call[Character]:
    """Look a character up."""
    answer = yield extras.on("GET", outgoing.character_path(character_id))
    return results.character_of(_json(_answer(answer), server))


def _given(fields: Fields) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _answer(answer: httpx.Response | None) -> httpx.Response:
    assert answer is not None  # noqa: S101 - only a pause brings nothing
    return answer


def _video(server: Server, answer: httpx.Response | None, video_id: str = "") -> Video:
    return _known(server, _json(_answer(answer), server), video_id)


def _made_from(source_id: str, made: Video, server: Server) -> Video:
    """Return a video under the id by which the server finds it again."""
    if not server.variant.packs_ids:
        return made
    return msgspec.structs.replace(made, id=as_its_source(made.id, source_id))


def _known(server: Server, raw: Mapping[str, object], video_id: str = "") -> Video:
    """Read a video, with what the ledger knows of it."""
    return _with_ledger(server, results.video_of(raw, video_id=video_id))


def _with_ledger(server: Server, found: Video) -> Video:
    job = job_of(server.provider, found.id)
    if job is None:
        return found
    return msgspec.structs.replace(found, cost=job.cost, job_id=job.job_id)


def job_of(provider: str, video_id: str) -> Job | None:
    """Return what this process or the ledger knows of a job; `None` also when vidobs is off."""
    found = runtime.current()
    if found is None or not video_id:
        return None
    lookup: Callable[[str, str], Job | None] = found.observer.job_of
    return found.guard.run("lookup", lookup, provider, plain_id(video_id))


def _json(
    answer: httpx.Response, server: Server, *, empty_is_fine: bool = False
) -> Mapping[str, object]:
    """Return the object in an answer.

    Raises:
        APIError: the answer is no JSON object.
    """
    if empty_is_fine and not answer.content:
        return {}
    try:
        raw = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raw = None
    if not isinstance(raw, dict):
        request = answer.request
        raise APIError(
            f"{request.method} {request.url.path}: {answer.status_code} from {server.provider}, "
            "but the answer is no JSON object; is base_url that of a video API?",
            status_code=answer.status_code,
            provider=server.provider,
            response=answer,
        )
    return raw
