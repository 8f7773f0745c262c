"""Read what a create asks of Google: by a long-running operation (Veo) or an interaction (Omni).

https://ai.google.dev/gemini-api/docs/video and https://ai.google.dev/api/interactions-api
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from vidobs.core.calls import Operation, VideoRequest
from vidobs.core.tiers import SHORT_EDGE
from vidobs.dialects.codec import LONGEST_ID, Asked, items, mapping
from vidobs.dialects.values import number, positive, text, truth, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vidobs.dialects.codec import Fields

_LONGEST_PROMPT = 1 << 20
_DEPTH = 4  # turns hold steps, steps hold content
_DEFAULT_TIER = "720p"  # documented for Veo and Omni
_VIDEO = "video"
_IMAGES = ("image", "lastFrame")
_TASKS = {"edit": Operation.EDIT, "upscale": Operation.EDIT, "extend": Operation.EXTEND}


def of_operation(fields: Fields, model: str) -> Asked:
    """Return what `{instances: [...], parameters: {...}}` asks for."""
    instance = _instance(fields)
    asked = mapping(fields.get("parameters"))
    prompt = text(instance.get("prompt"), _LONGEST_PROMPT)
    pictures = sum(instance.get(name) is not None for name in _IMAGES)
    return Asked(
        model=model,
        prompt=prompt,
        request=VideoRequest(
            seconds=positive(asked.get("durationSeconds")),
            size=size(text(asked.get("aspectRatio")), text(asked.get("resolution"))),
            fps=positive(asked.get("fps")),
            audio=truth(asked.get("generateAudio")),
            n=whole(asked.get("sampleCount") or asked.get("numberOfVideos")) or 1,
            input_images=pictures + len(items(instance.get("referenceImages"))),
            prompt_chars=None if prompt is None else len(prompt),
        ),
    )


def kind_of_operation(fields: Fields) -> Operation:
    """Return what an operation does: a source video is extended, or edited within a mask."""
    instance = _instance(fields)
    if instance.get(_VIDEO) is None:
        return Operation.CREATE
    return Operation.EXTEND if instance.get("mask") is None else Operation.EDIT


def of_interaction(fields: Fields) -> Asked:
    """Return what `{model, input, response_format, ...}` asks for."""
    wanted = _format(fields)
    parts = list(_parts(fields.get("input"), _DEPTH))
    said = "\n".join(part for part in map(_text_of, parts) if part)
    return Asked(
        model=text(fields.get("model")),
        prompt=said[:_LONGEST_PROMPT] or None,
        source_id=text(fields.get("previous_interaction_id"), LONGEST_ID),
        request=VideoRequest(
            seconds=_seconds(wanted.get("duration")),
            size=size(text(wanted.get("aspect_ratio")), text(wanted.get("resolution"))),
            input_images=sum(_type_of(part) == "image" for part in parts),
            prompt_chars=len(said) or None,
        ),
    )


def kind_of_interaction(fields: Fields) -> Operation | None:
    """Return what an interaction does; `None` when no video was asked for.

    An Omni model makes a video unless it is told to make something else.
    """
    config = mapping(mapping(fields.get("generation_config")).get("video_config"))
    given = fields.get("response_format"), fields.get("response_modalities")
    asked = bool(_format(fields)) or bool(config) or _VIDEO in _words(given[1])
    if not asked and (given != (None, None) or "omni" not in (text(fields.get("model")) or "")):
        return None
    task = _TASKS.get(text(config.get("task")) or "")
    if task is not None:
        return task
    source = fields.get("previous_interaction_id") is not None
    source = source or any(_type_of(part) == _VIDEO for part in _parts(fields.get("input"), _DEPTH))
    return Operation.EDIT if source else Operation.CREATE


def size(ratio: str | None, tier: str | None) -> str | None:
    """Return the size of a frame from its aspect ratio and its resolution.

    >>> size("16:9", "1080p"), size("9:16", None), size(None, "4k"), size(None, None)
    ('1920x1080', '720x1280', '4k', None)
    """
    sides = [positive(side) for side in (ratio or "").split(":")]
    edge = SHORT_EDGE.get((tier or _DEFAULT_TIER).lower())
    if len(sides) != len("wh") or None in sides or edge is None:
        return tier
    width, height = (side for side in sides if side is not None)
    long = _even(Decimal(edge) * max(width, height) / min(width, height))
    return f"{long}x{edge}" if width >= height else f"{edge}x{long}"


def _even(length: Decimal) -> int:
    return 2 * round(length / 2)


def _instance(fields: Fields) -> Fields:
    instances = items(fields.get("instances"))
    return mapping(instances[0]) if instances else {}


def _format(fields: Fields) -> Fields:
    """The format of a video among those that were asked for."""
    given = fields.get("response_format")
    formats = items(given) or (given,)
    return next((mapping(each) for each in formats if _type_of(each) == _VIDEO), {})


def _parts(given: object, depth: int) -> Iterator[object]:
    """The texts and the pieces of content of an input, however deep in turns and steps."""
    if isinstance(given, str):
        yield given
    elif depth:
        for each in items(given):
            yield from _parts(each, depth - 1)
        content = mapping(given).get("content")
        if content is not None:
            yield from _parts(content, depth - 1)
        elif isinstance(mapping(given).get("type"), str):
            yield given


def _text_of(part: object) -> str | None:
    if isinstance(part, str):
        return part
    return text(mapping(part).get("text"), _LONGEST_PROMPT) if _type_of(part) == "text" else None


def _type_of(part: object) -> str | None:
    given = mapping(part).get("type")
    return given if isinstance(given, str) else None


def _words(given: object) -> set[str]:
    return {each.lower() for each in items(given) if isinstance(each, str)}


def _seconds(given: object) -> Decimal | None:
    """The length in a protobuf Duration, such as "8s"."""
    written = given.strip().removesuffix("s") if isinstance(given, str) else given
    return number(written) or None
