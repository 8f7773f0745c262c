"""What the functions return: objects that are used as LiteLLM's are."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vidobs.dialects.litellm_ids import CHARACTER, VIDEO, packed
from vidobs.dialects.packed_ids import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vidobs.sdk.client._results import Character, Video
    from vidobs.sdk.client._server import Server


class ResponseObject:
    """Fields as attributes, as items, by `.get`, with `in`, and all of them by `.json()`."""

    def __init__(self, fields: Mapping[str, Any], hidden: Mapping[str, Any] | None = None) -> None:
        self._fields = dict(fields)
        self._hidden_params = dict(hidden or {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._fields[name]
        except KeyError:
            msg = f"{type(self).__name__} has no field {name!r}"
            raise AttributeError(msg) from None

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self._fields.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResponseObject) and self._fields == other._fields

    __hash__ = None  # type: ignore[assignment]  # equal by its fields, which are a dictionary

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._fields.items())
        return f"{type(self).__name__}({shown})"

    @property
    def hidden_params(self) -> dict[str, Any]:
        """Return what is known beside the fields."""
        return self._hidden_params

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or the default where there is none."""
        return self._fields.get(name, default)

    def json(self, **options: Any) -> dict[str, Any]:  # noqa: ARG002 - as LiteLLM has it
        """Return the fields as a dictionary."""
        return dict(self._fields)

    dict = model_dump = json

    def model_dump_json(self) -> str:
        """Return the fields as JSON text."""
        return json.dumps(self._fields)


class VideoObject(ResponseObject):
    """A video. `_hidden_params["response_cost"]` is its cost in US dollars as far as known."""

    id: str
    object: str
    status: str
    created_at: int | None
    completed_at: int | None
    expires_at: int | None
    error: dict[str, Any] | None
    progress: int | None
    remixed_from_video_id: str | None
    seconds: str | None
    size: str | None
    model: str | None
    usage: dict[str, Any] | None


class CharacterObject(ResponseObject):
    """A character."""

    id: str
    object: str
    created_at: int | None
    name: str | None


class ListedVideo(dict[str, Any]):
    """One video of a list: a dictionary, as LiteLLM has it, whose fields are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            msg = f"{type(self).__name__} has no field {name!r}"
            raise AttributeError(msg) from None


VIDEO_DEFAULTS: Mapping[str, Any] = MappingProxyType({
    "id": "", "object": "video", "status": "", "created_at": None, "completed_at": None,
    "expires_at": None, "error": None, "progress": None, "remixed_from_video_id": None,
    "seconds": None, "size": None, "model": None, "usage": None,
})  # fmt: skip
CHARACTER_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {"id": "", "object": "character", "created_at": None, "name": None}
)


def video_object(
    video: Video, server: Server, *, model: str | None, priced: bool = False
) -> VideoObject:
    """Return a video as LiteLLM shows it, under the one id that its job has.

    `model` is that of the id; `priced` says that the call made a job, whose length LiteLLM gives.
    """
    provider, cost = server.provider, video.cost
    fields = {**VIDEO_DEFAULTS, **_with_ids(video, server, model)}
    if video.seconds is not None:
        fields["seconds"] = str(fields["seconds"] or video.seconds)
    if priced and fields["usage"] is None:
        length = video.seconds
        fields["usage"] = {} if length is None else {"duration_seconds": float(length)}
    known = cost is not None and cost.usd is not None
    return VideoObject(
        fields,
        {
            "response_cost": float(cost.usd) if known else None,  # type: ignore[union-attr, arg-type]  # known
            "cost_status": None if cost is None else cost.status.value,
            "custom_llm_provider": provider,
            "model_id": model,
            "api_base": server.base_url,
            "vidobs_job_id": video.job_id,
        },
    )


def listed_video(video: Video, server: Server, *, model: str | None) -> ListedVideo:
    """Return a video of a list as LiteLLM shows it: the server's fields, under the job's id."""
    return ListedVideo(_with_ids(video, server, model))


def page_of(videos: list[ListedVideo], *, has_more: bool = False) -> dict[str, Any]:
    """Return a page of a list as LiteLLM shows it."""
    return {
        "object": "list",
        "data": videos,
        "first_id": videos[0].get("id") if videos else None,
        "last_id": videos[-1].get("id") if videos else None,
        "has_more": has_more,
    }


def named(server: Server, model: str | None, its_id: str, *, kind: str = VIDEO) -> str:
    """Return the id of LiteLLM's kind, which says by itself which server to ask.

    LiteLLM's proxy hands out such ids itself, of the provider behind it: they get another around.
    """
    pack = wrapped if server.variant.packs_ids else packed
    return pack(server.provider, model, its_id, kind=kind)


def character_object(character: Character, server: Server) -> CharacterObject:
    """Return a character as LiteLLM's proxy shows it, its provider in its id."""
    name = named(server, None, character.id, kind=CHARACTER)
    fields = {**CHARACTER_DEFAULTS, **character.raw, "id": name}
    return CharacterObject(
        fields, {"custom_llm_provider": server.provider, "api_base": server.base_url}
    )


def _with_ids(video: Video, server: Server, model: str | None) -> dict[str, Any]:
    """Return a server's fields with the ids that jobs have here."""
    fields = {**video.raw, "id": named(server, model, video.id)}
    parent = video.remixed_from_video_id
    if parent is not None:
        fields["remixed_from_video_id"] = named(server, model, parent)
    return fields
