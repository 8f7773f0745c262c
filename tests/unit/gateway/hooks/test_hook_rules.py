"""When webhooks are sent again, where they may go, and what they say."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outbox_kit import START, event

from vidobs.core.calls import Attribution
from vidobs.core.errors import ConfigError
from vidobs.core.events import EventName
from vidobs.core.standard_webhooks import key_of, secret_of, signed_headers
from vidobs.gateway.hooks.messages import message_of
from vidobs.gateway.hooks.reach import ForbiddenAddressError, Reach
from vidobs.gateway.hooks.records import Delivery
from vidobs.gateway.hooks.schedule import GIVE_UP_S, LONGEST_ASKED_S, WAITS_S, next_try
from vidobs.gateway.hooks.settings import HookSettings, read_hooks

OWNED = Attribution(None, {"key": "vk_alice"})


def delivery(attempts):
    """One that was tried so often."""
    return Delivery(
        event_id="evt_1",
        endpoint_id="whe_1",
        body=b"{}",
        created_at=START,
        due_at=START,
        attempts=attempts,
    )


@given(st.floats(0, 1), st.integers(1, 30), st.floats(0, 1e7) | st.none())
def test_it_waits_longer_each_time_and_gives_up_in_the_end(jitter, attempts, asked_s):
    """Every wait is near its place in the schedule, and never behind the end."""
    due = next_try(delivery(attempts), START, jitter=jitter, asked_s=asked_s)

    usual = WAITS_S[min(attempts, len(WAITS_S)) - 1]
    longest = max(usual * 1.2, min(asked_s or 0, LONGEST_ASKED_S))
    if due is None:
        assert longest > GIVE_UP_S
    else:
        assert timedelta(seconds=usual * 0.8 - 1) <= due - START <= timedelta(seconds=longest + 1)


def test_nothing_is_tried_for_ever():
    """After three days a delivery is given up."""
    late = START + timedelta(seconds=GIVE_UP_S - 10)

    assert next_try(delivery(2), late, jitter=0.5) is None
    assert next_try(delivery(1), late, jitter=0.5) is not None


@pytest.mark.parametrize(
    "url",
    ["", "example.com", "ftp://example.com/", "https://", "https://u:p@example.com/",
     "https://example.com/#a", "http://example.com/", "https://example.com:99999/",
     "https://exämple.com/", "https://example.com/ a", "https://" + "a" * 2048],
)  # fmt: skip
def test_urls_that_nothing_is_sent_to(url):
    """Only whole https URLs, without credentials."""
    with pytest.raises(ValueError, match=r"."):
        Reach().check_url(url)


def test_plain_http_is_for_those_who_opened_something():
    """A private network, or an operator who says so."""
    private = read_hooks({"allow_private": True}, "x").reach

    assert private.check_url("http://10.0.0.1/x") == "10.0.0.1"
    assert Reach(plain_http=True).check_url("http://example.com/") == "example.com"
    with pytest.raises(ForbiddenAddressError, match="use https"):
        private.check("http", ["93.184.216.34"])


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.1", "100.64.0.1",
     "fd00:ec2::254", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "fe80::1%eth0", "127.1"],
)  # fmt: skip
def test_addresses_that_are_never_dialled_unasked(address):
    """One of a host's addresses is enough to refuse it; the text does not repeat it."""
    with pytest.raises(ForbiddenAddressError) as caught:
        Reach().check("https", ["93.184.216.34", address])

    assert address not in str(caught.value)


def test_opening_private_networks_opens_no_metadata():
    """`allow_private: true` is for this machine and private networks; a list says which."""
    opened = read_hooks({"allow_private": True}, "x").reach
    listed = read_hooks({"allow_private": ["10.0.0.0/8"]}, "x").reach

    opened.check("https", ["127.0.0.1", "10.1.2.3"])
    listed.check("https", ["10.1.2.3"])
    for reach, address in [(opened, "169.254.169.254"), (listed, "127.0.0.1")]:
        with pytest.raises(ForbiddenAddressError):
            reach.check("https", [address])
    with pytest.raises(ForbiddenAddressError, match="no address"):
        opened.check("https", [])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (EventName.COMPLETED, "video.completed"),
        (EventName.FAILED, "video.failed"),
        (EventName.EXPIRED, "video.failed"),
    ],
)
def test_what_an_endpoint_is_told(name, kind):
    """OpenAI's shape, with the id by which clients know the video."""
    ended = event(7, name, provider_job_id="raw", attribution=OWNED)

    message = message_of(ended, lambda job: f"video_{job.provider_job_id}")

    assert (message.owner, message.event) == ("vk_alice", kind)
    assert json.loads(message.body) == {
        "id": "evt_event7",
        "object": "event",
        "created_at": int(START.timestamp()),
        "type": kind,
        "data": {"id": "video_raw"},
    }


@pytest.mark.parametrize(
    ("name", "given"),
    [
        (EventName.SUBMITTED, {"provider_job_id": "raw", "attribution": OWNED}),
        (EventName.CANCELLED, {"provider_job_id": "raw", "attribution": OWNED}),
        (EventName.FAILED, {"attribution": OWNED}),
        (EventName.FAILED, {"provider_job_id": "raw"}),
    ],
)
def test_what_no_endpoint_is_told(name, given):
    """Steps on the way, refused creates, and jobs that no key made."""
    assert message_of(event(1, name, **given), lambda _: "video_1") is None


def test_a_job_that_clients_cannot_know_is_not_told():
    """Such as one of a deployment that is gone."""
    ended = event(1, EventName.COMPLETED, provider_job_id="raw", attribution=OWNED)

    assert message_of(ended, lambda _: None) is None


def test_secrets_go_both_ways():
    """What is shown is what signs; what is no secret is refused without being repeated."""
    assert key_of(secret_of(b"k" * 32)) == b"k" * 32
    for text in ("sk-verysecret", "whsec_!!!", "whsec_c2hvcnQ="):
        with pytest.raises(ValueError, match="a secret is") as caught:
            key_of(text)
        assert text not in str(caught.value)


def test_an_independent_verifier_believes_the_signature():
    """Any one of several keys is enough."""
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError

    now_s = int(datetime.now(UTC).timestamp())
    headers = signed_headers([b"a" * 32, b"b" * 32], "evt_1", now_s, b'{"x":1}')

    for key in (b"a" * 32, b"b" * 32):
        assert Webhook(secret_of(key)).verify(b'{"x":1}', headers) == {"x": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_of(b"c" * 32)).verify(b'{"x":1}', headers)


def test_the_section():
    """Every option, and what is usual without them."""
    assert read_hooks(None, "x") == HookSettings()
    read = read_hooks(
        {"enabled": False, "timeout_s": 3, "give_up_hours": 1, "store": "/data/hooks.db"}, "x"
    )
    assert (read.enabled, read.timeout_s, read.give_up_s) == (False, 3.0, 3600.0)
    assert read.store == "/data/hooks.db"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (["a"], "webhooks must be a mapping"),
        ({"alow_private": True}, "did you mean 'allow_private'?"),
        ({"allow_private": ["10.0.0.0/40"]}, "a list of networks"),
        ({"allow_private": 3}, "a list of networks"),
        ({"timeout_s": 0}, "more than 0"),
    ],
)
def test_what_cannot_be_used_is_refused(value, problem):
    """With the place."""
    with pytest.raises(ConfigError) as caught:
        read_hooks(value, "config.yaml:3")

    assert str(caught.value).startswith("config.yaml:3: ")
    assert problem in str(caught.value)
