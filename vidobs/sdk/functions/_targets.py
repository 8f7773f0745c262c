"""Which server a function call goes to, by model, id, arguments and environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from vidobs.core.errors import ConfigError, unknown_name
from vidobs.dialects.litellm_ids import Unpacked, unpacked
from vidobs.dialects.variants import VARIANTS
from vidobs.sdk.client._server import BearerToken, Key, Server, server_of

DEFAULT_MODEL = "sora-2"
DEFAULT_PROVIDER = "openai"
DIALECT_OF: Mapping[str, str] = MappingProxyType(
    {variant.provider: name for name, variant in VARIANTS.items()}
)
# Of LiteLLM's providers those that do not speak the protocol.
_OTHERS = frozenset({
    "dashscope", "edenai", "fal_ai", "gemini", "minimax", "qwen_ai_platform", "qwencloud",
    "runwayml", "vertex_ai", "volcengine", "xai",
})  # fmt: skip


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of a function that say whom to ask."""

    custom_llm_provider: str | None = None
    api_key: Key = None
    api_base: str | None = None
    api_version: str | None = None
    azure_ad_token: str | None = None
    azure_ad_token_provider: Callable[[], str] | None = None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A server, and the model and id as the server knows them."""

    server: Server
    model: str | None = None
    video_id: str = ""


def for_model(model: str | None, asked: Asked) -> Target:
    """Return the server of a model such as `azure/sora-2`.

    Raises:
        ConfigError: the provider is not known, or its address is not.
        AuthenticationError: there is no key.
    """
    named = model or DEFAULT_MODEL
    prefix, slash, rest = named.partition("/")
    provider = asked.custom_llm_provider
    if slash and (prefix in DIALECT_OF or prefix in _OTHERS):
        provider, named = provider or prefix, rest
    return Target(server=_server(provider or DEFAULT_PROVIDER, asked), model=named)


def for_video(given: str, asked: Asked) -> Target:
    """Return the server of a video: by argument, by what the id says, else OpenAI's.

    The id chooses the provider, so its key and its address; it can never send the key of one
    provider to another.

    Raises:
        ConfigError, AuthenticationError: as `for_model`.
    """
    found: Unpacked = unpacked(given)
    provider = asked.custom_llm_provider or found.provider or DEFAULT_PROVIDER
    server = _server(provider, asked)
    if server.variant.packs_ids and found.provider != provider:
        return Target(server=server, video_id=given)  # the proxy's own: it unpacks it itself
    return Target(server=server, model=found.model, video_id=found.raw)


def _server(provider: str, asked: Asked) -> Server:
    if provider in _OTHERS:
        raise ConfigError(
            f"{provider!r} does not speak the OpenAI Videos protocol; call it by its own SDK and "
            "follow the job with vidobs.job(...)"
        )
    if provider not in DIALECT_OF:
        raise ConfigError(unknown_name("provider", provider, DIALECT_OF))
    key = asked.azure_ad_token_provider or asked.api_key
    if key is None and asked.azure_ad_token is not None:
        key = BearerToken(asked.azure_ad_token)
    query = {"api-version": asked.api_version} if asked.api_version else None
    return server_of(
        base_url=asked.api_base,
        api_key=key,
        dialect=DIALECT_OF[provider],
        provider=provider,
        environ=os.environ,
        query=query,
    )
