"""The headers of one log request: who, which job, and everything to filter by. Pure.

https://docs.helicone.ai/helicone-headers/header-directory
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vidobs import format_usd
from vidobs_exporters._ids import job_uuid

if TYPE_CHECKING:
    from vidobs import Job

PREFIX = "Helicone-Property-"
MOST_TAGS = 32
MOST_CHARS = 256  # of one value

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_NOT_IN_VALUES = re.compile(r"[^\x20-\x7e]")


def headers(job: Job) -> dict[str, str]:
    """Return the headers of a job's result; `Helicone-Request-Id` is the same on every retry."""
    out = {
        "Helicone-Request-Id": str(job_uuid(job)),
        "Helicone-Session-Id": job.trace.trace_id,
        "Helicone-Session-Path": f"/video/{job.operation.value}",
        "Helicone-Session-Name": "video job",
    }
    if job.user:
        out["Helicone-User-Id"] = value(job.user)
    model = job.served_model or job.model
    if model:
        out["Helicone-Model-Override"] = value(model)
    return out | properties(job)


def properties(job: Job) -> dict[str, str]:
    """Return what Helicone filters by: tags, and over them what vidobs knows."""
    given = {name(key): value(job.tags[key]) for key in list(job.tags)[:MOST_TAGS]}
    cost = job.cost
    known = {
        "Provider": job.provider,
        "Operation": job.operation.value,
        "State": job.state.value,
        "Reason": job.reason,
        "Job-Id": job.job_id,
        "Video-Id": job.provider_job_id,
        "Size": job.request.size,
        "Seconds": job.request.seconds,
        "Cost-USD": None if cost.usd is None else format_usd(cost.usd),
        "Cost-Possible-USD": None if cost.possible_usd is None else format_usd(cost.possible_usd),
        "Cost-Status": cost.status.value,
    }
    ours = {key: value(f"{said}") for key, said in known.items() if said is not None}
    taken = {key.lower() for key in ours}  # names of headers have no case
    tags = {key: said for key, said in given.items() if key and key.lower() not in taken}
    return {PREFIX + key: said for key, said in (tags | ours).items() if said}


def name(text: str) -> str:
    """Return a text as it may stand in the name of a header.

    >>> name("cost centre: film")
    'cost-centre-film'
    """
    return _NOT_IN_NAMES.sub("-", text).strip("-")[:MOST_CHARS]


def value(text: str) -> str:
    """Return a text as it may stand in the value of a header: ASCII, the rest as in URLs.

    >>> value("Zürich")
    'Z%C3%BCrich'
    """
    out, chars = [], 0
    for character in text[:MOST_CHARS]:
        piece = _NOT_IN_VALUES.sub(_escaped, character)
        chars += len(piece)
        if chars > MOST_CHARS:
            break
        out.append(piece)
    return "".join(out).strip()


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace"))
