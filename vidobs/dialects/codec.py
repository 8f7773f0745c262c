"""What a codec is, of an API for videos that is not the OpenAI Videos protocol.

A codec is pure. It looks at the method, the path and the JSON body of a request and at the body of
an answer; never at the query of a URL, where keys and signatures stand, and it keeps nothing of the
files that come along as base64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from re import Pattern
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from vidobs.core.calls import NOBODY, Attribution, VideoCall, VideoRequest
from vidobs.core.jobs import JobSnapshot
from vidobs.dialects.routes import Route

if TYPE_CHECKING:
    from vidobs.dialects.requests import CallContext

Fields: TypeAlias = Mapping[str, object]
T = TypeVar("T", bound=msgspec.Struct)

LONGEST_ID = 512  # characters; the name of an operation holds those of a project and a model


class Request(msgspec.Struct, frozen=True):
    """A request as its sender wrote it."""

    method: str
    path: str  # without the query
    fields: Callable[[], Fields]  # of the JSON body; empty where there is none


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a create asks for."""

    model: str | None
    prompt: str | None = None
    source_id: str | None = None  # the provider's id of the video that it starts from
    request: VideoRequest = VideoRequest()


class Codec(msgspec.Struct, frozen=True, kw_only=True):
    """One dialect: how its requests are recognised and read, and its answers.

    What reads an answer takes its body, and the prompt where it is known: an error may quote it. It
    never raises, whatever the bytes.
    """

    name: str
    servers: tuple[str, ...]  # who speaks it
    tried_with: str  # the real clients that the tests run
    key_env: str  # where its SDK looks for a key, and for an address
    base_env: str
    hosts: Pattern[str]  # whose requests are recognised without being told
    provider_at: Callable[[str], str]  # by the host; that jobs are filed under
    route: Callable[[Request], Route | None]  # `None`: no video call
    asked: Callable[[Request], Asked]
    created: Callable[[bytes, str | None], JobSnapshot | None]  # `None`: no job
    polled: Callable[[bytes, str | None], JobSnapshot | None]
    status_key: Callable[[bytes], tuple[str, int | None]]  # as before: a poll brought nothing new
    rejected: Callable[[int, bytes, str | None], JobSnapshot]  # HTTP 4xx in answer to a create
    is_video: Callable[[bytes], bool]  # whether a job that nobody knows makes a video, and no more
    files: Callable[[bytes], tuple[str, ...]]  # where a finished job says that its files are


def read_create(
    codec: Codec,
    route: Route,
    request: Request,
    *,
    context: CallContext,
    attribution: Attribution = NOBODY,
) -> tuple[VideoCall, str | None]:
    """Return a create, stripped of what the capture policy does not keep, and its whole prompt."""
    asked = codec.asked(request)
    prompt, fingerprint = asked.prompt, context.fingerprint
    call = VideoCall(
        operation=route.operation,
        provider=context.provider,
        dialect=context.dialect,
        model=asked.model,
        video_id=asked.source_id,
        request=asked.request,
        request_hash=fingerprint.request_hash({**request.fields(), "\0path": request.path}),
        prompt_hash=None if prompt is None else fingerprint.prompt_hash(prompt),
        prompt=context.policy.prompt(prompt, fingerprint),
        server_address=context.server_address,
        server_port=context.server_port,
        attribution=attribution,
    )
    return call, prompt


def decoded(kind: type[T], body: bytes | msgspec.Raw) -> T | None:
    """Return what is documented of a body; `None` for any other shape.

    Fields that `kind` does not name are skipped and never built: that is where files stand.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def mapping(value: object) -> Fields:
    """Return an object of a body; anything else is an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> tuple[object, ...]:
    """Return the members of a list; anything else has none."""
    return tuple(value) if isinstance(value, list | tuple) else ()
