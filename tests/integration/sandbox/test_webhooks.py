"""Webhooks: a receiver on this machine is told when jobs end."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import httpx
import openai
import pytest

from vidobs.testing import Sandbox

KEY = {"authorization": "Bearer sk-test"}
WAIT_S = 10


class Receiver(ThreadingHTTPServer):
    """Takes webhooks, and answers as told."""

    def __init__(self, answers: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers  # the last one is for all that follow
        self.url = f"http://127.0.0.1:{self.server_port}/hook"
        self.taken: Queue[tuple[dict[str, str], bytes]] = Queue()


class Handler(BaseHTTPRequestHandler):
    """Keeps headers and body of a POST."""

    server: Receiver

    def do_POST(self) -> None:
        """Answer with the next status."""
        body = self.rfile.read(int(self.headers["content-length"]))
        answers = self.server.answers
        status = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.taken.put((headers, body))

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    """Run a receiver."""
    with Receiver(list(answers)) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.01,))
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


def create(sandbox: Sandbox, prompt: str = "a cat") -> str:
    """Make a job and return its id."""
    answer = httpx.post(f"{sandbox.base_url}/videos", json={"prompt": prompt}, headers=KEY)
    return answer.json()["id"]


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [("a cat", "video.completed"), ("[[fault:fail]]", "video.failed")],
)
def test_the_official_sdk_takes_a_webhook(prompt, kind):
    """`unwrap` verifies the signature and gives the event with the id of the job."""
    with receiving(200) as receiver, Sandbox(time_scale=0.01, webhook_url=receiver.url) as sandbox:
        video_id = create(sandbox, prompt)
        headers, body = receiver.taken.get(timeout=WAIT_S)
        sdk = openai.OpenAI(
            base_url=sandbox.base_url, api_key="k", webhook_secret=sandbox.webhook_secret
        )
        event = sdk.webhooks.unwrap(body, headers)
        video = sdk.videos.retrieve(event.data.id)
    assert json.loads(body) == {
        "id": headers["webhook-id"],
        "object": "event",
        "created_at": event.created_at,
        "type": kind,
        "data": {"id": video_id},
    }
    assert event.type == f"video.{video.status}"
    assert event.created_at >= video.created_at
    assert headers["content-type"] == "application/json"
    with pytest.raises(openai.InvalidWebhookSignatureError):
        sdk.webhooks.verify_signature(body + b" ", headers)


def test_an_attempt_that_fails_is_made_again():
    """Whatever is not 2xx is tried again, with the same id and body and a valid signature."""
    secret = "whsec_" + "c2VjcmV0" * 4
    with (
        receiving(500, 302, 200) as receiver,
        Sandbox(time_scale=0.01, webhook_url=receiver.url, webhook_secret=secret) as sandbox,
    ):
        create(sandbox)
        taken = [receiver.taken.get(timeout=WAIT_S) for _ in range(3)]
        verify = openai.OpenAI(api_key="k").webhooks.verify_signature
        for headers, body in taken:
            verify(body, headers, secret=secret)
        while not sandbox.webhooks[0].delivered:
            pass
    (webhook,) = sandbox.webhooks
    assert [attempt.status for attempt in webhook.attempts] == [500, 302, 200]
    assert {(headers["webhook-id"], body) for headers, body in taken} == {(webhook.id, taken[0][1])}


def test_a_receiver_that_is_gone_is_left_alone():
    """410 ends the attempts, and so does their number; nothing was delivered."""
    with receiving(410) as receiver, Sandbox(time_scale=0.001, webhook_url=receiver.url) as sandbox:
        create(sandbox)
        receiver.taken.get(timeout=WAIT_S)
        url = receiver.url
    with Sandbox(time_scale=0.001, webhook_url=url) as alone:  # nobody listens there any more
        create(alone)
        while not alone.webhooks or len(alone.webhooks[0].attempts) < 5:
            pass
    assert [attempt.status for attempt in sandbox.webhooks[0].attempts] == [410]
    assert {attempt.error for attempt in alone.webhooks[0].attempts} == {"ConnectError"}
    assert not alone.webhooks[0].delivered


def test_a_webhook_follows_the_clock(clock):
    """It is sent when the clock says that the job has ended, for each job once, in that order."""
    with receiving(200) as receiver, Sandbox(clock=clock, webhook_url=receiver.url) as sandbox:
        done = create(sandbox)
        failed = create(sandbox, "[[fault:fail]]")
        gone = create(sandbox)
        httpx.delete(f"{sandbox.base_url}/videos/{gone}", headers=KEY)
        clock.move(1.2)
        first = json.loads(receiver.taken.get(timeout=WAIT_S)[1])
        clock.move(0.6)
        second = json.loads(receiver.taken.get(timeout=WAIT_S)[1])
    assert (first["data"]["id"], first["type"]) == (failed, "video.failed")
    assert (second["data"]["id"], second["type"]) == (done, "video.completed")
    assert first["created_at"] == 1_800_000_001
    assert receiver.taken.empty()
    assert len(sandbox.webhooks) == 2


def test_a_silent_receiver_does_not_delay_the_stop():
    """A receiver that takes the webhook and never answers is left behind when the sandbox stops."""
    release = threading.Event()

    class Silent(Handler):
        def do_POST(self) -> None:
            self.server.taken.put(({}, b""))
            release.wait(WAIT_S)

    with receiving(200) as receiver:
        receiver.RequestHandlerClass = Silent
        with Sandbox(time_scale=0.01, webhook_url=receiver.url) as sandbox:
            create(sandbox)
            receiver.taken.get(timeout=WAIT_S)
        assert "vidobs-sandbox" not in {thread.name for thread in threading.enumerate()}
        assert sandbox.webhooks[0].attempts == ()
        release.set()


def test_without_a_url_there_are_no_webhooks():
    """Nothing is kept or sent, and a wrong URL is refused by the constructor."""
    with Sandbox(time_scale=0.001) as sandbox:
        create(sandbox)
        assert (sandbox.webhooks, sandbox.webhook_secret) == ([], None)
    with pytest.raises(ValueError, match="not a loopback address"):
        Sandbox(webhook_url="https://example.com/")
