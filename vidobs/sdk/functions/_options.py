"""The arguments that every function takes, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

import msgspec

from vidobs.dialects.litellm_ids import with_plain_characters
from vidobs.observer import attribution
from vidobs.sdk.client._calls import Extras
from vidobs.sdk.functions._targets import Asked
from vidobs.sdk.functions._unsupported import WARN

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import httpx

    from vidobs.sdk.client._server import Key

Headers: TypeAlias = "Mapping[str, str] | None"
More: TypeAlias = "Mapping[str, object] | None"
Seconds: TypeAlias = "float | httpx.Timeout | None"

# What LiteLLM takes beside the fields of a request, and no server gets.
_NOT_SENT = frozenset({
    "cache", "callbacks", "client", "drop_params", "litellm_call_id", "litellm_logging_obj",
    "litellm_metadata", "litellm_trace_id", "mock_timeout", "no-log", "num_retries",
    "organization", "preset_cache_key", "stream_response", "tags", "ttl", "verbose",
})  # fmt: skip
_PLAIN = (str, int, float, bool)
_TEXT_KINDS = ("user_id", "user")


class CallOptions(TypedDict, total=False):
    """What every function takes beside its own parameters, as LiteLLM's do.

    Arguments that no function names go along as fields of the request's body.
    """

    api_key: Key  # else the provider's variable, such as OPENAI_API_KEY
    api_base: str | None  # else the provider's variable, such as OPENAI_BASE_URL
    api_version: str | None  # of Azure
    azure_ad_token: str | None
    azure_ad_token_provider: Callable[[], str] | None
    max_retries: int | None  # of this call, where it is safe to send it again; by default 2
    metadata: Mapping[str, object] | None  # plain values become tags of the job
    mock_response: object  # is returned, and nothing is sent
    on_unsupported: str  # what happens to parameters no server takes: `warn` or `error`


_ASKED = tuple(name for name in Asked.__struct_fields__ if name != "custom_llm_provider")
_NAMED = frozenset({*CallOptions.__annotations__, *_NOT_SENT})


class Given(msgspec.Struct, frozen=True):
    """The common arguments of one call, sorted."""

    asked: Asked
    extras: Extras
    metadata: Mapping[str, object] | None = None
    mock_response: object = None
    on_unsupported: str = WARN

    def without(self, unsupported: tuple[str, ...]) -> Given:
        """Return the same, noting which parameters are left out."""
        if not unsupported:
            return self
        extras = msgspec.structs.replace(self.extras, unsupported=unsupported)
        return msgspec.structs.replace(self, extras=extras)


def read(  # noqa: PLR0917 - in the order in which every function has them
    options: Mapping[str, Any],
    timeout: Seconds,
    custom_llm_provider: str | None,
    extra_headers: Headers,
    extra_query: More,
    extra_body: More = None,
) -> Given:
    """Sort the common arguments; what no function names goes along with the body."""
    asked = {name: options[name] for name in _ASKED if name in options}
    more = {name: value for name, value in options.items() if name not in _NAMED}
    return Given(
        Asked(custom_llm_provider=custom_llm_provider, **asked),
        Extras(
            headers=extra_headers or {},
            query=extra_query or {},
            body=with_plain_characters({**more, **(extra_body or {})}),
            timeout=timeout,
            max_retries=options.get("max_retries"),
        ),
        options.get("metadata"),
        options.get("mock_response"),
        options.get("on_unsupported", WARN),
    )


def on_behalf(
    user: str | None, metadata: Mapping[str, object] | None
) -> AbstractContextManager[object]:
    """Return the context that files a job under a user and the plain values of its metadata.

    `metadata={"tags": ["team:red"]}` is LiteLLM's way to say the same.
    """
    if user is None and not metadata:
        return nullcontext()
    given = metadata or {}
    tags = {name: value for name, value in given.items() if isinstance(value, _PLAIN)}
    listed = given.get("tags")
    if isinstance(listed, list | tuple):
        pairs = [tag.partition(":") for tag in listed if isinstance(tag, str)]
        tags = {**{name: value or "true" for name, _, value in pairs if name}, **tags}
    whose = user or next((str(tags[name]) for name in _TEXT_KINDS if name in tags), None)
    return attribution.context(user=whose, tags=tags)
