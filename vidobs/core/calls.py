"""One API call as any edge sees it, after the capture policy stripped it at the door."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec


class Operation(StrEnum):
    """What a call does to a job."""

    __hash__ = str.__hash__  # as equal texts have; an enum's own is slow

    CREATE = "create"  # a new video from a prompt
    REMIX = "remix"  # a new video from a finished one and a prompt
    EDIT = "edit"  # a new video from an uploaded or finished one
    EXTEND = "extend"  # a longer video from a finished one
    CHARACTER = "create_character"  # a reusable character; no job
    GET_CHARACTER = "get_character"  # its description; no job
    RETRIEVE = "retrieve"  # a poll
    LIST = "list"  # many jobs at once
    DELETE = "delete"  # the job, running or finished, and its assets
    DOWNLOAD = "download"  # the bytes of an asset

    @property
    def creates_job(self) -> bool:
        """Whether the call makes a job that somebody pays for."""
        return self in CREATING

    @property
    def polls(self) -> bool:
        """Whether the call asks how one job is doing."""
        return self is Operation.RETRIEVE


CREATING = frozenset({Operation.CREATE, Operation.REMIX, Operation.EDIT, Operation.EXTEND})


class Attribution(msgspec.Struct, frozen=True, gc=False):
    """Who a job is for: the user and free tags, as given by `vidobs.context`."""

    user: str | None = None
    tags: dict[str, str] = {}


NOBODY = Attribution()


class VideoRequest(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What was asked for. `None` means the request did not say."""

    seconds: Decimal | None = None  # length of the output
    size: str | None = None  # "WIDTHxHEIGHT" or a provider's tier such as "720p"
    fps: Decimal | None = None
    audio: bool | None = None
    n: int = 1  # outputs asked for
    input_images: int = 0  # reference images sent along
    input_seconds: Decimal | None = None  # length of a source video, where known
    prompt_chars: int | None = None  # length of the prompt, never its text
    unsupported: tuple[str, ...] = ()  # parameters that were left out: no server takes them


class VideoCall(msgspec.Struct, frozen=True, gc=False):
    """One call of a video API.

    `video_id` is the provider's id in the path (polls, downloads, the source of a remix or an
    extension). `prompt` is there only when the capture policy keeps content.
    """

    operation: Operation
    provider: str
    dialect: str
    model: str | None = None
    video_id: str | None = None
    variant: str | None = None  # which asset a download asks for
    request: VideoRequest = VideoRequest()
    request_hash: str | None = None
    prompt_hash: str | None = None
    prompt: str | None = None
    idempotency_key: str | None = None
    server_address: str | None = None
    server_port: int | None = None
    attribution: Attribution = NOBODY
