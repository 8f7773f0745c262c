"""`vidobs.webhooks.handle`: a job is closed when its provider says so."""

import logging
from decimal import Decimal

import httpx
import pytest
from asking_kit import a_client

import vidobs
from vidobs import webhooks
from vidobs.core.jobs import JobState, Reason
from vidobs.core.money import CostStatus
from vidobs.testing import Sandbox
from vidobs.webhooks import Outcome

OTHER = "whsec_" + "b3RoZXIg" * 4


def completed(video_id, event="video.completed"):
    """Return a thin event."""
    return {"id": "evt_1", "object": "event", "type": event, "data": {"id": video_id}}


def polls(sandbox):
    """Return how often jobs were asked about."""
    return sum(request.method == "GET" for request in sandbox.requests)


@pytest.mark.parametrize("fault", ["", "[[fault:fail]]", "[[fault:failed_as_5xx]]"])
def test_the_job_is_closed(fault, create, seen, sandbox, tell):
    """By one question to the provider, in the job's trace; the event itself is not believed."""
    video_id = create(f"a cat {fault}")

    handled = tell(completed(video_id))

    (job,) = seen.jobs
    assert (handled.status, handled.outcome, handled.event) == (
        204,
        Outcome.CLOSED,
        "video.completed",
    )
    assert handled.job == job
    state = JobState.FAILED if fault else JobState.COMPLETED
    assert (job.provider_job_id, job.state) == (video_id, state)
    assert polls(sandbox) == 1
    end = seen.events[-1]
    assert [span.name for span in end.spans] == ["fetch_response", "video_job sora-2"]
    assert {span.trace_id for span in end.spans} == {job.trace.trace_id}


def test_the_same_webhook_again(create, seen, sandbox, tell):
    """Senders repeat themselves: the second one changes nothing, and asks nobody."""
    video_id = create()
    first = tell(completed(video_id))
    again = tell(completed(video_id))
    other = tell(completed(video_id), message_id="evt_2")

    assert [one.status for one in (first, again, other)] == [204] * 3
    assert [one.outcome for one in (again, other)] == [Outcome.DUPLICATE, Outcome.CLOSED]
    assert (again.job, other.job) == (first.job, first.job)
    assert polls(sandbox) == 1
    assert seen.events.names == ["video.submitted", "video.completed"]


def test_a_job_that_was_polled_to_its_end(create, seen, sandbox, tell):
    """There is nothing to ask."""
    video_id = create()
    with a_client() as client:
        client.videos.wait(video_id)
    before = polls(sandbox)

    assert tell(completed(video_id)).outcome is Outcome.CLOSED
    assert polls(sandbox) == before


def test_a_job_that_goes_on(create, sandbox, tell):
    """The provider does not confirm what it said: it shall say it again."""
    video_id = create("a cat [[fault:stuck]]")

    first, again = tell(completed(video_id)), tell(completed(video_id))

    assert [(one.status, one.outcome) for one in (first, again)] == [(503, Outcome.LATER)] * 2
    assert polls(sandbox) == 2


@pytest.mark.parametrize("how", ["forged", "changed", "cut", "old", "bare"])
def test_what_is_not_signed(how, create, seen, sandbox, sign):
    """401, without a word; nothing is asked, and nothing written."""
    by = {"secret": OTHER} if how == "forged" else {}
    headers, body = sign(completed(create()), **by)
    if how == "changed":
        body = body.replace(b"completed", b"failed   ")
    elif how == "cut":
        body = body[:-10]
    elif how == "old":
        headers["Webhook-Timestamp"] = str(int(headers["Webhook-Timestamp"]) - 301)
    elif how == "bare":
        headers = {}

    handled = webhooks.handle(headers, body)

    assert (handled.status, handled.outcome, handled.event) == (401, Outcome.REFUSED, None)
    assert polls(sandbox) == 0
    assert seen.events.names == ["video.submitted"]


