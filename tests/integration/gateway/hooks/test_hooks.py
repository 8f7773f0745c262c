"""Clients are told what became of their videos: signed, once, over restarts and outages."""

import asyncio
import json
import logging

import openai
import pytest
from guard_kit import begin, finish, send
from hook_kit import BOB, running
from standardwebhooks.webhooks import Webhook

from vidobs.core.jobs import JobState
from vidobs.gateway.hooks.reach import Reach

pytestmark = pytest.mark.usefixtures("ledger")


def made(video_id="video_1", state=JobState.COMPLETED, **given):
    """Let a job be made and end."""
    create, _ = begin(**given)
    send(create, video_id=video_id)
    return finish(video_id, state)


async def arrived(receiver, count=1):
    """Wait until so many requests have arrived."""
    return await asyncio.to_thread(receiver.wait, count)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (JobState.COMPLETED, "video.completed"),
        (JobState.FAILED, "video.failed"),
        (JobState.EXPIRED, "video.failed"),
    ],
)
async def test_the_end_of_a_job_is_told_as_openai_tells_it(tmp_path, receiver, state, kind):
    """The SDK of openai and an independent verifier believe it; the id is the client's own."""
    async with running(tmp_path) as front:
        endpoint = await front.register(f"{receiver.url}/hook")
        made(state=state)
        [request] = await arrived(receiver)
        shown = await front.settled(endpoint["id"])

    secret = endpoint["secret"]
    body = json.loads(request.body)
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.headers["content-type"] == "application/json"
    assert body["id"] == request.headers["webhook-id"]
    assert (body["object"], body["type"]) == ("event", kind)
    assert body["data"] == {"id": "video_of_video_1"}
    assert Webhook(secret).verify(request.body, request.headers) == body
    client = openai.OpenAI(api_key="x", webhook_secret=secret)
    client.webhooks.verify_signature(request.body.decode(), request.headers)
    assert client.webhooks.unwrap(request.body.decode(), request.headers).type == kind
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.verify_signature(request.body.decode() + " ", request.headers)
    assert (shown["enabled"], shown["last_error"]) == (True, None)


async def test_only_the_owners_jobs_are_told(tmp_path, receiver):
    """Neither another key's jobs, nor those that nobody's key made, nor kinds that nobody wants."""
    async with running(tmp_path) as front:
        await front.register(f"{receiver.url}/alice", events=["video.failed"])
        bob = await front.register(f"{receiver.url}/bob", key="sk-bob")
        made("video_1")
        made("video_2", principal=BOB)
        await arrived(receiver)
        await front.settled(bob["id"], key="sk-bob")

    assert [request.path for request in receiver.requests] == ["/bob"]
    assert json.loads(receiver.requests[0].body)["data"]["id"] == "video_of_video_2"


async def test_what_is_not_taken_is_sent_again(tmp_path, receiver):
    """With the same id and body, and a new signature, until it is taken; then never again."""
    receiver.answers_next(500)
    receiver.answers_next(302, {"location": f"{receiver.url}/elsewhere"})
    receiver.answers_next(404)
    async with running(tmp_path) as front:
        endpoint = await front.register(f"{receiver.url}/hook")
        made()
        await arrived(receiver, 4)
        shown = await front.settled(endpoint["id"])

    assert len(receiver.requests) == 4
    assert {request.path for request in receiver.requests} == {"/hook"}
    assert len({(one.body, one.headers["webhook-id"]) for one in receiver.requests}) == 1
    for request in receiver.requests:
        Webhook(endpoint["secret"]).verify(request.body, request.headers)
    assert shown["last_error"] is None


async def test_nothing_is_lost_or_told_twice_over_a_restart(tmp_path, receiver):
    """What ends while nobody sends is told after the start; what was told stays told."""
    async with running(tmp_path) as front:
        endpoint = await front.register(f"{receiver.url}/hook")
        made("video_1")
        await arrived(receiver)
        await front.settled(endpoint["id"])
    made("video_2")
    async with running(tmp_path) as front:
        await arrived(receiver, 2)
        await front.settled(endpoint["id"])
    async with running(tmp_path) as front:
        made("video_3")
        await arrived(receiver, 3)
        await front.settled(endpoint["id"])

    told = [json.loads(request.body)["data"]["id"] for request in receiver.requests]
    assert told == ["video_of_video_1", "video_of_video_2", "video_of_video_3"]


async def test_a_queue_outlives_a_receiver_that_is_away(tmp_path, receiver):
    """What could not be sent waits in the file, over a restart too."""
    receiver.stop()
    async with running(tmp_path, waits_s=(3600.0,)) as front:
        endpoint = await front.register(f"http://127.0.0.1:{receiver.port}/hook")
        made()
        shown = await front.settled(endpoint["id"], pending=1)
        while shown["last_error"] is None:
            shown = await front.settled(endpoint["id"], pending=1)
        assert shown["last_error"] == "ConnectError"
        [waiting] = front.hooks.store.due(front.hooks.now().replace(year=2100), 9)
        front.hooks.store.postpone(waiting)  # due at once
    receiver.start()
    async with running(tmp_path) as front:
        front.hooks.wake()
        [delivery] = front.hooks.store.due(front.hooks.now().replace(year=2100), 9)
        assert delivery.attempts == 1


