"""Signing webhooks as OpenAI does: Standard Webhooks 1.0, https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from vidobs.core.standard_webhooks import NEW_KEY_BYTES, PREFIX, secret_of, signed_headers


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Where webhooks go, and the secret (`whsec_...`) that they are signed with."""

    url: str
    secret: str = field(repr=False)

    def headers(self, message_id: str, *, timestamp_s: int, body: bytes) -> dict[str, str]:
        """Return the headers `webhook-id`, `-timestamp` and `-signature`."""
        key = base64.b64decode(self.secret.removeprefix(PREFIX))
        return signed_headers([key], message_id, timestamp_s, body)


def webhook_target(
    url: str | None, secret: str | None = None, *, allow_remote: bool = False
) -> WebhookTarget | None:
    """Check where webhooks shall go; without a secret a new one is made, without a URL nothing.

    Raises `ValueError` for a URL or a secret that cannot be used, and for a URL that leaves this
    machine unless `allow_remote`.
    """
    if url is None:
        if secret is not None:
            raise ValueError("a webhook secret was given, but no URL to send webhooks to")
        return None
    _check_url(url, allow_remote=allow_remote)
    if secret is None:
        secret = secret_of(secrets.token_bytes(NEW_KEY_BYTES))
    _check_secret(secret)
    return WebhookTarget(url, secret)


def _check_url(url: str, *, allow_remote: bool) -> None:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port  # reading the port checks it
    except ValueError as error:
        raise ValueError(f"the webhook URL cannot be read: {error}") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError(
            f"a webhook URL starts with http:// or https:// and has a host, got {url!r}"
        )
    if not allow_remote and not _is_loopback(host):
        raise ValueError(
            f"webhooks go to this machine only, and {host!r} is not a loopback address; use "
            "127.0.0.1 or localhost, or allow remote webhooks"
        )


def _is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_secret(secret: str) -> None:
    """Refuse what is no secret; one of any length is a secret here, for it guards a test."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not key:
        raise ValueError("a webhook secret is 'whsec_' and base64; leave it out to get a new one")
