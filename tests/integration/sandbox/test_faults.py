"""The scripted faults, as plain HTTP and as the official SDK meet them."""

import threading

import httpx
import openai
import pytest

from vidobs.testing import Sandbox

KEY = {"authorization": "Bearer sk-test"}
SPOILED = ["error_after_accept", "cut_after_accept", "slow_after_accept"]


@pytest.fixture
def sandbox():
    """Twenty times faster than usual."""
    with Sandbox(time_scale=0.05) as running:
        yield running


@pytest.fixture
def http(sandbox):
    """Plain HTTP with a key."""
    with httpx.Client(base_url=sandbox.base_url, headers=KEY, timeout=20) as client:
        yield client


@pytest.fixture
def sdk(sandbox):
    """The official SDK, without its own retries."""
    with openai.OpenAI(base_url=sandbox.base_url, api_key="sk-test", max_retries=0) as client:
        yield client


@pytest.mark.parametrize(
    ("fault", "code"), [("fail", "server_error"), ("moderation_output", "moderation_blocked")]
)
def test_a_job_that_fails(sdk, sandbox, fault, code):
    """The create is accepted, and the polls end with a failed job that says why."""
    video = sdk.videos.create_and_poll(prompt=f"a cat [[fault:{fault}]]")
    assert (video.status, video.error.code, video.completed_at) == ("failed", code, None)
    assert [(job.fault, str(job.status)) for job in sandbox.jobs] == [(fault, "failed")]


def test_a_prompt_that_is_blocked(sdk, sandbox):
    """Moderation of the input is a 400 at once, and no job."""
    with pytest.raises(openai.BadRequestError) as blocked:
        sdk.videos.create(prompt="a cat [[fault:moderation_input]]")
    assert (blocked.value.code, blocked.value.type) == (
        "moderation_blocked",
        "invalid_request_error",
    )
    assert sandbox.jobs == []


