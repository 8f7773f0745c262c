"""Who sent a webhook: Standard Webhooks 1.0, as OpenAI and Replicate sign them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
HMAC-SHA256 over id, time of the attempt and body, by a secret `whsec_...`. What is older or younger
than five minutes is no longer, or not yet, believed: it may have been recorded and sent again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec

from vidobs.core.errors import ConfigError, unknown_name

TOLERANCE_S = 300
PREFIX = "whsec_"
LEAST_KEY_BYTES = 16
_MOST_ID_CHARS = 200
_MOST_SIGNATURES = 16  # that are looked at; a sender has one for each of its secrets
_MOST_TIME_CHARS = 12


class Kind(StrEnum):
    """Whose webhooks vidobs can read."""

    OPENAI = "openai"  # and whoever sends the same: {type: video.completed, data: {id}}
    REPLICATE = "replicate"  # prediction objects
    FAL = "fal"  # {request_id, status, payload, error}


Headers: TypeAlias = Mapping[str, str]
Check: TypeAlias = Callable[[Headers, bytes], bool]
Secrets: TypeAlias = "str | list[str] | tuple[str, ...]"

ENVIRONMENT = {Kind.OPENAI: "OPENAI_WEBHOOK_SECRET", Kind.REPLICATE: "REPLICATE_WEBHOOK_SECRET"}


class Signed(msgspec.Struct, frozen=True):
    """A webhook that is what its sender sent."""

    message_id: str | None  # None: its scheme has none
    kinds: frozenset[Kind]  # that the key is for


class Keys(msgspec.Struct, frozen=True):
    """The keys by which webhooks are believed, and functions that know other schemes."""

    keys: tuple[tuple[bytes, frozenset[Kind]], ...] = ()
    checks: Mapping[Kind, Check] = {}

    def __repr__(self) -> str:
        return f"Keys({len(self.keys)}, checks={sorted(self.checks)})"  # never the keys

    def signed(self, headers: Headers, body: bytes, now_s: float) -> Signed | None:
        """Return what a webhook is signed as; `None` when it is not. Headers are lower-case."""
        for kind, check in self.checks.items():
            if check(headers, body):
                return Signed(None, frozenset({kind}))
        message_id, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not (0 < len(message_id) <= _MOST_ID_CHARS and in_time(sent, now_s)):
            return None
        content = f"{message_id}.{sent}.".encode(errors="replace") + body
        given = list(_signatures(headers.get("webhook-signature", "")))
        for key, kinds in self.keys:
            expected = hmac.digest(key, content, hashlib.sha256)
            if any(hmac.compare_digest(expected, one) for one in given):
                return Signed(message_id, kinds)
        return None


def keys_of(
    secrets: Secrets | Mapping[str, Secrets] | None,
    checks: Mapping[str, Check] | None,
    environ: Mapping[str, str],
) -> Keys:
    """Read the secrets that were given, else those of the environment.

    One secret, several (in a list, or with spaces between), or a mapping of them by `openai` and
    `replicate`. `checks` are functions by `openai`, `replicate` or `fal`.

    Raises:
        ConfigError: there are none, or one makes no sense; the text does not repeat it.
    """
    if secrets is None and checks is None:
        secrets = {
            kind.value: environ[name] for kind, name in ENVIRONMENT.items() if environ.get(name)
        }
        if not secrets:
            raise ConfigError(
                "no secret to believe webhooks by: give secrets=, or set "
                + " or ".join(ENVIRONMENT.values())
            )
    named = secrets if isinstance(secrets, Mapping) else {None: secrets} if secrets else {}
    return Keys(
        tuple((_key(one), _kinds(name)) for name, some in named.items() for one in _each(some)),
        {_kind(name): check for name, check in (checks or {}).items()},
    )


def _each(secrets: object) -> list[object]:
    if isinstance(secrets, str):
        return list(secrets.split())
    if isinstance(secrets, list | tuple):
        return [part for one in secrets for part in _each(one)] if secrets else []
    return [secrets]


def _key(secret: object) -> bytes:
    text = secret if isinstance(secret, str) else ""
    encoded = text.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or len(key) < LEAST_KEY_BYTES:
        raise ConfigError(
            f"a webhook secret is {PREFIX!r} and the base64 of {LEAST_KEY_BYTES} bytes or more; "
            "copy it from the provider's settings, or from Sandbox.webhook_secret"
        )
    return key


def _kinds(name: str | None) -> frozenset[Kind]:
    if name is None:
        return frozenset(ENVIRONMENT)
    return frozenset({_kind(name)})


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError:
        raise ConfigError(unknown_name("webhook sender", str(name), Kind)) from None


def in_time(sent: str, now_s: float) -> bool:
    """Whether the time of an attempt is near enough; one that is no number is not."""
    if not (sent.isascii() and sent.isdigit() and len(sent) <= _MOST_TIME_CHARS):
        return False
    return abs(now_s - int(sent)) <= TOLERANCE_S


def _signatures(header: str) -> Iterator[bytes]:
    """The signatures of the version that we know."""
    for part in header.split(" ")[:_MOST_SIGNATURES]:
        version, comma, encoded = part.partition(",")
        if version == "v1" and comma:
            try:
                yield base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                continue
