"""Files that are not sent but pointed at: they are under another name of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, RedirectResponse

from vidobs.sandbox.assets import Variant
from vidobs.sandbox.content import file_answer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from vidobs.sandbox.backend import Backend
    from vidobs.sandbox.jobs import StoredJob

STORED = "/stored/{job_id}"
_NAMES = ("127.0.0.1", "localhost")


def send_on(backend: Backend, request: Request, job: StoredJob) -> Response:
    """Answer with another address: by a redirect, or by an error that names it."""
    here = request.url
    name = _NAMES[here.hostname == _NAMES[0]]
    place = f"{here.scheme}://{name}:{here.port}{STORED.format(job_id=job.id)}?signature=0f1e"
    status = backend.settings.dialect.pointer_status
    if status is None:
        return RedirectResponse(place, status_code=302)
    said = f"Video has been uploaded to cloud storage. Please use the cloud URL: {place}"
    return JSONResponse({"detail": said}, status_code=status)


async def stored_elsewhere(backend: Backend, request: Request) -> Response:
    """Send a file as storage does: without a key, to whoever knows the address."""
    job = backend.store.get(request.path_params["job_id"])
    asset = await backend.renders.asset(job, Variant.VIDEO)
    return file_answer(asset, video_id=job.id, headers=request.headers)
