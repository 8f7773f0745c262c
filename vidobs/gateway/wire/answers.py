"""Answers: a status, headers and a body, sent in two messages of ASGI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from vidobs.gateway.front.exchange import ANSWER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.gateway.front.exchange import DirectAnswer
    from vidobs.gateway.seams import Refusal, Scope, Send

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
JSON = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a client gets."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = (JSON,)


def json_answer(value: object, *, status: int = 200, headers: Headers = ()) -> Answer:
    """Return a value as JSON."""
    return Answer(status, _encode(value), (JSON, *headers))


def envelope(
    status: int,
    message: str,
    *,
    code: str | None,
    error_type: str = "invalid_request_error",
    param: str | None = None,
    headers: Headers = (),
) -> Answer:
    """Return an error in OpenAI's envelope."""
    error = {"message": message, "type": error_type, "param": param, "code": code}
    return json_answer({"error": error}, status=status, headers=headers)


def refused(refusal: Refusal) -> Answer:
    """Return what a refusal is answered with."""
    return envelope(
        refusal.status,
        refusal.message,
        code=refusal.code,
        error_type=refusal.error_type,
        param=refusal.param,
        headers=encoded(refusal.headers),
    )


def encoded(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    """Return headers as ASGI has them; a value never ends its line."""
    if not headers:
        return ()
    return tuple(
        (name.lower().encode("latin-1", "replace"), _value(value))
        for name, value in headers.items()
    )


def _value(text: str) -> bytes:
    return text.replace("\r", " ").replace("\n", " ").encode("latin-1", "replace")


async def send_answer(scope: Scope, send: Send, answer: Answer, more: Headers = ()) -> None:
    """Send an answer; of one to a HEAD only the headers."""
    at_once: DirectAnswer | None = scope.get(ANSWER)
    if at_once is not None:
        at_once(answer.status, (*answer.headers, *more), answer.body)
        return
    length = (b"content-length", b"%d" % len(answer.body))
    headers = [length, *answer.headers, *more]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})
