"""`POST /webhooks/provider`: a provider says that a video has ended, so it is asked about at once.

What it says is not taken over, only that there is news: the answer of the server counts. Standard
Webhooks 1.0, as OpenAI signs them, by the secret of the deployment.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

import msgspec

from vidobs.gateway.seams import Refusal
from vidobs.gateway.wire.answers import Answer, json_answer
from vidobs.gateway.wire.bodies import chunks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.gateway.core import Core
    from vidobs.gateway.seams import Receive

PATH = "/webhooks/provider"
MOST_BYTES = 64 << 10
TOLERANCE_S = 300
_MOST_SIGNATURES = 16
_MOST_DIGITS = 12
_TOOK = json_answer({"received": True})


class _Video(msgspec.Struct):
    id: str


class _Event(msgspec.Struct):
    data: _Video


async def take(
    core: Core, headers: Mapping[bytes, bytes], receive: Receive, *, now_s: float
) -> Answer:
    """Ask about the video that an event is of.

    Raises:
        Refusal: 400, nobody whom we know has signed it; 413.
    """
    body = b"".join([piece async for piece in chunks(receive, MOST_BYTES)])
    signers = [
        one
        for one in core.balance.upstreams
        if one.deployment.webhook_key is not None
        and signed(headers, body, one.deployment.webhook_key, now_s=now_s)
    ]
    if not signers:
        raise Refusal(400, "nobody known has signed this", code="invalid_signature")
    try:
        raw = msgspec.json.decode(body, type=_Event).data.id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _TOOK  # of another kind
    for one in signers:
        video = core.book.of_server(one.deployment.id, raw)
        if video is not None:
            core.poller.hurry(video)
    return _TOOK


def signed(headers: Mapping[bytes, bytes], body: bytes, key: bytes, *, now_s: float) -> bool:
    """Tell whether the holder of a key has signed a body within the last five minutes."""
    message_id, sent_at = headers.get(b"webhook-id"), headers.get(b"webhook-timestamp", b"")
    if message_id is None or not sent_at.isdigit() or len(sent_at) > _MOST_DIGITS:
        return False
    if abs(now_s - int(sent_at)) > TOLERANCE_S:
        return False
    content = b".".join((message_id, sent_at, body))
    expected = hmac.digest(key, content, hashlib.sha256)
    given = headers.get(b"webhook-signature", b"").split(b" ")[:_MOST_SIGNATURES]
    return any(hmac.compare_digest(_decoded(one), expected) for one in given)


def _decoded(signature: bytes) -> bytes:
    version, _, encoded = signature.partition(b",")
    if version != b"v1":
        return b""
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return b""
