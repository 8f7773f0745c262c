"""One id for a job behind LiteLLM's proxy, which gives it another text in almost every answer."""

from __future__ import annotations

from base64 import b64encode

from vidobs.dialects.litellm_ids import VIDEO, packed, unpacked

_START = "litellm:custom_llm_provider:"
# All packed ids begin so: 27 bytes are whole groups of base64.
_PACKED = f"{VIDEO}_{b64encode(_START.encode()[:27]).decode()}"


def plain_id(video_id: str) -> str:
    """Return the provider's own id, out of one that LiteLLM packed; any other as it is."""
    return unpacked(video_id).raw if video_id.startswith(_PACKED) else video_id


def as_its_source(its_id: str, source_id: str) -> str:
    """Return the id of a video that was made from another, with the provider and model of that one.

    LiteLLM's proxy leaves the model out, and then asks OpenAI itself how the video is doing, by
    whatever key it finds in its environment, whoever made it.
    """
    made, source = unpacked(its_id), unpacked(source_id)
    if made.provider is None or made.model is not None or source.provider is None:
        return its_id
    return packed(source.provider, source.model, made.raw)


def wrapped(provider: str, model: str | None, video_id: str, *, kind: str = VIDEO) -> str:
    """Return an id that says which proxy to ask, around the id that the proxy itself packed."""
    plain = f"{_START}{provider};model_id:{model or ''};{kind}_id:{video_id}"
    return f"{kind}_{b64encode(plain.encode()).decode()}"
