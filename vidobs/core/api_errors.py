"""What our own client raises when a video API refuses, breaks or cannot be reached.

The names are LiteLLM's, the tree is ours: none of these is a class of the openai SDK::

    VidobsError
    └── APIError                       base, and statuses that have no class of their own
        ├── BadRequestError            400: the request makes no sense to the server
        │   ├── UnprocessableEntityError  422: it does, but its values do not
        │   ├── ContentPolicyViolationError  a filter stopped the prompt or the video
        │   └── BudgetExceededError    a budget, the server's or ours, does not allow it
        ├── AuthenticationError        401: no key, or a wrong one
        ├── PermissionDeniedError      403: the key may not do this
        ├── NotFoundError              404, 410: there is no such video, or no longer
        ├── ConflictError              409: the video is not in the state that this needs
        ├── RateLimitError             429: too many requests, or no credit left
        ├── InternalServerError        500 and above: the server broke
        │   └── ServiceUnavailableError  503, 504: it cannot be had now
        │       └── BadGatewayError  502: what stands before it cannot reach it
        ├── APIConnectionError         there was no answer
        │   └── Timeout                (also TimeoutError) there was none in time
        └── VideoFailedError           the job failed, for a reason that has no class above

A failed job raises the class of its reason, so that a filter's block is a
`ContentPolicyViolationError` whether it came at once or an hour later.
"""

from __future__ import annotations

from types import MappingProxyType

from vidobs.core.errors import VidobsError
from vidobs.core.jobs import Reason


class APIError(VidobsError):
    """A call of a video API failed.

    `status_code` is that of the answer, `None` where there was none; `provider` (also
    `llm_provider`) and `request_id` say whom to ask about it; `code` is the provider's own word.
    `retry_after_s` is the wait it asked for, in seconds, where it did.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        provider: str | None = None,
        model: str | None = None,
        request_id: str | None = None,
        code: str | None = None,
        response: object = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.provider = provider
        self.llm_provider = provider  # LiteLLM's name for it
        self.model = model
        self.request_id = request_id
        self.code = code
        self.response = response
        self.retry_after_s = retry_after_s


class BadRequestError(APIError):
    """400: the request makes no sense to the server."""


class UnprocessableEntityError(BadRequestError):
    """422: a value of the request cannot be used."""


class ContentPolicyViolationError(BadRequestError):
    """A filter stopped the prompt, an input, or the finished video."""


class BudgetExceededError(BadRequestError):
    """A budget does not allow the create; nothing was made."""


class AuthenticationError(APIError):
    """401: there is no key, or a wrong one."""


class PermissionDeniedError(APIError):
    """403: the key may not do this."""


class NotFoundError(APIError):
    """404 or 410: there is no such video, or no longer."""


class ConflictError(APIError):
    """409: the video is not in the state that the call needs."""


class RateLimitError(APIError):
    """429: too many requests, or no credit left."""


class InternalServerError(APIError):
    """500 and above: the server broke."""


class ServiceUnavailableError(InternalServerError):
    """503 or 504: the server cannot be had now."""


class BadGatewayError(ServiceUnavailableError):
    """502: the server behind a gateway cannot be had now."""


class APIConnectionError(APIError):
    """There was no answer; whether the request arrived is not known unless it never left."""


class Timeout(APIConnectionError, TimeoutError):  # noqa: N818 - LiteLLM's name
    """There was no answer in time."""


class VideoFailedError(APIError):
    """The job failed."""


_OF_STATUS = MappingProxyType(
    {
        400: BadRequestError,
        401: AuthenticationError,
        403: PermissionDeniedError,
        404: NotFoundError,
        408: Timeout,
        409: ConflictError,
        410: NotFoundError,
        422: UnprocessableEntityError,
        429: RateLimitError,
        502: BadGatewayError,
        503: ServiceUnavailableError,
        504: ServiceUnavailableError,
    }
)
_OF_REASON = MappingProxyType(
    {
        Reason.MODERATION_INPUT: ContentPolicyViolationError,
        Reason.MODERATION_OUTPUT: ContentPolicyViolationError,
        Reason.INVALID_REQUEST: BadRequestError,
        Reason.AUTH: AuthenticationError,
        Reason.QUOTA: RateLimitError,
        Reason.RATE_LIMITED: RateLimitError,
        Reason.BUDGET: BudgetExceededError,
        Reason.TIMEOUT: Timeout,
        Reason.PROVIDER_ERROR: InternalServerError,
    }
)
_BUDGET_CODE = "budget_exceeded"
_SERVER_ERROR = 500


def class_of_status(status: int, *, code: str | None, reason: Reason) -> type[APIError]:
    """Return the class for an answer; what a filter or a budget says comes before the status."""
    if code == _BUDGET_CODE:
        return BudgetExceededError
    if reason.moderation:
        return ContentPolicyViolationError
    found = _OF_STATUS.get(status)
    if found is not None:
        return found
    return InternalServerError if status >= _SERVER_ERROR else APIError


def class_of_reason(reason: Reason | None) -> type[APIError]:
    """Return the class for a job that failed."""
    return VideoFailedError if reason is None else _OF_REASON.get(reason, VideoFailedError)
