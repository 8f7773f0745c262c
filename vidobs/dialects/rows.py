"""What a dialect differs in, as data: what its client has to know, and how its server answers.

One value of `Variant` is one dialect. The codec reads every answer alike, and leniently; a row says
what has to be known before something is sent. Its `Manner` is the other side: how a server of the
dialect answers where OpenAI's does otherwise. The sandbox plays servers by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec

from vidobs.core.calls import Operation

Members: TypeAlias = Mapping[str, object]


class Bodies(StrEnum):
    """How a server takes the fields of a create."""

    EITHER = "either"  # JSON, or a form where there are files
    FORM = "form"  # a multipart form only


class Nesting(StrEnum):
    """How a form holds an object."""

    BRACKETS = "brackets"  # a field for each member: `input_reference[image_url]`
    JSON = "json"  # one field with JSON text


class Errors(StrEnum):
    """The envelope of an HTTP error."""

    OPENAI = "openai"  # {"error": {message, type, param, code}}
    AZURE = "azure"  # the same, with `innererror` where a filter refused
    NUMBERED = "numbered"  # the same, with the HTTP status as the code
    DETAIL = "detail"  # FastAPI's {"detail": ...}
    BARE = "bare"  # {"code", "message", "data"}


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a server knows of a job when it tells of it."""

    id: str  # as it is told
    model: str
    seconds: int
    status: str  # as OpenAI calls it
    base_url: str  # up to `/videos`
    ended_at: int | None = None  # Unix seconds
    first: bool = False  # this is the answer to the create

    @property
    def completed(self) -> bool:
        """Whether there is a video."""
        return self.status == "completed"

    @property
    def worked(self) -> bool:
        """Whether a GPU has worked on it to the end, good or bad."""
        return self.status in ("completed", "failed")


def _nothing(_: Facts) -> Members:
    return {}


def _no_headers(_: Facts) -> Mapping[str, str]:
    return {}


def _code_and_message(code: str, message: str) -> Members:
    return {"code": code, "message": message}


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How the server of a dialect answers; the defaults are OpenAI's."""

    new_id: Callable[[str], str] = "video_{}".format  # from 32 hexadecimal digits
    told_id: Callable[[str, str | None], str] = lambda its_id, _: its_id  # model: at the create
    own_id: Callable[[str], str] = str  # back again
    words: Mapping[str, str] = {}  # for the states, by OpenAI's
    only: frozenset[str] = frozenset()  # members of a Video; empty: all of them
    without: frozenset[str] = frozenset()  # members that it leaves out
    nulls: bool = True  # members without a value are there
    more: Callable[[Facts], Members] = _nothing  # members of its own
    most_progress: int = 100  # while the job runs
    expires: bool = True  # says when the files do
    job_error: Callable[[str, str], Members] = _code_and_message
    failed_status: Callable[[str], int] = lambda _: 200  # of a poll, by the code of the error
    errors: Errors = Errors.OPENAI
    missing_status: int = 400  # for a field that is missing
    created_status: int = 200
    created_headers: Callable[[Facts], Mapping[str, str]] = _no_headers
    deleted_word: str | None = None  # the state of a deleted Video; None: OpenAI's confirmation
    failed_content_status: int = 404  # for the file of a job that failed
    sync: bool = False  # has `POST /videos/sync`, which answers with the file
    page_size: int | None = 20  # of a list that asks for none; None: all
    honours_keys: bool = True  # one job for one Idempotency-Key
    openai_headers: bool = True  # x-ratelimit-*, openai-*, and when to poll again


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One dialect."""

    name: str
    provider: str  # that jobs are filed under, unless told otherwise
    servers: tuple[str, ...] = ()  # who speaks it
    tried_with: str = ""  # a real client that the tests run against the played server
    bodies: Bodies = Bodies.EITHER
    nesting: Nesting = Nesting.BRACKETS
    url_reference: tuple[str, ...] = (
        "input_reference",
        "image_url",
    )  # where a URL to start from is
    key_header: str | None = None  # that carries the bare key; None: `Authorization: Bearer KEY`
    key_env: tuple[str, ...] = ("OPENAI_API_KEY",)
    token_env: tuple[str, ...] = ()  # with a bearer token, where there is no key
    base_env: tuple[str, ...] = ("OPENAI_BASE_URL",)
    default_base: str | None = None
    api_path: str = "/v1"  # behind a base address that names only the host
    api_path_always: bool = False  # and behind one with another path
    keyless: bool = False  # works without a key
    provider_header: str | None = None  # names the provider behind a gateway
    lacks: frozenset[Operation] = frozenset()  # what its servers have no route for
    cancels: bool = False  # a DELETE ends a running job
    joins_traces: bool = False  # its spans go under the `traceparent` of a request
    pointer_status: int | None = None  # of a download whose body names another address
    packs_ids: bool = False  # its ids are LiteLLM's, with provider and model inside
    manner: Manner = Manner()


MADE_FROM_VIDEOS = frozenset({Operation.REMIX, Operation.EDIT, Operation.EXTEND})
CHARACTERS = frozenset({Operation.CHARACTER, Operation.GET_CHARACTER})
