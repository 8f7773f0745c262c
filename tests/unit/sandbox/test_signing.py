"""Where webhooks may go, and how they are signed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI
from openai.resources.webhooks import Webhooks

from vidobs.sandbox.signing import WebhookTarget, webhook_target

URL = "http://127.0.0.1:9/hook"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_example_of_the_specification():
    """The signature is the one that the Standard Webhooks implementations have in their tests."""
    headers = WebhookTarget(URL, SECRET).headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp_s=1614265330, body=b'{"test": 2432232314}'
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@settings(deadline=None)
@given(st.text("abc_0", min_size=1), st.text(max_size=50))
def test_the_official_sdk_agrees(message_id: str, text: str):
    """What we sign with a new secret, the SDK verifies; with another secret it does not."""
    target, other = webhook_target(URL), webhook_target(URL)
    body = text.encode()
    now = 1_800_000_000
    headers = target.headers(message_id, timestamp_s=now, body=body)
    webhooks = Webhooks(OpenAI(api_key="k"))
    far = 10**10
    webhooks.verify_signature(body, headers, secret=target.secret, tolerance=far)
    with pytest.raises(ValueError, match="does not match"):
        webhooks.verify_signature(body, headers, secret=other.secret, tolerance=far)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1/x",
        "https://localhost",
        "http://127.8.9.1:1",
        "http://[::1]:8000/a?b=c",
    ],
)
def test_this_machine_is_allowed(url: str):
    """Every way to write a loopback address works."""
    assert webhook_target(url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest",
        "http://0.0.0.0/",
        "http://localhost.example.com/",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@example.com/",
        "http://2130706433/",
        "http://localhost.localdomain/",
    ],
)
def test_other_machines_only_when_allowed(url: str):
    """A webhook does not leave the machine by mistake or by an address that only looks local."""
    with pytest.raises(ValueError, match="is not a loopback address; use"):
        webhook_target(url)
    assert webhook_target(url, allow_remote=True).url == url


@pytest.mark.parametrize(
    ("url", "secret", "reason"),
    [
        ("ftp://localhost/", None, "starts with http"),
        ("localhost:8000/hook", None, "starts with http"),
        ("http:///hook", None, "has a host"),
        ("http://localhost:99999/", None, "cannot be read: Port out of range"),
        ("http://[::1/", None, "cannot be read"),
        (URL, "abc", "is 'whsec_' and base64"),
        (URL, "whsec_", "is 'whsec_' and base64"),
        (URL, "whsec_%%%", "is 'whsec_' and base64"),
        (None, SECRET, "no URL to send webhooks to"),
    ],
)
def test_what_cannot_work_is_refused(url: str | None, secret: str | None, reason: str):
    """A wrong URL or secret is refused before the server starts, and the secret is not repeated."""
    with pytest.raises(ValueError, match=reason) as refused:
        webhook_target(url, secret)
    assert secret is None or secret == "whsec_" or secret not in str(refused.value)


def test_the_secret_is_not_shown():
    """The representation of a target can stand in a log."""
    assert SECRET not in repr(webhook_target(URL, SECRET))
    assert webhook_target(None) is None
