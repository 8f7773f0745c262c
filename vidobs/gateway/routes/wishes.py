"""What a create, remix, edit or extension asks for: which model, which servers, from what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import Operation
from vidobs.gateway.seams import Refusal
from vidobs.gateway.upstream.server import Upstream
from vidobs.gateway.videos.ids import CHARACTER
from vidobs.gateway.wire.bodies import Body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.gateway.core import Core
    from vidobs.gateway.wire.asked import Asked

DEFAULT_MODEL = "sora-2"  # of a create that names none, as OpenAI's own API has it
_CHARACTERS = "characters"
_MOST_NAMED = 20  # models in an error


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A video that somebody wants."""

    operation: Operation
    model: str  # as clients call it
    upstreams: tuple[Upstream, ...]  # the one to try first in front
    body: Body
    prompt: str | None
    source: str | None = None  # the server's id of the video to start from
    changed: Mapping[str, object] = {}  # fields with ids, by those of the server


def wish_of(core: Core, asked: Asked, operation: Operation, body: Body) -> Wish:
    """Understand a request.

    Raises:
        Refusal: 400, 403 or 404.
    """
    upstreams: Sequence[Upstream]
    source, pinned = _source(core, asked, operation, body)
    characters, home = _characters(core, asked, body)
    if pinned is not None and home is not None and pinned is not home:
        raise Refusal(400, "video and characters were made by different models", code="mixed_ids")
    pinned = pinned or home
    if pinned is not None:
        model, upstreams = pinned.deployment.model_name, [pinned]
    else:
        model, upstreams = _named(core, asked, body)
    if not asked.principal.may_use(model):
        raise Refusal(
            403,
            f"this key may not use the model {model!r}",
            code="model_not_allowed",
            error_type="permission_error",
            param="model",
        )
    prompt = body.text("prompt")
    if prompt is None:
        raise Refusal(
            400, "a prompt is required", code="missing_required_parameter", param="prompt"
        )
    return Wish(
        operation=operation,
        model=model,
        upstreams=tuple(upstreams),
        body=body,
        prompt=prompt,
        source=source,
        changed={} if characters is None else {_CHARACTERS: characters},
    )


def _source(
    core: Core, asked: Asked, operation: Operation, body: Body
) -> tuple[str | None, Upstream | None]:
    """The video to start from, by the server's id, and the server."""
    if operation is Operation.CREATE:
        return None, None
    given = asked.video_id or _reference(body)
    if given is None:
        if operation is Operation.REMIX:
            raise Refusal(
                400, "video_id is required", code="missing_required_parameter", param="video_id"
            )
        return None, None  # an upload
    sealed, upstream = core.finder.sealed(asked, given)
    return sealed.raw, upstream


def _reference(body: Body) -> str | None:
    """An id as clients write it: `video: {id}`, that as JSON text, a text, a field of a form."""
    given = body.fields.get("video")
    if isinstance(given, str) and given.lstrip().startswith("{"):
        given = _decoded(given)
    if isinstance(given, Mapping):
        given = given.get("id")
    if isinstance(given, str) and given:
        return given
    return body.text("video[id]") or body.text("video_id")


def _characters(
    core: Core, asked: Asked, body: Body
) -> tuple[list[object] | None, Upstream | None]:
    """The characters by the server's ids, and the server; `None` where there are none."""
    if body.pairs is None and _CHARACTERS not in body.fields:
        return None, None
    given = _listed(body)
    if not given:
        return None, None
    found: list[object] = []
    homes: list[Upstream] = []
    for one in given:
        if not isinstance(one, Mapping) or not isinstance(one.get("id"), str):
            found.append(one)
            continue
        sealed, upstream = core.finder.sealed(asked, one["id"], kind=CHARACTER)
        found.append({**one, "id": sealed.raw})
        homes.append(upstream)
    if any(home is not homes[0] for home in homes):
        raise Refusal(400, "the characters were made by different models", code="mixed_ids")
    return found, homes[0] if homes else None


def _listed(body: Body) -> Sequence[object]:
    given = body.fields.get(_CHARACTERS)
    if isinstance(given, str) and given.lstrip().startswith("["):
        given = _decoded(given)
    if isinstance(given, list):
        return given
    pairs = body.pairs or ()
    return [
        {"id": value}
        for name, value in pairs
        if name.startswith(f"{_CHARACTERS}[") and name.endswith("[id]")
    ]


def _named(core: Core, asked: Asked, body: Body) -> tuple[str, Sequence[Upstream]]:
    """The model that is asked for, and its servers."""
    given = body.text("model")
    model = given or _default(core)
    found = core.balance.order(model)
    if not found and core.config.default_model is not None:
        model = core.config.default_model
        found = core.balance.order(model)
    provider = asked.provider(body.fields)
    if provider is not None:
        found = [one for one in found if one.deployment.provider == provider] or found
    if not found:
        names = ", ".join(core.balance.models[:_MOST_NAMED])
        raise Refusal(
            400,
            f"there is no model {model[:100]!r}; known: {names}",
            code="model_not_found",
            param="model",
        )
    return model, found


def _default(core: Core) -> str:
    if core.config.default_model is not None:
        return core.config.default_model
    models = core.balance.models
    return models[0] if len(models) == 1 else DEFAULT_MODEL


def _decoded(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise Refusal(400, "a field holds broken JSON", code="invalid_json") from None
