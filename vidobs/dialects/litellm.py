"""What LiteLLM does to a video call before its loggers see it: its names, its fields.

Seen in LiteLLM 1.106.2. Answers come in the shape of the OpenAI protocol, whatever the provider;
what became of ids is in `litellm_ids`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vidobs.core.calls import Operation
from vidobs.core.tiers import frame
from vidobs.dialects.litellm_ids import unpacked
from vidobs.dialects.values import text

_OPERATIONS = MappingProxyType(
    {
        "video_generation": Operation.CREATE,
        "create_video": Operation.CREATE,
        "video_remix": Operation.REMIX,
        "video_edit": Operation.EDIT,
        "video_extension": Operation.EXTEND,
        "video_status": Operation.RETRIEVE,
        "video_retrieve": Operation.RETRIEVE,
        "video_retrieve_job": Operation.RETRIEVE,
        "video_list": Operation.LIST,
        "video_content": Operation.DOWNLOAD,
    }
)
# LiteLLM puts the parameters into the words of the provider before it tells of them.
_OURS = MappingProxyType(
    {"durationSeconds": "seconds", "generateAudio": "audio", "sampleCount": "n"}  # Veo
)
_UPLOADS = ("input_reference", "image", "promptImage")
_NOT_SENT = frozenset({"video_id", "extra_headers", "extra_query", "extra_body", *_UPLOADS})
_REFERENCE = "input_reference"
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8")
_WEBP = (b"RIFF", b"WEBP")


def operation_of(call_type: object) -> Operation | None:
    """Return what a call does, from LiteLLM's name for it; `None` when it is no job's concern.

    The async functions have names of their own, with an "a" in front.
    """
    name = call_type if isinstance(call_type, str) else ""
    return _OPERATIONS.get(name) or _OPERATIONS.get(name.removeprefix("a"))


def fields_of(
    params: Mapping[str, object], *, model: object, prompt: object
) -> tuple[dict[str, object], dict[str, object]]:
    """Return the fields and the uploads of a create as the OpenAI protocol has them.

    `params` are LiteLLM's `optional_params`.
    """
    sent = {name: value for name, value in params.items() if name not in _NOT_SENT}
    known = {"model": model, "prompt": prompt, "size": sent.get("size") or _pair(sent.get("ratio"))}
    fields = {_OURS.get(name, name): value for name, value in sent.items()}
    fields |= {name: value for name, value in known.items() if value}
    source = params.get("video_id")
    if isinstance(source, str):
        fields["video"] = {"id": unpacked(source).raw}
    given = next((params[name] for name in _UPLOADS if params.get(name) is not None), None)
    if isinstance(given, str | Mapping):
        fields[_REFERENCE] = given
        return fields, {}
    return fields, {} if given is None else {_REFERENCE: given}


def is_picture(content: bytes) -> bool:
    """Tell whether a download is a thumbnail or a sprite sheet; loggers are not told."""
    return content.startswith(_PICTURES) or (content[:4], content[8:12]) == _WEBP


def _pair(ratio: object) -> str | None:
    """The size in Runway's "1280:720"; "16:9" is none."""
    given = text(ratio)
    pixels = None if given is None else frame(given)
    return None if pixels is None else f"{pixels[0]}x{pixels[1]}"
