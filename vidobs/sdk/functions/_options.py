"""The arguments that every function takes, and what they come to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec

from vidobs.core.errors import ConfigError
from vidobs.observer import attribution
from vidobs.sdk.client._calls import Extras
from vidobs.sdk.functions._targets import Asked
from vidobs.sdk.functions._unsupported import WARN
from vidobs.sdk.functions._video_object import VideoObject

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from vidobs.sdk.client._server import Key

# What LiteLLM takes beside the fields of a request, and no server gets.
_NOT_SENT = frozenset({
    "cache", "callbacks", "client", "drop_params", "litellm_call_id", "litellm_logging_obj",
    "litellm_metadata", "litellm_trace_id", "max_retries", "mock_timeout", "no-log", "num_retries",
    "organization", "preset_cache_key", "stream_response", "tags", "ttl", "verbose",
})  # fmt: skip
_PLAIN = (str, int, float, bool)
_TEXT_KINDS = ("user_id", "user")


class ServerOptions(TypedDict, total=False):
    """What every function takes beside its own parameters, as LiteLLM's do.

    Arguments that no function names go along as fields of the request's body.
    """

    custom_llm_provider: str | None  # `openai`, `azure`, ...; else the model or the id says it
    api_key: Key  # else the provider's variable, such as OPENAI_API_KEY
    api_base: str | None  # else the provider's variable, such as OPENAI_BASE_URL
    api_version: str | None  # of Azure
    azure_ad_token: str | None
    azure_ad_token_provider: Callable[[], str] | None
    extra_headers: Mapping[str, str] | None
    extra_query: Mapping[str, object] | None
    extra_body: Mapping[str, object] | None
    metadata: Mapping[str, object] | None  # plain values become tags of the job
    mock_response: object  # is returned, and nothing is sent
    on_unsupported: str  # what happens to parameters no server takes: `warn` or `error`


class CallOptions(ServerOptions, total=False):
    """What functions take that send one request."""

    timeout: float | None  # seconds until its answer; by default 600


_ASKED = Asked.__struct_fields__
_NAMED = frozenset({*ServerOptions.__annotations__, *CallOptions.__annotations__, *_NOT_SENT})


class Given(msgspec.Struct, frozen=True):
    """The common arguments of one call, sorted."""

    asked: Asked
    extras: Extras
    metadata: Mapping[str, object] | None = None
    mock_response: object = None
    on_unsupported: str = WARN


def read(options: Mapping[str, Any]) -> Given:
    """Sort the common arguments; what no function names goes along with the body."""
    more = {name: value for name, value in options.items() if name not in _NAMED}
    return Given(
        Asked(**{name: options[name] for name in _ASKED if name in options}),
        Extras(
            headers=dict(options.get("extra_headers") or {}),
            query=dict(options.get("extra_query") or {}),
            body={**more, **(options.get("extra_body") or {})},
            timeout=options.get("timeout"),
        ),
        options.get("metadata"),
        options.get("mock_response"),
        options.get("on_unsupported", WARN),
    )


def on_behalf(
    user: str | None, metadata: Mapping[str, object] | None
) -> AbstractContextManager[object]:
    """Return the context that files a job under a user and the plain values of its metadata."""
    if user is None and not metadata:
        return nullcontext()
    tags = {name: value for name, value in (metadata or {}).items() if isinstance(value, _PLAIN)}
    whose = user or next((str(tags[name]) for name in _TEXT_KINDS if name in tags), None)
    return attribution.context(user=whose, tags=tags)


def mocked(given: object) -> VideoObject:
    """Return the answer that a caller made up; nothing is sent or recorded.

    Raises:
        ConfigError: it is no video.
    """
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            given = None
    fields = given.json() if isinstance(given, VideoObject) else given
    if not isinstance(fields, Mapping):
        raise ConfigError("mock_response must be a video: a mapping, its JSON text, or an object")
    return VideoObject({"object": "video", **fields}, {"response_cost": 0.0})
