"""What an exception means for a create: refused, never sent, or nobody knows."""

import importlib

import openai
import pytest
from openai._base_client import BaseClient

from vidobs.core.jobs import AssetState, JobState, Reason
from vidobs.sdk import _openai_errors as errors
from vidobs.sdk._openai_errors import Private

transport = importlib.import_module("httpx2" if openai.__version__.startswith("3.") else "httpx")
REQUEST = transport.Request("POST", "https://api.example/v1/videos")
BLOCKED = {"error": {"code": "moderation_blocked"}}
NOBODY_KNOWS = (JobState.UNKNOWN, None)


def status_error(status, body=None, **headers):
    """Return the SDK's exception for an HTTP status."""
    response = transport.Response(status, json=body or {}, headers=headers, request=REQUEST)
    maker = openai.OpenAI(api_key="k")
    return BaseClient._make_status_error_from_response(maker, response)


def connection_error(kind, text="", *, timeout=False):
    """Return the SDK's exception for one of the transport."""
    cause = getattr(transport, kind)(text)
    if timeout:
        error = openai.APITimeoutError(request=REQUEST)
    else:
        error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = cause
    return error


def outcome(error, private=None, **kwargs):
    """Return state and reason of the job that a create should have made."""
    options = {"refused": None, "sole": True, **kwargs}
    failure = errors.of_create(error, private or Private(), **options)
    return failure.snapshot.state, failure.snapshot.reason


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (400, None, {}, (JobState.FAILED, Reason.INVALID_REQUEST)),
        (400, BLOCKED, {}, (JobState.FAILED, Reason.MODERATION_INPUT)),
        (401, None, {}, (JobState.FAILED, Reason.AUTH)),
        (403, None, {}, (JobState.FAILED, Reason.AUTH)),
        (404, None, {}, (JobState.FAILED, Reason.INVALID_REQUEST)),
        (408, None, {}, NOBODY_KNOWS),
        (409, None, {}, NOBODY_KNOWS),
        (422, None, {}, (JobState.FAILED, Reason.INVALID_REQUEST)),
        (425, None, {}, NOBODY_KNOWS),
        (429, None, {}, (JobState.FAILED, Reason.RATE_LIMITED)),
        (429, {"error": {"code": "insufficient_quota"}}, {}, (JobState.FAILED, Reason.QUOTA)),
        (500, None, {}, NOBODY_KNOWS),
        (502, None, {}, NOBODY_KNOWS),
        (503, None, {}, NOBODY_KNOWS),
        (503, None, {"retry-after": "1"}, (JobState.FAILED, Reason.PROVIDER_ERROR)),
        (504, None, {}, NOBODY_KNOWS),
        (307, None, {}, NOBODY_KNOWS),
    ],
)  # fmt: skip
def test_statuses(status, body, headers, expected):
    """Only what says that nothing was accepted counts as refused."""
    assert outcome(status_error(status, body, **headers)) == expected


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("ConnectError", False),
        ("ConnectTimeout", False),
        ("PoolTimeout", False),
        ("ProxyError", False),
        ("UnsupportedProtocol", False),
        ("ReadTimeout", True),
        ("WriteTimeout", True),
        ("ReadError", True),
        ("WriteError", True),
        ("RemoteProtocolError", True),
    ],
)
def test_transports(kind, sent):
    """Without a connection nothing was sent; after that nobody knows."""
    error = connection_error(kind, timeout="Timeout" in kind)
    expected = NOBODY_KNOWS if sent else (JobState.FAILED, Reason.NOT_SENT)
    assert outcome(error) == expected
    assert errors.may_send_again(error) is not sent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Illegal header value b'x\\n'", (JobState.FAILED, Reason.NOT_SENT)),
        ("Too little data for declared Content-Length", NOBODY_KNOWS),
    ],
)
def test_a_header_that_is_none(text, expected):
    """It is refused before a byte leaves, unlike a body that ends too early."""
    assert outcome(connection_error("LocalProtocolError", text)) == expected


