"""Which options of a webhook are read from where, and which are refused."""

import base64

import pytest
from exporter_kit import an_event
from standardwebhooks import Webhook

from vidobs import ConfigError
from vidobs_exporters.webhook.options import url_of

SECRET = "whsec_" + base64.b64encode(b"canary secret of the receiver 01").decode()
NEXT_SECRET = "whsec_" + base64.b64encode(b"canary secret of the receiver 02").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"somebody else's secret, not ours").decode()


@pytest.mark.parametrize(
    ("variables", "option", "used"),
    [
        (("VIDOBS_WEBHOOK_URL",), None, "VIDOBS_WEBHOOK_URL"),
        (("WEBHOOK_URL",), None, "WEBHOOK_URL"),
        (("VIDOBS_WEBHOOK_URL", "WEBHOOK_URL"), None, "VIDOBS_WEBHOOK_URL"),
        (("VIDOBS_WEBHOOK_URL",), "https://hooks.example.com/option#top", "option"),
    ],
)
def test_the_address_may_come_from_the_environment(monkeypatch, variables, option, used):
    """The option goes first, then vidobs' variable, then the one that LiteLLM knows."""
    for name in variables:
        monkeypatch.setenv(name, f" https://hooks.example.com/{name}\n")

    assert url_of("webhook", option) == f"https://hooks.example.com/{used}"


def test_the_secret_may_come_from_the_environment(make, sink, monkeypatch):
    """Several of them, too; an empty variable is none."""
    monkeypatch.setenv("VIDOBS_WEBHOOK_SECRET", f"{SECRET} {NEXT_SECRET}\n")
    make().export([an_event()])
    make(secret=OTHER_SECRET).export([an_event()])
    monkeypatch.setenv("VIDOBS_WEBHOOK_SECRET", "")
    make().export([an_event()])

    two, one, none = sink.requests
    for request, secret in ((two, SECRET), (two, NEXT_SECRET), (one, OTHER_SECRET)):
        assert Webhook(secret).verify(request.body, request.headers) == request.json()
    assert "webhook-signature" not in none.headers


@pytest.mark.parametrize(("timeout_s", "most"), [(1, 64), (15, 16), (60, 4), (600, 1)])
def test_a_batch_cannot_take_longer_than_a_lease(make, timeout_s, most):
    """A receiver that is slow with each answer gets fewer events at once."""
    assert make(timeout_s=timeout_s).max_batch == most


FORMAT = (
    "exporter 'webhook': a secret is 'whsec_' and the base64 of 24 to 64 random bytes; make one "
    "with: echo whsec_$(openssl rand -base64 32)"
)


@pytest.mark.parametrize(
    "secret",
    ["", "canary", "whsec_", "whsec_%%%%", "canary" + SECRET, [], [SECRET, "canary"], [7], 7, b"x"],
)
def test_a_secret_that_is_none_is_refused(make, secret):
    """The error names the format and repeats nothing."""
    with pytest.raises(ConfigError) as caught:
        make(secret=secret)

    assert str(caught.value).startswith(FORMAT)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("length", [23, 65])
def test_a_secret_of_another_length_is_refused(make, length):
    """As the specification has it; a shorter one could be guessed."""
    with pytest.raises(ConfigError, match=rf"; this one has {length}$"):
        make(secret="whsec_" + base64.b64encode(b"x" * length).decode())


@pytest.mark.parametrize("length", [24, 25, 64])
def test_a_secret_needs_no_padding(make, sink, length):
    """Libraries that make secrets differ in that."""
    secret = "whsec_" + base64.b64encode(b"x" * length).decode().rstrip("=")

    make(secret=secret).export([an_event()])

    assert Webhook(secret).verify(sink.requests[0].body, sink.requests[0].headers)


