"""A job's spans, put into a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core.events import SpanRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NS = 1e9  # nanoseconds in a second


class Placed(msgspec.Struct, frozen=True):
    """A span with its depth in the tree and its start, in seconds after the first span."""

    span: SpanRecord
    depth: int
    offset_s: float


def placed(spans: Sequence[SpanRecord]) -> list[Placed]:
    """Order spans as a tree, parents first. One whose parent is not among them is a root."""
    known = {span.span_id for span in spans}
    start = min((span.start_ns for span in spans), default=0)
    children: dict[str | None, list[SpanRecord]] = {}
    for span in spans:
        parent = span.parent_id if span.parent_id in known else None
        children.setdefault(parent, []).append(span)
    found = list(_walk(children, None, 0, start))
    # A circle of parents hangs on no root; its spans are shown all the same.
    seen = {place.span.span_id for place in found}
    return found + [_place(span, 0, start) for span in spans if span.span_id not in seen]


def _walk(
    children: dict[str | None, list[SpanRecord]], parent: str | None, depth: int, start_ns: int
) -> Iterator[Placed]:
    for span in children.get(parent, ()):
        yield _place(span, depth, start_ns)
        yield from _walk(children, span.span_id, depth + 1, start_ns)


def _place(span: SpanRecord, depth: int, start_ns: int) -> Placed:
    return Placed(span, depth, (span.start_ns - start_ns) / NS)
