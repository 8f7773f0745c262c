"""What the servers of Google's APIs share: keys, files, and errors as `google.rpc.Status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.foreign.making import root_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from vidobs.sandbox.jobs import StoredJob

_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def told(error: ApiError) -> Response:
    """Word an error, with the number and its word."""
    message = error.message
    if error.code and "moderation" in error.code:
        message = "The prompt could not be submitted: it violates our usage guidelines."
    status = {
        "code": error.status,
        "message": message,
        "status": _WORDS.get(error.status, "UNKNOWN"),
    }
    return JSONResponse({"error": status}, status_code=error.status, headers=error.headers)


def require_key(request: Request) -> None:
    """Raise the 403 without a key, in whichever of the three places."""
    given = request.headers.get("x-goog-api-key") or request.query_params.get("key")
    if not given and not request.headers.get("authorization"):
        raise ApiError(403, "Method doesn't allow unregistered callers.")


def file_url(request: Request, job: StoredJob) -> str:
    """Return where the file of a job is: without a key, and below the version that Google names."""
    return f"{root_of(request)}v1beta/files/{job.id}:download?alt=media"
