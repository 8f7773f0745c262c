"""An answer of the API that is an error, in OpenAI's envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

INVALID_REQUEST = "invalid_request_error"


class ApiError(Exception):
    """An HTTP error with OpenAI's body: `{"error": {message, type, param, code}}`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = INVALID_REQUEST,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.kind = kind
        self.headers = dict(headers or {})

    def envelope(self) -> dict[str, dict[str, str | None]]:
        """Return the body of the answer."""
        error = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}


def invalid(param: str, message: str, *, code: str = "invalid_value") -> ApiError:
    """Return the 400 for one wrong parameter."""
    return ApiError(400, message, param=param, code=code)


def missing(param: str) -> ApiError:
    """Return the 400 for a required parameter that was not sent."""
    message = f"Missing required parameter: '{param}'."
    return invalid(param, message, code="missing_required_parameter")


def no_such_video(video_id: str) -> ApiError:
    """Return the 404 for an id that was never given out, was deleted or has been forgotten."""
    return ApiError(404, f"Video with id '{video_id}' not found.", param="video_id")
