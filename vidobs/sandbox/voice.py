"""How the sandbox answers one client: in the dialect that it plays, under the address asked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidobs.dialects.rows import Errors, Facts, Manner
from vidobs.sandbox.jobs import NS

if TYPE_CHECKING:
    from starlette.requests import Request

    from vidobs.sandbox.backend import Backend
    from vidobs.sandbox.errors import ApiError
    from vidobs.sandbox.jobs import StoredJob
    from vidobs.sandbox.records import JsonValue

_MISSING = "missing_required_parameter"
_FILTERED = "moderation"  # in a code
_UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True)
class Voice:
    """What every answer to one request is made with."""

    manner: Manner
    base_url: str  # up to `/videos`

    def facts(self, job: StoredJob, *, now_ns: int, first: bool = False) -> Facts:
        """Return what the dialect's own members and headers are made of."""
        return Facts(
            id=self.told_id(job.id, job.model if first else None),
            model=job.model,
            seconds=job.seconds,
            status=str(job.state(now_ns).status),
            ended_at=_ended_at(job, now_ns),
            base_url=self.base_url,
            first=first,
        )

    def told_id(self, its_id: str, model: str | None = None) -> str:
        """Return an id as the dialect tells it; the model is told at the create only."""
        return self.manner.told_id(its_id, model)


def voice_of(backend: Backend, request: Request) -> Voice:
    """Return the voice for the answer to a request."""
    url = request.url
    path = url.path.partition("/videos")[0]
    return Voice(backend.manner, f"{url.scheme}://{url.netloc}{path}")


def asked_for(backend: Backend, request: Request) -> str:
    """Return the sandbox's own id of the video in a path."""
    return backend.manner.own_id(request.path_params["video_id"])


def _ended_at(job: StoredJob, now_ns: int) -> int | None:
    end = job.course.end(job.created_ns)
    return None if end is None or end[0] > now_ns else end[0] // NS


def told_error(manner: Manner, error: ApiError) -> tuple[int, JsonValue]:
    """Return status and body of an error."""
    missing = error.code == _MISSING
    status = manner.missing_status if missing else error.status
    if manner.errors is Errors.DETAIL:
        listed = missing and status == _UNPROCESSABLE
        return status, {"detail": _complaint(error) if listed else error.message}
    if manner.errors is Errors.BARE:
        return status, {"code": error.code or error.kind, "message": error.message, "data": None}
    inner: dict[str, JsonValue] = {**error.envelope()["error"]}
    if manner.errors is Errors.NUMBERED:
        inner["code"] = str(status)
    elif manner.errors is Errors.AZURE and _FILTERED in (error.code or ""):
        inner |= {"code": "content_filter", "innererror": _innererror()}
    return status, {"error": inner}


def _complaint(error: ApiError) -> JsonValue:
    """FastAPI's words for a field of a form that is not there."""
    place: list[JsonValue] = ["body", error.param]
    return [{"type": "missing", "loc": place, "msg": "Field required", "input": None}]


def _innererror() -> JsonValue:
    result: JsonValue = {"violence": {"filtered": True, "severity": "high"}}
    return {"code": "ResponsibleAIPolicyViolation", "content_filter_result": result}
