"""Read answers about long-running operations: Veo on the Gemini API and on Vertex AI.

An operation is done or it is not; done with an error it failed, and done without a video a filter
withheld what was made. https://ai.google.dev/gemini-api/docs/video
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import JobError, JobSnapshot, JobState, Reason, Usage
from vidobs.dialects import gemini_errors as errors
from vidobs.dialects.codec import LONGEST_ID, decoded, items, mapping
from vidobs.dialects.failures import error_of
from vidobs.dialects.values import per_cent, text

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_RESPONSE = msgspec.Raw()
_FILTERED = "raiMediaFiltered"
_NOT_CHARGED = re.compile(r"\bnot be(?:en)? charged", re.IGNORECASE)  # Veo says so where it is so
_FREE = Usage(reported_usd=Decimal(0))
_MODELS = "models/"
_LONGEST_URL = 4096


class _File(msgspec.Struct):
    """A video; its bytes are never looked at."""

    uri: object = None


class _Sample(msgspec.Struct):
    video: _File | None = None


class _Made(msgspec.Struct, kw_only=True):
    """What was made: `generatedSamples` on the Gemini API, `videos` on Vertex AI."""

    samples: list[_Sample] | None = msgspec.field(name="generatedSamples", default=None)
    videos: list[_File] | None = None
    filtered: object = msgspec.field(name="raiMediaFilteredCount", default=None)
    reasons: object = msgspec.field(name="raiMediaFilteredReasons", default=None)

    @property
    def count(self) -> int:
        """How many videos there are."""
        return len(self.samples or ()) + len(self.videos or ())

    @property
    def tells(self) -> bool:
        """Whether it says anything of videos."""
        said = (self.samples, self.videos, self.filtered, self.reasons)
        return any(each is not None for each in said)


class _Response(_Made, kw_only=True):
    inner: _Made | None = msgspec.field(name="generateVideoResponse", default=None)

    @property
    def made(self) -> _Made:
        """What was made, wherever it stands."""
        return self if self.inner is None else self.inner


class _Operation(msgspec.Struct):
    name: object = None
    done: object = None
    error: object = None
    metadata: object = None
    response: msgspec.Raw = _NO_RESPONSE


class _Key(msgspec.Struct):
    done: object = None
    metadata: object = None


def created(body: bytes, prompt: str | None) -> JobSnapshot | None:
    """Return what the answer to a create says: mostly a name and no more."""
    seen = polled(body, prompt)
    if seen is None or seen.state is not JobState.IN_PROGRESS:
        return seen
    return msgspec.structs.replace(seen, state=JobState.QUEUED)  # nobody says that it began


def polled(body: bytes, prompt: str | None) -> JobSnapshot | None:
    """Return what a poll says of a job; `None` when the answer is no operation."""
    operation = decoded(_Operation, body)
    name = None if operation is None else text(operation.name, LONGEST_ID)
    if operation is None or name is None:
        return None
    seen = JobSnapshot(
        provider_job_id=name,
        state=JobState.IN_PROGRESS,
        progress=_progress(operation.metadata),
        model=model_in(name),
    )
    return _ended(seen, operation, prompt) if operation.done is True else seen


def status_key(body: bytes) -> tuple[str, int | None]:
    """Return whether an operation is done, and its progress."""
    key = decoded(_Key, body)
    if key is None:
        return "", None
    return "done" if key.done is True else "running", _progress(key.metadata)


def is_video(body: bytes) -> bool:
    """Tell whether an operation makes a video: its name says Veo, or its result has one."""
    operation = decoded(_Operation, body)
    if operation is None:
        return False
    if "veo" in (text(operation.name, LONGEST_ID) or ""):
        return True
    made = _made(operation)
    return made is not None and made.tells


def files(body: bytes) -> tuple[str, ...]:
    """Return the addresses of the finished videos."""
    operation = decoded(_Operation, body)
    made = None if operation is None else _made(operation)
    if made is None:
        return ()
    found = [text(file.uri, _LONGEST_URL) for file in _files(made)]
    return tuple(uri for uri in found if uri is not None)


def model_in(name: str) -> str | None:
    """Return the model in the name of an operation or a resource.

    >>> model_in("models/veo-3.1-generate-001/operations/abc"), model_in("operations/abc")
    ('veo-3.1-generate-001', None)
    """
    _, found, rest = name.rpartition(_MODELS)
    return rest.partition("/")[0].partition(":")[0] or None if found else None


def _ended(seen: JobSnapshot, operation: _Operation, prompt: str | None) -> JobSnapshot:
    if operation.error:
        error = errors.told(operation.error, prompt)
        if error is not None and error.code == errors.CANCELLED:
            return msgspec.structs.replace(seen, state=JobState.CANCELLED, error=error)
        return _failed(seen, error, errors.reason(error))
    made = _made(operation)
    if made is None or made.count:
        return msgspec.structs.replace(seen, state=JobState.COMPLETED)
    said = "; ".join(each for each in items(made.reasons) if isinstance(each, str))
    withheld = error_of({"code": _FILTERED, "message": said or None}, prompt)
    seen = _failed(seen, withheld, Reason.MODERATION_OUTPUT)
    return msgspec.structs.replace(seen, usage=_FREE) if _NOT_CHARGED.search(said) else seen


def _failed(seen: JobSnapshot, error: JobError | None, reason: Reason) -> JobSnapshot:
    return msgspec.structs.replace(seen, state=JobState.FAILED, error=error, reason=reason)


def _made(operation: _Operation) -> _Made | None:
    """What was made; `None` where the answer does not say."""
    if not bytes(operation.response):
        return None
    response = decoded(_Response, operation.response)
    return None if response is None else response.made


def _files(made: _Made) -> Iterator[_File]:
    yield from (each.video for each in made.samples or () if each.video is not None)
    yield from made.videos or ()


def _progress(metadata: object) -> int | None:
    return per_cent(mapping(metadata).get("progressPercent"))
