"""A job's addresses in the user's other tools, from the templates in the settings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vidobs.core.jobs import Job

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOW_DIGITS = 16  # of a trace id: its lower 64 bits
_TITLES = {
    "datadog": "Datadog",
    "langsmith": "LangSmith",
    "langfuse": "Langfuse",
    "grafana": "Grafana",
    "jaeger": "Jaeger",
}


class Link(msgspec.Struct, frozen=True):
    """Where another tool shows a job."""

    name: str
    href: str


def links_of(job: Job, templates: Mapping[str, str], now: datetime) -> Iterator[Link]:
    """Yield the links of a job by name, without those that have a place nothing is known for."""
    values = _values(job, now)
    for name, template in sorted(templates.items()):
        href = template
        for place, value in values.items():
            if value is not None:
                href = href.replace(f"{{{place}}}", quote(value, safe=""))
        if "{" not in href:
            yield Link(_TITLES.get(name.lower(), name), href)


def _values(job: Job, now: datetime) -> dict[str, str | None]:
    trace_id = job.trace.trace_id
    return {
        "trace_id": trace_id,
        "trace_id_decimal": _decimal(trace_id),
        "span_id": job.trace.span_id,
        "job_id": job.job_id,
        "job_uuid": _uuid(job.job_id),
        "video_id": job.provider_job_id,
        "start_ms": _ms(job.created_at),
        "end_ms": _ms(job.finished_at or now),
    }


def _decimal(trace_id: str) -> str | None:
    try:
        return str(int(trace_id[-_LOW_DIGITS:], 16))
    except ValueError:
        return None


def _uuid(job_id: str) -> str | None:
    try:
        return str(UUID(hex=job_id.removeprefix("job_")))
    except ValueError:
        return None


def _ms(moment: datetime) -> str:
    return str(int((moment - _EPOCH).total_seconds() * 1000))
