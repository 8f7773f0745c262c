"""Which webhooks are believed; what is signed here is signed by the official library."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from vidobs.core.errors import ConfigError
from vidobs.webhooks._signatures import Kind, Signed, keys_of

SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes ...").decode()
OTHER = "whsec_" + base64.b64encode(b"another one, of 30 bytes .....").decode()
NOW_S = 1_795_000_000
BODY = b'{"type":"video.completed","data":{"id":"video_1"}}'
BOTH = frozenset({Kind.OPENAI, Kind.REPLICATE})


def headers_of(secret=SECRET, *, body=BODY, sent_s=NOW_S, message_id="evt_1"):
    """Return the headers that a sender puts on a body."""
    sent = datetime.fromtimestamp(sent_s, UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(sent_s),
        "webhook-signature": Webhook(secret).sign(message_id, sent, body.decode()),
    }


def signed(headers, *, secrets=SECRET, body=BODY):
    """Check a webhook."""
    return keys_of(secrets, None, {}).signed(headers, body, NOW_S)


def test_what_the_sender_signed_is_believed():
    """By the id that it carries."""
    assert signed(headers_of()) == Signed("evt_1", BOTH)


@pytest.mark.parametrize(
    "secrets", [[OTHER, SECRET], f"{OTHER} {SECRET}", (SECRET,), {"openai": [OTHER, SECRET]}]
)
def test_a_secret_may_be_one_of_several(secrets):
    """While a sender changes its secret, both hold."""
    assert signed(headers_of(), secrets=secrets).message_id == "evt_1"


def test_one_of_several_signatures_is_enough():
    """A sender that changes its secret signs by both; schemes that we do not know are passed by."""
    headers = headers_of()
    mine = headers["webhook-signature"]
    theirs = headers_of(OTHER)["webhook-signature"]

    assert signed({**headers, "webhook-signature": f"v1a,AAAA {theirs} v2 {mine}"}) is not None
    assert signed({**headers, "webhook-signature": f"v1a,AAAA {theirs}"}) is None


@pytest.mark.parametrize("off_s", [-301, 301])
def test_what_is_too_old_or_too_young_is_not(off_s):
    """It may have been recorded, and sent again."""
    assert signed(headers_of(sent_s=NOW_S + off_s)) is None
    assert signed(headers_of(sent_s=NOW_S + off_s // 301 * 300)) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-id": "evt_2"},
        {"webhook-id": ""},
        {"webhook-id": "e" * 201},
        {"webhook-timestamp": str(NOW_S + 1)},
        {"webhook-timestamp": f"{NOW_S}.0"},
        {"webhook-timestamp": f"-{NOW_S}"},
        {"webhook-timestamp": "\u0661\u0662"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-timestamp": ""},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,not base64"},
        {"webhook-signature": "v1,\u00e9"},
        {"webhook-signature": "v1," + base64.b64encode(bytes(32)).decode()},
        {"webhook-signature": " ".join(["v1,AAAA"] * 100_000)},
    ],
)
def test_what_was_changed_is_not(changes):
    """Nor what is missing, or makes no sense."""
    assert signed({**headers_of(), **changes}) is None


def test_another_body_or_secret_is_not():
    """One byte is enough."""
    assert signed(headers_of(), body=BODY + b" ") is None
    assert signed(headers_of(), body=BODY[:-1]) is None
    assert signed(headers_of(OTHER)) is None
    assert signed({}) is None


def test_a_secret_is_for_its_sender():
    """What one provider signs is not read as another one's."""
    secrets = {"openai": SECRET, "replicate": OTHER}

    assert signed(headers_of(), secrets=secrets).kinds == {Kind.OPENAI}
    assert signed(headers_of(OTHER), secrets=secrets).kinds == {Kind.REPLICATE}


def test_a_scheme_of_the_senders_own():
    """A function looks at headers and body; where it says no, the secrets may still say yes."""
    looked = []

    def check(headers, body):
        looked.append(body)
        return headers.get("x-fal-webhook-signature") == "right"

    keys = keys_of(SECRET, {"fal": check}, {})

    assert keys.signed({"x-fal-webhook-signature": "right"}, BODY, NOW_S) == Signed(
        None, frozenset({Kind.FAL})
    )
    assert keys.signed({"x-fal-webhook-signature": "wrong"}, BODY, NOW_S) is None
    assert keys.signed(headers_of(), BODY, NOW_S).kinds == BOTH
    assert looked == [BODY] * 3


def test_the_environment_has_the_secrets():
    """Each provider's own variable."""
    environ = {"OPENAI_WEBHOOK_SECRET": SECRET, "REPLICATE_WEBHOOK_SECRET": OTHER}

    assert len(keys_of(None, None, environ).keys) == 2
    assert keys_of(None, {"fal": lambda _headers, _body: True}, environ).keys == ()
    with pytest.raises(ConfigError, match="set OPENAI_WEBHOOK_SECRET or REPLICATE_WEBHOOK_SECRET"):
        keys_of(None, None, {"OPENAI_WEBHOOK_SECRET": ""})


@pytest.mark.parametrize(
    "secret", ["secret", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64!", 7, [None]]
)
def test_a_secret_that_is_none(secret):
    """The text says what one looks like, and does not repeat it."""
    with pytest.raises(ConfigError, match="a webhook secret is 'whsec_' and the base64") as caught:
        keys_of(secret, None, {})
    assert "c2hvcnQ" not in str(caught.value)


def test_a_sender_that_nobody_knows():
    """The text says which there are."""
    with pytest.raises(ConfigError, match="unknown webhook sender 'falai'; known: fal, openai"):
        keys_of({"falai": SECRET}, None, {})


def test_keys_are_not_shown():
    """Neither in a repr nor in a log."""
    assert repr(keys_of([SECRET, OTHER], None, {})) == "Keys(2, checks=[])"