async def test_what_ended_before_there_were_webhooks_is_no_news(tmp_path, receiver):
    """The first start begins at the end of the ledger."""
    made("video_0")
    async with running(tmp_path) as front:
        endpoint = await front.register(f"{receiver.url}/hook")
        made("video_1")
        await arrived(receiver)
        await front.settled(endpoint["id"])

    assert len(receiver.requests) == 1


async def test_an_endpoint_that_is_gone_is_switched_off(tmp_path, receiver, caplog):
    """410 ends it, with a word in the log; rotating the secret switches it on again."""
    receiver.answers_next(410)
    async with running(tmp_path) as front:
        endpoint = await front.register(f"{receiver.url}/hook")
        made("video_1")
        await arrived(receiver)
        shown = await front.settled(endpoint["id"])
        while shown["enabled"]:
            shown = await front.settled(endpoint["id"])
        made("video_2")
        again = (await front.call("POST", f"/{endpoint['id']}/rotate")).json()
        made("video_3")
        await arrived(receiver, 2)
        await front.settled(endpoint["id"])

    assert "410" in shown["last_error"]
    assert any("is switched off" in line.getMessage() for line in caplog.records)
    assert again["enabled"]
    last = receiver.requests[-1]
    for secret in (endpoint["secret"], again["secret"]):  # the old one for a day
        Webhook(secret).verify(last.body, last.headers)


async def test_giving_up_is_said_aloud(tmp_path, receiver, caplog):
    """After the last attempt there is an error in the log, without the URL."""
    receiver.answers(500)
    async with running(tmp_path, give_up_s=0.0) as front:
        endpoint = await front.register(f"{receiver.url}/secret-path")
        made()
        await arrived(receiver)
        shown = await front.settled(endpoint["id"])

    [line] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "was given up after 1 attempts" in line.getMessage()
    assert "secret-path" not in line.getMessage()
    assert shown["last_error"] == "status 500"


async def test_one_that_hangs_keeps_nobody_waiting(tmp_path, receiver):
    """Other endpoints are told meanwhile, and requests are answered."""
    from sink_kit import Sink

    with Sink() as slow:
        slow.hangs()
        async with running(tmp_path) as front:
            await front.register(f"{slow.url}/slow")
            fine = await front.register(f"{receiver.url}/fine")
            for number in range(8):
                made(f"video_{number}")
            await arrived(receiver, 8)
            await front.settled(fine["id"])


async def test_a_name_that_moves_inside_is_not_followed(tmp_path, receiver):
    """The address that was looked at is the one that is dialled: at each attempt, and only it."""
    answers = [["93.184.216.34"], ["93.184.216.34"], ["127.0.0.1"]]

    async def resolve(host, port):
        del host, port
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async with running(tmp_path, reach=Reach(plain_http=True), resolve=resolve) as front:
        endpoint = await front.register(f"http://rebinding.test:{receiver.port}/hook")
        answers[:] = [["127.0.0.1"]]
        made()
        shown = await front.settled(endpoint["id"], pending=1)
        while shown["last_error"] is None:
            shown = await front.settled(endpoint["id"], pending=1)

    assert shown["last_error"] == "the host is in a network that nothing is sent to"
    assert receiver.requests == []


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/",
     "https://169.254.169.254/latest/meta-data", "https://10.0.0.1/", "https://2130706433/",
     "https://0x7f.1/", "https://127.1/", "https://[::ffff:7f00:1]/", "https://nobody.invalid/"],
)  # fmt: skip
async def test_private_addresses_are_refused_at_once(tmp_path, url):
    """Whoever registers learns of it, not of what is there."""
    async with running(tmp_path, reach=Reach()) as front:
        answer = await front.call("POST", "", json={"url": url})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_url", "url")


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::1]/", "http://127.1/"])
async def test_an_address_in_a_url_is_looked_at_before_each_attempt(url):
    """One that came into the file in another way is not dialled either."""
    from vidobs.gateway.hooks.sending import HookSender

    sender = HookSender(Reach(plain_http=True))
    attempt = await sender.send(url, [b"k" * 32], "evt_1", b"{}")
    await sender.close()

    assert attempt.error is not None
    assert "network" in attempt.error or "no address" in attempt.error


async def test_a_fault_of_ours_stops_no_other_webhook(tmp_path, receiver, guard_trips):
    """What cannot be told is passed over, counted and said; the next one is told."""
    guard_trips.expected = {"webhook message: KeyError"}
    known = {"video_2": "video_of_2"}

    async with running(tmp_path, video_id=lambda job: known[job.provider_job_id]) as front:
        endpoint = await front.register(f"{receiver.url}/hook")
        made("video_1")
        made("video_2")
        [request] = await arrived(receiver)
        await front.settled(endpoint["id"])

    assert json.loads(request.body)["data"]["id"] == "video_of_2"
