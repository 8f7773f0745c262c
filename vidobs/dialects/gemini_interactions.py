"""Read answers of the Interactions API: Gemini Omni.

A filter's refusal is an interaction that is completed with a text in the place of the video. What
was made is billed by tokens, which the answer counts. https://ai.google.dev/api/interactions-api
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import JobError, JobSnapshot, JobState, Reason, Usage
from vidobs.core.scrub import scrub
from vidobs.dialects import gemini_errors as errors
from vidobs.dialects.codec import LONGEST_ID, decoded, items, mapping
from vidobs.dialects.states import STATES, reason_of, state_of
from vidobs.dialects.values import moment, text, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

_NONE = msgspec.Raw()
_VIDEO = "video"
_OUTPUT = "model_output"
_NO_VIDEO = JobError(code="no_video", message="completed without a video")
_LONGEST_URL = 4096
_EVENT = b"data:"


class _Content(msgspec.Struct):
    """A piece of what was made; its bytes are never looked at."""

    type: object = None
    uri: object = None


class _Step(msgspec.Struct):
    type: object = None
    content: msgspec.Raw = _NONE
    error: object = None


class _Interaction(msgspec.Struct):
    id: object = None
    status: object = None
    model: object = None
    created: object = None
    updated: object = None
    previous: object = msgspec.field(name="previous_interaction_id", default=None)
    error: object = None
    errors: object = None
    usage: object = None
    steps: msgspec.Raw = _NONE
    outputs: msgspec.Raw = _NONE  # of the preview


class _Steps(msgspec.Struct):
    steps: list[_Step]


class _Pieces(msgspec.Struct):
    content: list[_Content]


class _Key(msgspec.Struct):
    status: object = None


class _Event(msgspec.Struct):
    """One event of a stream."""

    interaction: msgspec.Raw = _NONE
    interaction_id: object = None
    status: object = None


def polled(body: bytes, prompt: str | None) -> JobSnapshot | None:
    """Return what an answer says of a job; `None` when it is no interaction."""
    seen = _interaction(body)
    if seen is None:
        return None
    raw = text(seen.status)
    state = None if raw is None else state_of(raw)
    used = usage(seen.usage)
    error = _error(seen, prompt)
    reason = None
    if state is JobState.COMPLETED and _withheld(seen, used):
        state, reason = JobState.FAILED, Reason.MODERATION_OUTPUT
        error = error or _NO_VIDEO
    elif state is JobState.FAILED:
        reason = errors.reason(error)
        reason = reason_of(None, None, raw) if error is None else reason
    ended = state is not None and state.terminal
    return JobSnapshot(
        provider_job_id=text(seen.id, LONGEST_ID),
        state=state,
        raw_status=raw if raw is None or raw in STATES else scrub(raw, 64),
        model=text(seen.model),
        reason=reason,
        error=error,
        created_at=moment(seen.created),
        finished_at=moment(seen.updated) if ended else None,
        parent_id=text(seen.previous, LONGEST_ID),
        usage=used if ended else None,
    )


def usage(given: object) -> Usage | None:
    """Return the tokens that were counted; `None` when none were.

    Thinking is within the tokens of the output, of which all that is no medium is text.
    """
    counted = mapping(given)
    media = {
        (text(mapping(each).get("modality")) or "").lower(): whole(mapping(each).get("tokens")) or 0
        for each in items(counted.get("output_tokens_by_modality"))
    }
    total = whole(counted.get("total_output_tokens"))
    other = sum(tokens for modality, tokens in media.items() if modality != "text")
    found = Usage(
        video_tokens=media.get(_VIDEO),
        text_tokens_out=max(0, total - other) if total is not None else media.get("text"),
        tokens_in=whole(counted.get("total_input_tokens")),
    )
    return None if found == Usage() else found


def status_key(body: bytes) -> tuple[str, int | None]:
    """Return the status; there is no progress."""
    key = decoded(_Key, body)
    return (text(key.status) or "" if key is not None else ""), None


def is_video(body: bytes) -> bool:
    """Tell whether an interaction makes a video: its model is Omni, or there is a video in it."""
    seen = _interaction(body)
    if seen is None:
        return False
    used = usage(seen.usage)
    counted = used is not None and bool(used.video_tokens)
    return counted or "omni" in (text(seen.model) or "") or bool(_videos(_pieces(seen)))


def files(body: bytes) -> tuple[str, ...]:
    """Return the addresses of the finished videos."""
    seen = _interaction(body)
    if seen is None:
        return ()
    found = [text(piece.uri, _LONGEST_URL) for piece in _videos(_pieces(seen))]
    return tuple(uri for uri in found if uri is not None)


def _interaction(body: bytes) -> _Interaction | None:
    seen = _streamed(body) if body.lstrip()[:1] not in (b"{", b"[", b"") else None
    if seen is None:
        seen = decoded(_Interaction, body)
    known = seen is not None and (seen.id is not None or seen.status is not None)
    return seen if known else None


def _streamed(body: bytes) -> _Interaction | None:
    """The last word of a stream of server-sent events; what is made comes in pieces, unread."""
    last: _Interaction | None = None
    for line in body.splitlines():
        event = decoded(_Event, line[len(_EVENT) :]) if line.startswith(_EVENT) else None
        if event is None:
            continue
        if bytes(event.interaction):
            last = decoded(_Interaction, event.interaction) or last
        elif event.interaction_id is not None:
            last = _Interaction(id=event.interaction_id, status=event.status)
    return last


def _withheld(seen: _Interaction, used: Usage | None) -> bool:
    """Whether what was completed is no video. An answer may leave out its steps."""
    if used is not None and used.video_tokens:
        return False
    pieces = _pieces(seen)
    return pieces is not None and not _videos(pieces)


def _pieces(seen: _Interaction) -> list[_Content] | None:
    """All that was made; `None` where the answer does not say."""
    if bytes(seen.outputs):
        return _content(seen.outputs)
    steps = _steps(seen)
    if steps is None:
        return None
    outputs = [_content(step.content) for step in steps if step.type == _OUTPUT]
    return [piece for found in outputs for piece in found or ()]


def _steps(seen: _Interaction) -> list[_Step] | None:
    found = decoded(_Steps, b'{"steps":%b}' % bytes(seen.steps)) if bytes(seen.steps) else None
    return None if found is None else found.steps


def _content(raw: msgspec.Raw) -> list[_Content] | None:
    found = decoded(_Pieces, b'{"content":%b}' % bytes(raw)) if bytes(raw) else None
    return None if found is None else found.content


def _videos(pieces: list[_Content] | None) -> list[_Content]:
    return [piece for piece in pieces or () if piece.type == _VIDEO]


def _error(seen: _Interaction, prompt: str | None) -> JobError | None:
    """The first error that is told anywhere."""
    told = (errors.told(given, prompt) for given in _errors(seen) if given)
    return next((error for error in told if error is not None), None)


def _errors(seen: _Interaction) -> Iterator[object]:
    yield seen.error
    yield from items(seen.errors)
    yield from (step.error for step in _steps(seen) or ())
