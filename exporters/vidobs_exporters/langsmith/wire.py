"""Operations as bytes: multipart, and the older JSON that has no place for attachments. Pure.

https://docs.langchain.com/langsmith/smith-api/runs/ingest-runs-multipart
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vidobs_exporters.langsmith.run import Verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vidobs_exporters.langsmith.run import Operation, Run

MULTIPART = "/runs/multipart"
BATCH = "/runs/batch"
JSON = "application/json"

_encode = msgspec.json.Encoder(decimal_format="number").encode  # amounts as exact numbers
_APART = ("inputs", "outputs", "events", "extra", "error")


class Body(NamedTuple):
    """What is sent: where to, as what, and the bytes."""

    path: str
    content_type: str
    content: bytes


def multipart(operations: Sequence[Operation]) -> Body:
    """Encode operations as parts; equal operations give equal bytes.

    Every part tells its length, which LangSmith insists on.
    """
    parts = [part for operation in operations for part in _parts(operation)]
    boundary = "vidobs-" + sha256(b"".join(part for _, _, part in parts)).hexdigest()[:32]
    lines = [
        b"--%b\r\n"
        b'Content-Disposition: form-data; name="%b"\r\n'
        b"Content-Type: %b\r\n"
        b"Content-Length: %d\r\n\r\n"
        b"%b\r\n" % (boundary.encode(), name.encode(), content_type.encode(), len(content), content)
        for name, content_type, content in parts
    ]
    whole = b"".join([*lines, b"--%b--\r\n" % boundary.encode()])
    return Body(MULTIPART, f"multipart/form-data; boundary={boundary}", whole)


def batch(operations: Sequence[Operation]) -> Body:
    """Encode operations as one JSON object; attachments are left out."""
    by_verb = {
        verb.value: [_whole(operation.run) for operation in operations if operation.verb is verb]
        for verb in Verb
    }
    return Body(BATCH, JSON, _encode(by_verb))


def size_bytes(operation: Operation) -> int:
    """Return about how large an operation is on the wire."""
    return sum(len(name) + len(content) + 200 for name, _, content in _parts(operation))


def _parts(operation: Operation) -> Iterator[tuple[str, str, bytes]]:
    run = operation.run
    stem = f"{operation.verb.value}.{run.core.id}"
    yield stem, JSON, _encode(run.core)
    for name, value in _apart(run):
        yield f"{stem}.{name}", JSON, _encode(value)
    for attached in run.attachments:
        yield f"attachment.{run.core.id}.{attached.name}", attached.content_type, attached.content


def _whole(run: Run) -> msgspec.Raw:
    """Return a run as one JSON object: its core, and behind it the fields that stand apart."""
    apart = b"".join(b',"%b":%b' % (name.encode(), _encode(value)) for name, value in _apart(run))
    return msgspec.Raw(_encode(run.core)[:-1] + apart + b"}")


def _apart(run: Run) -> Iterator[tuple[str, object]]:
    for name in _APART:
        value = getattr(run, name)
        if value is not None:
            yield name, value