def test_what_is_signed_and_makes_no_sense(tell, seen):
    """Broken, huge, or of another type."""
    assert tell(b'{"type": "video.completed"').status == 400
    assert tell({"type": "video.completed", "data": {}}).status == 400
    assert tell(b" " * ((1 << 20) + 1)).status == 413
    assert seen.events.names == []


def test_another_content_type(sign, seen):
    """Webhooks are JSON."""
    headers, body = sign(completed("video_1"))

    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert webhooks.handle({**headers, "Content-Type": kind}, body).status == 415
    kind = "Application/JSON; charset=utf-8"
    assert webhooks.handle({**headers, "Content-Type": kind}, b"").status == 401


def test_an_event_about_something_else(tell, seen, sandbox):
    """An endpoint may have subscribed to more than videos."""
    handled = tell({"type": "response.completed", "data": {"id": "resp_1"}})

    assert (handled.status, handled.outcome) == (204, Outcome.IGNORED)
    assert polls(sandbox) == 0


def test_a_job_that_was_made_elsewhere(seen, sandbox, clock, tell):
    """It is adopted, with its cost; or left alone, if that is wanted."""
    body = {"prompt": "a cat", "model": "sora-2", "seconds": "4"}
    headers = {"authorization": "Bearer sk-somebody-else"}
    made = httpx.post(f"{sandbox.base_url}/videos", json=body, headers=headers).json()["id"]
    clock.advance(60)

    ignored = tell(completed(made), message_id="evt_0", unknown="ignore")
    assert (ignored.status, ignored.outcome, seen.jobs) == (204, Outcome.UNKNOWN, [])
    adopted = tell(completed(made))

    (job,) = seen.jobs
    assert (adopted.outcome, adopted.job) == (Outcome.CLOSED, job)
    assert (job.adopted, job.cost.usd) == (True, Decimal("0.40"))
    assert seen.events.names == ["video.submitted", "video.completed"]


def test_a_create_of_unknown_outcome(create, seen, sandbox, tell):
    """The webhook is the answer that was lost: it is that job, in its trace."""
    with pytest.raises(vidobs.exceptions.InternalServerError):
        create("a cat [[fault:error_after_accept]]")
    (before,) = seen.jobs

    handled = tell(completed(sandbox.jobs[0].id))

    (job,) = seen.jobs
    assert handled.outcome is Outcome.CLOSED
    assert (job.job_id, job.trace) == (before.job_id, before.trace)
    assert (job.state, job.cost.status) == (JobState.COMPLETED, CostStatus.SETTLED)


def test_a_job_that_nobody_knows(tell, seen, sandbox, caplog):
    """Not even its provider: that is said once, and not asked for again."""
    handled = tell(completed("video_that_never_was"))

    assert (handled.status, handled.outcome, seen.jobs) == (204, Outcome.UNKNOWN, [])
    assert "video_that_never_was is not known there" in caplog.text
    assert tell(completed("video_that_never_was")).outcome is Outcome.DUPLICATE


@pytest.mark.parametrize("video_id", ["../files", "a/../../b?x=1#y", "ü", "%2e%2e", ".."])
def test_an_id_stays_in_its_place(video_id, tell, seen, sandbox):
    """Whatever it holds, it is one segment of the path, or nobody is asked."""
    handled = tell(completed(video_id))

    assert handled.outcome in (Outcome.UNKNOWN, Outcome.LATER)
    assert [one.path for one in sandbox.requests] == (
        [] if video_id == ".." else [f"/v1/videos/{video_id}"]
    )
    assert [one.query for one in sandbox.requests] == ([] if video_id == ".." else [""])


def test_a_key_goes_to_its_own_server_only(create, sandbox, tell, monkeypatch, caplog):
    """The environment names another server: nobody is asked, and it is said what to set."""
    video_id = create()
    with Sandbox() as other:
        monkeypatch.setenv("OPENAI_BASE_URL", other.base_url)
        handled = tell(completed(video_id))

        assert (handled.status, handled.outcome, other.requests) == (503, Outcome.LATER, [])
    assert "set OPENAI_BASE_URL to the address of 127.0.0.1:" in caplog.text
    assert polls(sandbox) == 0


