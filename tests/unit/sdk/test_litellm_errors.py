"""What LiteLLM's exceptions mean, by what stands in the chain behind them."""

import httpx
import pytest

from vidobs.core.jobs import AssetState, JobState, Reason
from vidobs.sdk import _litellm_errors as errors
from vidobs.sdk._openai_errors import Private

REQUEST = httpx.Request("POST", "https://api.example/v1/videos")
UNKNOWN = (JobState.UNKNOWN, None)
NOT_SENT = (JobState.FAILED, Reason.NOT_SENT)


class MadeUpError(Exception):
    """As LiteLLM's exceptions are: a message, a status, and an answer that is empty."""

    def __init__(self, status, message=""):
        super().__init__(message)
        self.message = message
        self.status_code = status
        self.response = httpx.Response(status, request=REQUEST)


def chained(error, *behind):
    """Return an exception as it is when each of the others was the reason for the next."""
    for inner, outer in zip((*behind, None), (error, *behind), strict=False):
        outer.__context__ = inner
    return error


def answer(status, body=None, **headers):
    """Return httpx's exception for an HTTP error."""
    response = httpx.Response(status, json=body or {"error": {}}, headers=headers, request=REQUEST)
    return httpx.HTTPStatusError("as httpx says it", request=REQUEST, response=response)


def outcome(error):
    """Return state and reason of the job that a create should have made."""
    snapshot = errors.of_create(error, Private()).snapshot
    return snapshot.state, snapshot.reason


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (chained(MadeUpError(400), answer(400)), (JobState.FAILED, Reason.INVALID_REQUEST)),
        (
            chained(MadeUpError(400), answer(400, {"error": {"code": "moderation_blocked"}})),
            (JobState.FAILED, Reason.MODERATION_INPUT),
        ),
        # LiteLLM takes a message that speaks of 429 for one.
        (chained(MadeUpError(429), answer(400)), (JobState.FAILED, Reason.INVALID_REQUEST)),
        (chained(MadeUpError(429), answer(429)), (JobState.FAILED, Reason.RATE_LIMITED)),
        (chained(MadeUpError(500), answer(500)), UNKNOWN),
        (
            chained(MadeUpError(503), answer(503, **{"Retry-After": "1"})),
            (JobState.FAILED, Reason.PROVIDER_ERROR),
        ),
        (chained(MadeUpError(500), httpx.ConnectError("refused")), NOT_SENT),
        (chained(MadeUpError(408), httpx.ConnectTimeout("slow")), NOT_SENT),
        (chained(MadeUpError(408), httpx.ReadTimeout("slow")), UNKNOWN),
        (chained(MadeUpError(500), httpx.RemoteProtocolError("cut")), UNKNOWN),
        # Sent, cut, and tried again on a connection that could not be had.
        (
            chained(
                MadeUpError(500), httpx.ConnectError("refused"), httpx.RemoteProtocolError("cut")
            ),
            UNKNOWN,
        ),
        (MadeUpError(400, "no such size"), (JobState.FAILED, Reason.INVALID_REQUEST)),
        (MadeUpError(401, "no key"), (JobState.FAILED, Reason.AUTH)),
        (MadeUpError(408), UNKNOWN),
        (MadeUpError(500), UNKNOWN),
        (ValueError("?"), UNKNOWN),
    ],
    ids=lambda value: getattr(value, "status_code", None) and f"as {value.status_code}",
)
def test_a_create_that_raised(error, expected):
    """What the provider said counts, or that nobody was reached; a made-up 500 says nothing."""
    assert outcome(error) == expected


def test_a_chain_that_bites_its_tail():
    """Is walked once."""
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert outcome(first) == UNKNOWN


def test_texts_have_neither_key_nor_prompt():
    """A provider that quotes the request quotes it for nobody else."""
    private = Private("a heron at dawn", "gateway/key/7f3a")
    body = {"error": {"message": "key gateway/key/7f3a: no 'a heron at dawn'", "code": "bad"}}
    error = chained(MadeUpError(400, f"OpenAIException - {body}"), answer(400, body))
    failure = errors.of_create(error, private)
    for text in (failure.detail, failure.snapshot.error.message):
        assert "7f3a" not in text
        assert "heron" not in text
    assert failure.error_type == "MadeUpError"


def test_a_poll_that_raised():
    """Says nothing of the job, unless the answer is the failed job."""
    assert errors.of_poll(chained(MadeUpError(404), answer(404)), Private()).snapshot is None
    job = {"id": "video_1", "status": "failed", "error": {"code": "oops"}}
    seen = errors.of_poll(chained(MadeUpError(400), answer(400, job)), Private()).snapshot
    assert (seen.provider_job_id, seen.state) == ("video_1", JobState.FAILED)


def test_a_download_that_raised():
    """A file is gone when the provider says so, or when it said before that it would be."""
    gone = chained(MadeUpError(410), answer(410))
    missing = chained(MadeUpError(404), answer(404))
    assert errors.of_download(gone, Private(), overdue=False).snapshot.asset is AssetState.EXPIRED
    assert errors.of_download(missing, Private(), overdue=True).snapshot.asset is AssetState.EXPIRED
    assert errors.of_download(missing, Private(), overdue=False).snapshot is None
