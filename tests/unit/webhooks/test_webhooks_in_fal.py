"""fal's webhooks are believed by its own keys, and by nothing else."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vidobs.core.errors import ConfigError
from vidobs.webhooks import fal_signature

NOW_S = 1_795_000_000
BODY = b'{"request_id":"req_1","status":"OK","payload":{}}'
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def published(*keys):
    """Return a key set as fal publishes it: base64url without padding."""
    encoded = [base64.urlsafe_b64encode(key.public_key().public_bytes_raw()) for key in keys]
    return {
        "keys": [
            {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
            *({"kty": "OKP", "crv": "Ed25519", "x": one.decode().rstrip("=")} for one in encoded),
        ]
    }


def headers_of(key=PRIVATE, *, body=BODY, sent_s=NOW_S, **changed):
    """Return the headers that fal puts on a body; `changed` ones after it was signed."""
    given = {"request_id": "req_1", "user_id": "github|1", "timestamp": str(sent_s)}
    content = "\n".join([*given.values(), hashlib.sha256(body).hexdigest()])
    given["signature"] = key.sign(content.encode()).hex()
    return {f"x-fal-webhook-{k.replace('_', '-')}": v for k, v in {**given, **changed}.items()}


def believed(headers, *, body=BODY, keys=None, **options):
    """Check a webhook."""
    return fal_signature(keys or published(PRIVATE), now=lambda: NOW_S, **options)(headers, body)


@pytest.mark.parametrize("sent_s", [NOW_S - 300, NOW_S, NOW_S + 300])
def test_what_fal_signed_is_believed(sent_s):
    """For five minutes before and after; also while it changes its keys."""
    assert believed(headers_of(sent_s=sent_s))
    assert believed(headers_of(sent_s=sent_s), keys=published(OTHER, PRIVATE))
    assert believed(headers_of(sent_s=sent_s), keys=lambda: published(PRIVATE))
    assert believed(headers_of(sent_s=sent_s), user_id="github|1")


@pytest.mark.parametrize(
    "changed",
    [
        {"request_id": "req_2"},
        {"user_id": "github|2"},
        {"timestamp": str(NOW_S + 1)},
        {"timestamp": "soon"},
        {"signature": ""},
        {"signature": "no hex"},
        {"signature": "é"},
        {"signature": "00" * 64},
        {"user_id": ""},
    ],
    ids=str,
)
def test_what_was_changed_is_not(changed):
    """Each header is part of what is signed."""
    assert not believed(headers_of(**changed))


def test_what_is_not_of_now_or_not_of_fal_is_not():
    """Too old, too young, another body, another key, another account, no headers."""
    assert not believed(headers_of(sent_s=NOW_S - 301))
    assert not believed(headers_of(sent_s=NOW_S + 301))
    assert not believed(headers_of(), body=BODY + b" ")
    assert not believed(headers_of(OTHER))
    assert not believed(headers_of(), user_id="github|2")
    assert not believed({})


@pytest.mark.parametrize(
    "keys",
    [{}, {"keys": "x"}, {"keys": []}, {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AQAB"}]}],
    ids=str,
)
def test_what_holds_no_key_is_said_at_once(keys):
    """Not with the first webhook."""
    with pytest.raises(ConfigError, match=r"fal.* key set"):
        fal_signature(keys)