def test_a_provider_that_is_down(create, sandbox, tell, seen):
    """The sender shall try again; then it goes."""
    video_id = create()
    sandbox.stop()

    assert tell(completed(video_id)).status == 503
    assert seen.jobs[0].state is JobState.QUEUED


def test_a_prediction_of_replicate(seen, tell):
    """It is the job itself: nobody is asked, and its updates count."""
    with vidobs.job(provider="replicate", model="google/veo-3.1-fast", seconds=8) as job:
        job.submitted("pred_1")
    running = {"id": "pred_1", "status": "processing", "model": "google/veo-3.1-fast"}
    ended = {**running, "status": "succeeded", "output": ["https://x"], "error": None}

    first = tell(running, message_id="m1", secrets={"replicate": OTHER}, secret=OTHER)
    last = tell(ended, message_id="m2", secrets={"replicate": OTHER}, secret=OTHER)
    again = tell(ended, message_id="m2", secrets={"replicate": OTHER}, secret=OTHER)

    assert [(one.status, one.outcome) for one in (first, last, again)] == [
        (204, Outcome.UPDATED),
        (204, Outcome.CLOSED),
        (204, Outcome.DUPLICATE),
    ]
    assert last.job.state is JobState.COMPLETED
    assert seen.events.names == ["video.submitted", "video.started", "video.completed"]
    assert {event.trace_id for event in seen.events} == {last.job.trace.trace_id}


def test_a_result_of_fal(seen):
    """A function of the caller's may check it; it is dealt with once by its request."""
    with vidobs.job(provider="fal", model="fal-ai/veo3", seconds=8) as job:
        job.submitted("req_1")
    body = b'{"request_id":"req_1","status":"ERROR","payload":{"detail":"safety filter"}}'

    def check(headers, raw):
        return headers["x-fal-webhook-signature"] == "right" and raw == body

    refused, first, again = (
        webhooks.handle({"X-Fal-Webhook-Signature": word}, body, checks={"fal": check})
        for word in ("wrong", "right", "right")
    )

    assert [one.status for one in (refused, first, again)] == [401, 204, 204]
    assert again.outcome is Outcome.DUPLICATE
    assert (first.job.state, first.job.reason) == (JobState.FAILED, Reason.MODERATION_OUTPUT)


def test_what_cannot_be_done(monkeypatch, tell):
    """No secret, or a word that nobody knows."""
    with pytest.raises(vidobs.ConfigError, match="unknown way with unknown jobs 'report'"):
        tell(completed("video_1"), unknown="report")
    monkeypatch.delenv("OPENAI_WEBHOOK_SECRET")
    with pytest.raises(vidobs.ConfigError, match="no secret to believe webhooks by"):
        tell(completed("video_1"))


def test_switched_off(create, sandbox, tell):
    """Then a webhook is taken, and nothing comes of it."""
    video_id = create()
    vidobs.configure(disabled=True)

    assert tell(completed(video_id)).outcome is Outcome.IGNORED
    assert polls(sandbox) == 0


def test_nothing_of_a_webhook_is_quoted(sign, tell, seen, sandbox, caplog):
    """Neither secrets nor signatures nor what a stranger wrote reach the log unscrubbed."""
    caplog.set_level(logging.DEBUG, "vidobs")
    headers, body = sign(completed("video_1"), secret=OTHER)
    webhooks.handle(headers, body)
    tell(completed("video_\x1b[31m_sk-proj-0123456789abcdefghijklmnop"))

    assert headers["Webhook-Signature"] not in caplog.text
    assert "sk-proj-0123456789" not in caplog.text
    assert "\x1b" not in caplog.text
