"""Runway over plain httpx: a wrapped client that talks to a server in Runway's shapes."""

import httpx
import pytest
from codec_kit import exchanges
from foreign_kit import Caller, cost_of, fake, port_of, traces

import vidobs
from vidobs.core.calls import Operation

HOST = "https://api.dev.runwayml.com"
HEADERS = {"Authorization": "Bearer key_canary", "X-Runway-Version": "2024-11-06"}
ASKED = {"model": "gen4.5", "promptText": "a cat", "ratio": "128:72", "duration": 2}


@pytest.fixture(scope="module")
def server():
    """A server of the API."""
    with fake("runway") as running:
        yield running


@pytest.fixture
def call(kind, server, seen):
    """A wrapped client."""
    caller = Caller(kind, port_of(server), headers=HEADERS)
    yield caller
    caller.close()


def create(call, prompt="a cat", **fields):
    """Make a task and return its address."""
    made = call("POST", f"{HOST}/v1/text_to_video", json=ASKED | {"promptText": prompt} | fields)
    return f"{HOST}/v1/tasks/{made.json()['id']}"


def test_a_task_is_one_trace_and_one_settled_cost(call, seen, server):
    """Create, polls and download; what it cost is what Runway says, 24 credits."""
    task = call.until_final("GET", create(call))
    data = call.streamed("GET", task["output"][0])

    [job] = seen.jobs
    assert (job.provider, job.dialect, job.model) == ("runwayml", "runway", "gen4.5")
    assert (job.provider_job_id, job.state, job.asset) == (task["id"], "completed", "downloaded")
    assert (str(job.request.seconds), job.request.size, job.file.size_bytes) == (
        "2",
        "128x72",
        len(data),
    )
    assert str(job.cost.quoted_usd) == cost_of(job)[2] == "0.24"
    assert cost_of(job)[:2] == ("settled", "reported")
    assert traces(seen) == {job.trace.trace_id}
    assert seen.events.names[-2:] == ["video.completed", "video.downloaded"]
    assert all("idempotency-key" not in sent.headers for sent in server.requests)


def test_what_a_filter_withholds_is_billed(call, seen):
    """Runway says so, and reports it."""
    call.until_final("GET", create(call, "a [[fault:moderation_output]]"))

    [job] = seen.jobs
    assert (job.state, job.reason, job.error.code) == (
        "failed",
        "moderation_output",
        "SAFETY.OUTPUT.VIDEO",
    )
    assert cost_of(job) == ("settled", "reported", "0.24")


def test_a_task_that_failed_is_given_back(call, seen):
    """Its cost is zero, and that is the provider's word."""
    call.until_final("GET", create(call, "a [[fault:fail]]"))

    [job] = seen.jobs
    assert (job.state, job.reason) == ("failed", "provider_error")
    assert cost_of(job) == ("released", "reported", "0")


def test_a_task_is_stopped(call, seen):
    """Whether that cost something depends on how far it was: possibly."""
    task = create(call, "a [[fault:stuck]]")
    call("GET", task)
    answer = call("DELETE", task)

    [job] = seen.jobs
    assert answer.status_code == 204
    assert (job.state, str(job.cost.possible_usd)) == ("cancelled", "0.24")
    assert cost_of(job) == ("released", "policy_unknown", "0")


def test_a_stopped_task_that_is_charged_is_settled(seen):
    """A client that is told of it later says what remains to be paid."""
    answers = iter(
        [{"id": "t1"}, exchanges("runway", "says")["cancelled"]["answer"] | {"id": "t1"}]
    )
    with httpx.Client(transport=answering(answers)) as plain:
        client = vidobs.wrap(plain)
        client.post(f"{HOST}/v1/text_to_video", json=ASKED)
        client.get(f"{HOST}/v1/tasks/t1")

    [job] = seen.jobs
    assert (job.state, *cost_of(job)) == ("cancelled", "settled", "reported", "0.25")


def answering(answers):
    """A transport that answers with one JSON body after the other."""
    return httpx.MockTransport(lambda _: httpx.Response(200, json=next(answers)))