NO_URL = (
    "exporter 'webhook' needs an address; set url under 'exporters: webhook:', or the variable "
    "VIDOBS_WEBHOOK_URL"
)
BAD_URL = (
    "exporter 'webhook': url cannot be used; it starts with https:// and has a host, as in "
    "https://hooks.example.com/vidobs"
)
PLAIN = (
    "exporter 'webhook': url starts with http://, so that anybody on the way could read it; use "
    "https://, or set allow_private: true for a host of your own network, or allow_http: true for "
    "any"
)
NETWORKS = "; give true, false or a list of networks, such as ['10.0.0.0/8']"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": None}, NO_URL),
        ({"url": ""}, BAD_URL),
        ({"url": 7}, BAD_URL),
        ({"url": "hooks.example.com/canary"}, BAD_URL),
        ({"url": "ftp://hooks.example.com/canary"}, BAD_URL),
        ({"url": "https:///canary"}, BAD_URL),
        ({"url": "https://hooks.example.com:canary/"}, BAD_URL),
        ({"url": "http://hooks.example.com/", "allow_private": False}, PLAIN),
        (
            {"url": "https://localhost/canary", "allow_private": False},
            "exporter 'webhook': localhost is at 127.0.0.1, which is loopback; if that is",
        ),
        (
            {"url": "https://[fe80::1]/canary"},
            "exporter 'webhook': fe80::1 is at fe80::1, which is link-local; if that is meant, set",
        ),
        (
            {"url": "http://93.184.215.14/canary"},
            "exporter 'webhook': 93.184.215.14 is at 93.184.215.14, which is public; use https://,",
        ),
        ({"headers": ["canary"]}, "exporter 'webhook': headers is no mapping of names to values"),
        ({"headers": {"x y": "canary"}}, "exporter 'webhook': headers: 'x y' is no name of a"),
        ({"headers": {7: "canary"}}, "exporter 'webhook': headers: 7 is no name of a header"),
        ({"headers": {"Webhook-Id": "1"}}, "exporter 'webhook': headers: Webhook-Id is set by"),
        ({"headers": {"Content-Type": "x"}}, "exporter 'webhook': headers: Content-Type is set by"),
        ({"headers": {"x": "canary\n"}}, "exporter 'webhook': headers: the value of x cannot be"),
        ({"headers": {"x": "canary\u20ac"}}, "exporter 'webhook': headers: the value of x cannot"),
        ({"headers": {"x": 7}}, "exporter 'webhook': headers: the value of x cannot be sent; give"),
        ({"timeout_s": 0}, "exporter 'webhook': timeout_s is 0; give a number of seconds above 0"),
        ({"timeout_s": "9"}, "exporter 'webhook': timeout_s is '9'; give a number of seconds"),
        ({"timeout_s": True}, "exporter 'webhook': timeout_s is True; give a number of seconds"),
        ({"timeout_s": float("nan")}, "exporter 'webhook': timeout_s is nan; give a number of"),
        ({"max_bytes": 4095}, "exporter 'webhook': max_bytes is 4095; give a number of bytes, 40"),
        ({"max_bytes": 1e6}, "exporter 'webhook': max_bytes is 1000000.0; give a number of bytes"),
        ({"source": " "}, "exporter 'webhook': source is ' '; give a URI such as '//vidobs/shop'"),
        ({"allow_private": None}, f"exporter 'webhook': allow_private is None{NETWORKS}"),
        (
            {"allow_private": ["10.0.0.1/8"]},
            f"exporter 'webhook': allow_private is '10.0.0.1/8'{NETWORKS}",
        ),
        ({"allow_private": [10]}, f"exporter 'webhook': allow_private is 10{NETWORKS}"),
        ({"allow_private": "no"}, f"exporter 'webhook': allow_private is 'no'{NETWORKS}"),
    ],
)
def test_an_option_that_cannot_work_is_refused_at_start(make, options, message):
    """The error comes before the first event, says what to write, and repeats no secret."""
    with pytest.raises(ConfigError) as caught:
        make(**options)

    assert str(caught.value).startswith(message)
    assert "canary" not in str(caught.value)


def test_plain_http_to_anywhere_must_be_asked_for(make):
    """Then it may be a public host, too; nothing is called before the first event."""
    make(url="http://hooks.example.com/", allow_private=False, allow_http=True)
    make(url="http://hooks.example.com/", allow_private=["10.0.0.0/8"])
    make(url="https://hooks.example.com/", allow_private=False)
