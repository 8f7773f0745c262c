"""Reads a call as LiteLLM tells its loggers of it, stripped by the capture policy at the door."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.calls import Attribution, VideoCall
from vidobs.core.scrub import scrub
from vidobs.dialects import litellm as names
from vidobs.dialects import openai as dialect
from vidobs.dialects.litellm_ids import unpacked
from vidobs.dialects.values import text
from vidobs.observer import attribution
from vidobs.sdk._openai_errors import Private

if TYPE_CHECKING:
    from vidobs.runtime import Runtime

DIALECT = "litellm"
_SENT = "api_call_start_time"  # stands in `kwargs` once LiteLLM is about to send
_KEY_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})
_TAG_CHARS, _VALUE_CHARS = 100, 200
_EMPTY: Mapping[str, Any] = {}


class Told(msgspec.Struct, frozen=True):
    """A call, as one hook tells of it."""

    call_id: str  # LiteLLM's, one for each attempt
    call: VideoCall
    private: Private
    sent: bool  # whether a request left, or was about to


class Span(msgspec.Struct, frozen=True):
    """When a call began and ended."""

    start_ns: int
    end_ns: int


def read(kwargs: Mapping[str, Any], runtime: Runtime) -> Told | None:
    """Return the call behind a hook's `kwargs`; `None` when it is none about a job.

    One without a provider was answered by LiteLLM itself: a mock, or an unknown model.
    """
    operation = names.operation_of(kwargs.get("call_type"))
    params, own = _mapping(kwargs, "optional_params"), _mapping(kwargs, "litellm_params")
    extra = _mapping(kwargs, "additional_args")
    given_id = text(params.get("video_id"), 1024) or text(own.get("video_id"), 1024)
    provider = text(kwargs.get("custom_llm_provider")) or unpacked(given_id or "").provider
    if operation is None or provider is None:
        return None
    given = kwargs.get("input") or params.get("prompt")
    prompt = given if isinstance(given, str) else None
    fields, uploads = names.fields_of(params, model=kwargs.get("model"), prompt=prompt)
    call = dialect.read_call(
        dialect.Route(operation, None if given_id is None else unpacked(given_id).raw),
        fields,
        uploads,
        None,
        context=runtime.call_context(
            base_url=str(extra.get("api_base") or own.get("api_base") or ""),
            client="",
            provider=provider,
            dialect=DIALECT,
        ),
        attribution=_attribution(kwargs, own),
    )
    call_id = str(kwargs.get("litellm_call_id"))
    return Told(call_id, call, Private(prompt, _key(own, extra)), _SENT in kwargs)


def span_of(start: object, end: object, now_ns: int) -> Span:
    """Return when a call began and ended; LiteLLM gives naive local times."""
    end_ns = min(_ns(end, now_ns), now_ns)
    return Span(min(_ns(start, end_ns), end_ns), end_ns)


def _ns(value: object, otherwise: int) -> int:
    return int(value.timestamp() * 1e9) if isinstance(value, datetime) else otherwise


def _mapping(kwargs: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = kwargs.get(name)
    return found if isinstance(found, Mapping) else _EMPTY


def _attribution(kwargs: Mapping[str, Any], own: Mapping[str, Any]) -> Attribution:
    """Who the call is for: `vidobs.context`, else LiteLLM's `user`; the tags of both."""
    around = attribution.current()
    user = around.user
    if user is None and isinstance(kwargs.get("user"), str):
        user = scrub(kwargs["user"], _VALUE_CHARS) or None
    tags = _mapping(own, "metadata").get("tags")
    if user == around.user and not tags:
        return around
    return Attribution(user, {**_tags(tags), **around.tags})


def _tags(given: object) -> dict[str, str]:
    """LiteLLM's tags are a list of texts, by its custom "name:value" or bare."""
    if not isinstance(given, list | tuple):
        return {}
    pairs = [scrub(tag, _VALUE_CHARS).partition(":") for tag in given if isinstance(tag, str)]
    return {name[:_TAG_CHARS]: value or "true" for name, _, value in pairs if name}


def _key(own: Mapping[str, Any], extra: Mapping[str, Any]) -> str | None:
    """The credential of the call, so that no error text can quote it."""
    key = own.get("api_key")
    if isinstance(key, str):
        return key
    for name, value in _mapping(extra, "headers").items():
        if str(name).lower() in _KEY_HEADERS and isinstance(value, str):
            return value.rpartition(" ")[2]
    return None