def test_a_refusal_is_a_failed_job_that_cost_nothing(call, seen):
    """Nothing was made; the response comes back as it is."""
    response = call("POST", f"{HOST}/v1/text_to_video", json={"model": "gen4.5"})

    [job] = seen.jobs
    assert response.status_code == 400
    assert (job.state, job.reason, *cost_of(job)) == (
        "failed",
        "invalid_request",
        "released",
        None,
        "0",
    )


@pytest.mark.parametrize("fault", ["error_after_accept", "cut_after_accept"])
def test_an_ambiguous_create_is_unknown(call, seen, fault):
    """It may have been accepted: possibly spent, and never sent again by us."""
    failure = None
    try:
        create(call, f"a [[fault:{fault}]]")
    except (httpx.RemoteProtocolError, KeyError) as error:
        failure = error

    [job] = seen.jobs
    assert failure is not None
    assert (job.state, str(job.cost.possible_usd)) == ("unknown", "0.24")


def test_a_poll_that_breaks_says_nothing_of_the_job(call, seen):
    """A 404 for another task is only an error of the call; ours goes on."""
    task = create(call)
    call("GET", task, headers={"X-Runway-Version": ""})
    call.until_final("GET", task)

    [job] = seen.jobs
    assert job.state == "completed"
    assert "call.failed" in seen.events.names


def test_other_tasks_leave_no_trace(seen):
    """A picture is a task as well, from its create to its last poll."""
    picture = exchanges("runway", "says")["succeeded-picture"]["answer"]
    running = {**exchanges("runway", "says")["running"]["answer"], "id": "9c0e"}
    answers = iter([{"id": "9c0e"}, running, picture, picture, {}])
    with httpx.Client(transport=answering(answers)) as plain:
        client = vidobs.wrap(plain)
        client.post(f"{HOST}/v1/text_to_image", json={"model": "gen4_image", "promptText": "a"})
        for _ in range(3):
            client.get(f"{HOST}/v1/tasks/9c0e")
        client.delete(f"{HOST}/v1/tasks/9c0e")

    assert not seen.jobs
    assert not seen.events.names


def test_a_video_that_was_made_elsewhere_is_adopted(seen):
    """Once its task shows that it is one, with what it cost."""
    done = exchanges("runway", "says")["succeeded"]["answer"]
    running = exchanges("runway", "says")["running"]["answer"]
    with httpx.Client(transport=answering(iter([running, done, done]))) as plain:
        client = vidobs.wrap(plain)
        for _ in range(3):
            client.get(f"{HOST}/v1/tasks/17f20503")

    [job] = seen.jobs
    assert (job.adopted, job.state, *cost_of(job)) == (
        True,
        "completed",
        "settled",
        "reported",
        "0.6",
    )


def test_a_proxy_of_runway_is_recognised_when_it_is_named(kind, seen, server):
    """At any address, below any path; without the name its requests are nobody's."""
    port = port_of(server)
    for given in ({}, {"dialect": "runway"}):
        caller = Caller(kind, port, headers=HEADERS, **given)
        made = caller("POST", "http://proxy.example/v1/video_to_video", json=ASKED)
        caller.close()

    [job] = seen.jobs
    assert (job.operation, job.provider_job_id) == (Operation.EDIT, made.json()["id"])
    assert job.server_address == "proxy.example"


def test_a_limit_refuses_before_anything_is_sent(kind, seen, server):
    """As for every other client."""
    before = len(server.requests)
    port = port_of(server)
    call = Caller(kind, port, headers=HEADERS, max_spend_usd="0.01")
    with pytest.raises(vidobs.SpendLimitError):
        create(call)
    call.close()

    assert len(server.requests) == before


def test_the_capture_policy_rules_here_too(server):
    """A prompt is kept where that was asked for, scrubbed."""
    with vidobs.testing.isolated(capture="full") as seen:
        call = Caller("sync", port_of(server), headers=HEADERS)
        create(call, "a cat and sk-secret0123456789")
        call.close()
        [job] = seen.jobs

    assert job.prompt == "a cat and [secret]"