def test_a_rate_limit(http, sandbox):
    """A 429 with every header that clients look at, and no job."""
    limited = http.post("/videos", json={"prompt": "[[fault:rate_limit]]"})
    assert (limited.status_code, limited.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert limited.headers["retry-after"] == "1"
    assert limited.headers["retry-after-ms"] == "10"
    assert limited.headers["x-ratelimit-limit-requests"] == "25"
    assert limited.headers["x-ratelimit-remaining-requests"] == "0"
    assert sandbox.jobs == []


def test_a_rate_limit_that_the_sdk_waits_out(sdk, sandbox):
    """Two limits, then the create: three requests, one job."""
    video = sdk.with_options(max_retries=2).videos.create(prompt="[[fault:rate_limit x2]]")
    assert [request.status for request in sandbox.requests] == [429, 429, 200]
    assert [job.id for job in sandbox.jobs] == [video.id]


def test_an_error_after_the_job_was_accepted(sdk, sandbox):
    """The answer is a 500, yet the job exists and completes."""
    with pytest.raises(openai.InternalServerError):
        sdk.videos.create(prompt="[[fault:error_after_accept]]")
    (job,) = sandbox.jobs
    assert sdk.videos.poll(job.id).status == "completed"


def test_a_connection_cut_after_the_job_was_accepted(http, sandbox):
    """The connection is closed without a byte of an answer, and the next request works."""
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        http.post("/videos", json={"prompt": "[[fault:cut_after_accept]]"})
    assert len(sandbox.jobs) == 1
    assert [(seen.status, seen.answered_after_s) for seen in sandbox.requests] == [(None, None)]
    assert http.get(f"/videos/{sandbox.jobs[0].id}").status_code == 200


def test_an_answer_that_stalls(sdk, sandbox):
    """The client gives up; the request is in the record though it was never answered."""
    with pytest.raises(openai.APITimeoutError):
        sdk.videos.create(prompt="[[fault:slow_after_accept]]", timeout=0.2)
    assert [request.status for request in sandbox.requests] == [None]
    assert len(sandbox.jobs) == 1


def test_a_stalled_answer_comes_in_the_end(http, sandbox):
    """A patient client gets the answer after 30 s times the time scale."""
    answer = http.post("/videos", json={"prompt": "[[fault:slow_after_accept]]"})
    assert (answer.status_code, answer.json()["id"]) == (200, sandbox.jobs[0].id)
    assert answer.elapsed.total_seconds() >= 1.5


def test_a_stalled_answer_does_not_keep_the_server():
    """Stopping the sandbox closes a stalled connection instead of waiting for its 30 s."""
    failures = []

    def create(base_url: str) -> None:
        try:
            httpx.post(f"{base_url}/videos", json={"prompt": "x"}, headers=KEY, timeout=60)
        except httpx.HTTPError as error:
            failures.append(type(error))

    with Sandbox(faults=["slow_after_accept"]) as sandbox:
        client = threading.Thread(target=create, args=(sandbox.base_url,))
        client.start()
        while not sandbox.jobs:
            client.join(0.01)
    client.join(5)
    assert not client.is_alive()
    assert failures == [httpx.RemoteProtocolError]


@pytest.mark.parametrize("fault", SPOILED)
def test_a_retry_with_the_same_key_gets_the_job(sandbox, sdk, fault):
    """The SDK's own retry with one key: two requests, one job, and a replay wins over the fault."""
    retrying = sdk.with_options(max_retries=1, timeout=1)
    key = {"Idempotency-Key": "k1"}
    video = retrying.videos.create(prompt=f"[[fault:{fault}]]", extra_headers=key)
    assert [(job.id, job.replays) for job in sandbox.jobs] == [(video.id, 1)]
    assert [request.idempotency_key for request in sandbox.requests] == ["k1", "k1"]


@pytest.mark.parametrize("fault", SPOILED)
def test_a_retry_without_a_key_pays_twice(sandbox, sdk, fault):
    """The trap that the faults are there to show: the SDK's retry makes a second job."""
    prompt = f"[[fault:{fault} x1]]"
    video = sdk.with_options(max_retries=1, timeout=1).videos.create(prompt=prompt)
    assert [job.id for job in sandbox.jobs][1:] == [video.id]
    assert len(sandbox.jobs) == 2


def test_a_refused_create_does_not_use_up_its_key(http, sandbox):
    """The same key works once the fault is over, for there was no job."""
    body = {"json": {"prompt": "[[fault:rate_limit x1]]"}, "headers": {"idempotency-key": "k1"}}
    assert [http.post("/videos", **body).status_code for _ in range(3)] == [429, 200, 200]
    assert [job.replays for job in sandbox.jobs] == [1]


def test_a_fault_asked_for_by_a_header(http, sandbox):
    """The header works without touching the prompt; an unknown name is refused."""
    headers = {"x-sandbox-fault": "error_after_accept"}
    assert http.post("/videos", json={"prompt": "a"}, headers=headers).status_code == 500
    unknown = http.post("/videos", json={"prompt": "a"}, headers={"x-sandbox-fault": "eror"})
    assert unknown.status_code == 400
    assert "known: cut_after_accept, error_after_accept" in unknown.json()["error"]["message"]
    assert len(sandbox.jobs) == 1


def test_faults_meet_a_remix(sdk, sandbox):
    """A remix has the same ways to fail as a create."""
    source = sdk.videos.create_and_poll(prompt="a cat", size="160x96")
    with pytest.raises(openai.InternalServerError):
        sdk.videos.remix(source.id, prompt="a dog [[fault:error_after_accept]]")
    assert [job.source_id for job in sandbox.jobs] == [None, source.id]


def test_a_share_of_the_creates():
    """`faults=["rate_limit:0.5"]` meets every second create, and nothing else."""
    with Sandbox(faults=["rate_limit:0.5"]) as sandbox:
        url = f"{sandbox.base_url}/videos"
        answers = [httpx.post(url, json={"prompt": "a"}, headers=KEY) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200, 429] * 3
        assert httpx.get(url, headers=KEY).status_code == 200
        assert len(sandbox.jobs) == 3


def test_an_unknown_fault_is_refused_before_the_start():
    """A wrong name is a `ValueError` of the constructor."""
    with pytest.raises(ValueError, match="unknown fault 'fial'"):
        Sandbox(faults=["fial"])
