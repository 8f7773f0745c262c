"""A provider whose webhooks are signed, and a vidobs that hears them."""

import base64
import json
import time
from datetime import UTC, datetime

import pytest
from asking_kit import a_client

from vidobs import webhooks
from vidobs.sandbox.signing import WebhookTarget
from vidobs.testing import FrozenClock, Sandbox, isolated

SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes ...").decode()
ASKED = {"model": "sora-2", "seconds": 4, "size": "160x96"}


@pytest.fixture(autouse=True)
def environ(monkeypatch):
    """Let the environment have the secret."""
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)


@pytest.fixture
def clock():
    """The time of the server: it is now, and then it is moved by hand."""
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
def sandbox(monkeypatch, clock):
    """Start a server that sends no webhooks of its own; the environment has its key."""
    with Sandbox(clock=clock) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-webhooks-0123456789")
        yield server


@pytest.fixture
def seen(tmp_path):
    """What vidobs records, in a file."""
    with isolated(ledger=f"sqlite:///{tmp_path}/ledger.db") as found:
        yield found


@pytest.fixture
def create(sandbox, seen, clock):
    """Make a job, and let it come to its end."""

    def make(prompt="a cat"):
        with a_client(max_retries=0) as client:
            try:
                return client.videos.create(prompt=prompt, **ASKED).id
            finally:
                clock.advance(60)

    return make


def signed(event, *, message_id="evt_1", secret=SECRET):
    """Return headers and body of a webhook that was sent just now."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    now_s = int(time.time())
    headers = WebhookTarget("", secret).headers(message_id, timestamp_s=now_s, body=body)
    shown = {name.title(): value for name, value in headers.items()}
    return {"Content-Type": "application/json", **shown}, body


@pytest.fixture
def sign():
    """Sign webhooks as the provider does."""
    return signed


@pytest.fixture
def tell():
    """Tell vidobs of an event, as its sender does."""

    def send(event, *, message_id="evt_1", secret=SECRET, **how):
        return webhooks.handle(*signed(event, message_id=message_id, secret=secret), **how)

    return send
