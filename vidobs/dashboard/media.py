"""Videos and their pictures, as far as they are kept on this machine. Answers `Range`."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request

    from vidobs.dashboard.desk import Desk

_ID = re.compile(r"job_[0-9a-f]{32}")
_KEPT_FOR_S = 300


def routes(desk: Desk) -> list[Route]:
    """Return the routes of a job's files."""
    kinds = {
        "video.mp4": (desk.video_of, "video/mp4"),
        "poster.jpg": (desk.picture_of, "image/jpeg"),
    }
    return [
        Route(f"/media/{{job_id}}/{name}", partial(_file, find, media_type), methods=["GET"])
        for name, (find, media_type) in kinds.items()
    ]


async def _file(find: Callable[[str], Path | None], media_type: str, request: Request) -> Response:
    job_id = str(request.path_params["job_id"])
    found = await run_in_threadpool(find, job_id) if _ID.fullmatch(job_id) else None
    if found is None:
        return PlainTextResponse("Nothing is kept of this job here.\n", status_code=404)
    name = f"{job_id}{found.suffix}" if "download" in request.query_params else None
    response = FileResponse(found, media_type=media_type, filename=name)
    response.headers["cache-control"] = f"private, max-age={_KEPT_FOR_S}"
    return response
