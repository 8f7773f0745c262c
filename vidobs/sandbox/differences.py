"""What the server of a dialect does otherwise than OpenAI's, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.dialects.rows import Bodies, Errors, Facts, Manner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vidobs.dialects.rows import Variant

_NONE = "nothing"
_USUAL = Manner()
_DIGITS = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
_SHOWN_CHARS = 20  # of an id
_ENVELOPES = {
    Errors.AZURE: "a filter's block has `innererror`",
    Errors.NUMBERED: "errors have the HTTP status as their code",
    Errors.DETAIL: 'errors are `{"detail": ...}`',
    Errors.BARE: "errors are `{code, message, data}`",
}
_SHOWN = Facts(id="ID", model="m", seconds=4, status="completed", base_url="", first=True)


def differences(variant: Variant) -> list[str]:
    """Return what differs, a few words each."""
    return list(_requests(variant)) + list(_answers(variant.manner)) or [_NONE]


def _requests(variant: Variant) -> Iterator[str]:
    manner = variant.manner
    if variant.keyless:
        yield "takes requests without a key"
    if variant.bodies is Bodies.FORM:
        yield "takes forms only"
    if variant.lacks:
        yield "has no " + ", ".join(sorted(operation.value for operation in variant.lacks))
    if manner.sync:
        yield "has `POST /videos/sync`, which answers with the file"
    if not manner.honours_keys:
        yield "knows no `Idempotency-Key`"


def _answers(manner: Manner) -> Iterator[str]:
    yield from _of_videos(manner)
    if manner.created_status != _USUAL.created_status:
        yield f"a create is answered with {manner.created_status}"
    headers = manner.created_headers(_SHOWN)
    if headers:
        yield "a create has the header " + ", ".join(f"`{name}`" for name in headers)
    if manner.failed_status("") != _USUAL.failed_status(""):
        yield "the status of a failed job comes with 400 or 500"
    if manner.failed_content_status != _USUAL.failed_content_status:
        yield f"its file is refused with {manner.failed_content_status}"
    if manner.missing_status != _USUAL.missing_status:
        yield f"a missing field is a {manner.missing_status}"
    if manner.deleted_word is not None:
        yield f"a deletion returns the video as `{manner.deleted_word}`"
    if manner.errors in _ENVELOPES:
        yield _ENVELOPES[manner.errors]


def _of_videos(manner: Manner) -> Iterator[str]:
    told = manner.told_id(manner.new_id(_DIGITS), _SHOWN.model)
    if told != _USUAL.new_id(_DIGITS):
        yield f"ids are like `{told[:_SHOWN_CHARS]}...`"
    for usual, word in manner.words.items():
        yield f"`{usual}` is `{word}`"
    if manner.only:
        yield "a video has only " + ", ".join(f"`{name}`" for name in sorted(manner.only))
    more = manner.more(_SHOWN)
    if more:
        yield "and more: " + ", ".join(f"`{name}`" for name in more)
