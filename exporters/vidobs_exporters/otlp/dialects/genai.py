"""The attributes as they are in process: the GenAI conventions, and `vidobs.*`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidobs import Job, SpanRecord
    from vidobs_exporters.otlp.values import Values


def genai(attributes: Values, span: SpanRecord, job: Job) -> Values:  # noqa: ARG001 - as others
    """Return the attributes themselves."""
    return attributes