def raised_in(function_name, error):
    """Raise an error inside of a function with a name of the SDK's, and catch it."""
    space = {"error": error}
    exec(f"def {function_name}():\n    raise error", space)  # noqa: S102 - a frame with a name
    try:
        space[function_name]()
    except BaseException as caught:  # noqa: BLE001 - whatever it is
        return caught


@pytest.mark.parametrize(
    ("where", "error", "sole", "expected"),
    [
        ("_prepare_options", OSError("no token"), True, (JobState.FAILED, Reason.NOT_SENT)),
        ("_build_request", ValueError("closed file"), True, (JobState.FAILED, Reason.NOT_SENT)),
        ("_build_request", ValueError("closed file"), False, NOBODY_KNOWS),
        ("_prepare_request", KeyboardInterrupt(), True, NOBODY_KNOWS),
        ("_send_request", OSError("a hook"), True, NOBODY_KNOWS),
        ("_process_response", ValueError("no JSON"), True, NOBODY_KNOWS),
        ("request", TimeoutError("an alarm"), True, NOBODY_KNOWS),
    ],
)
def test_other_exceptions(where, error, sole, expected):
    """Only an exception while the request was being made proves that it never left.

    Not even that does where the SDK may have sent it once before, and an interrupt proves nothing.
    """
    assert outcome(raised_in(where, error), sole=sole) == expected


def test_a_closed_client_sends_nothing():
    """The transport refuses before it begins."""
    client = transport.Client()
    client.close()
    with pytest.raises(RuntimeError) as caught:
        client.send(REQUEST)
    assert outcome(caught.value) == (JobState.FAILED, Reason.NOT_SENT)


def test_interrupted_between_two_attempts():
    """What counts is why the attempt before was refused."""
    interrupted = KeyboardInterrupt()
    refused = status_error(429)
    assert outcome(interrupted, refused=refused) == (JobState.FAILED, Reason.RATE_LIMITED)


def test_an_answer_the_sdk_could_not_read():
    """It says 200 and there is a job in it: it was accepted."""
    answer = {"id": "video_1", "status": "queued"}
    response = transport.Response(200, json=answer, request=REQUEST)
    error = openai.APIResponseValidationError(response=response, body=None)
    assert outcome(error) == (JobState.QUEUED, None)


def test_texts_are_cleaned():
    """Neither prompt nor key are in what is kept, in the detail or in the job's error."""
    said = "key gateway/abc/123 may not make 'a heron lands on the canal'"
    error = status_error(400, {"error": {"message": said, "code": "no"}})
    private = Private(prompt="a heron lands on the canal", key="gateway/abc/123")
    failure = errors.of_create(error, private, refused=None, sole=True)
    assert failure.error_type == "no"
    for text in (failure.detail, failure.snapshot.error.message):
        assert "heron" not in text
        assert "gateway/abc" not in text
        assert "[prompt]" in text


def test_a_placeholder_is_no_key():
    """A key such as `k` is part of many words."""
    assert Private(key="k").without_key("a kitten") == "a kitten"


def test_a_failed_job_in_an_error_is_no_failed_poll():
    """vLLM-Omni answers a poll of a failed job with an HTTP error."""
    job = {"id": "video_1", "status": "failed", "error": {"code": 500, "message": "out of memory"}}
    failure = errors.of_poll(status_error(500, job), Private())
    assert failure.snapshot.state is JobState.FAILED
    assert errors.of_poll(status_error(500), Private()).snapshot is None


@pytest.mark.parametrize(
    ("error", "overdue", "asset"),
    [
        (status_error(404, {"error": {"code": "video_expired"}}), False, AssetState.EXPIRED),
        (status_error(404), True, AssetState.EXPIRED),
        (status_error(404), False, None),
        (status_error(500, {"id": "v", "status": "failed"}), True, None),
        (connection_error("ReadError"), True, None),
    ],
)
def test_a_download_that_raises(*, error, overdue, asset):
    """It may say that the file is gone; never that the job failed."""
    failure = errors.of_download(error, Private(), overdue=overdue)
    said = failure.snapshot
    assert (said and said.asset) is asset
    assert said is None or said.state is None
    assert failure.error_type
