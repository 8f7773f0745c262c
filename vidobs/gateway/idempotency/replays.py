"""One create for one key: the first is sent, those beside it wait, those after it get its answer.

A prompt is never kept: the body that is stored lacks it, and who asks again with the same key has
sent the same prompt.
"""

from __future__ import annotations

import asyncio
import contextlib
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import LedgerUnusableError
from vidobs.gateway.idempotency.store import Kept
from vidobs.gateway.seams import Refusal
from vidobs.gateway.wire.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vidobs.gateway.idempotency.store import Answers

LONGEST_KEY = 255
SWEEP_EVERY_S = 600.0
REPLAYED = (b"idempotency-replayed", b"true")
_US = 1_000_000
_encode = msgspec.json.Encoder().encode


class Keyed(msgspec.Struct, frozen=True, kw_only=True):
    """A create that came with a key."""

    scope: bytes
    request_hash: str
    prompt: str | None


class Made(msgspec.Struct, frozen=True):
    """What a create came to."""

    answer: Answer
    accepted: bool | None  # None: nobody knows
    elsewhere: bool = False  # another server may be asked


class Replays:
    """What is under way and what was answered. Lives in the event loop."""

    def __init__(
        self,
        store: Answers,
        *,
        now_us: Callable[[], int],
        keep_s: float,
        recover: Callable[[str, Keyed], Awaitable[Made | None]],
    ) -> None:
        """`recover` says what became of a job of a process that died; `None`: it was never made."""
        self._store = store
        self._now_us = now_us
        self._keep_us = int(keep_s * _US)
        self._recover = recover
        self._pending: dict[bytes, tuple[str, asyncio.Future[Answer]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self, every_s: float = SWEEP_EVERY_S) -> None:
        """Forget what is too old now, and from time to time, whether anybody asks or not."""
        with contextlib.suppress(LedgerUnusableError):  # whoever comes with a key is told
            self._store.sweep(before_us=self._now_us() - self._keep_us)
        self._timer = asyncio.get_running_loop().call_later(every_s, self.start, every_s)

    def close(self) -> None:
        """Forget no more."""
        if self._timer is not None:
            self._timer.cancel()

    def claim(self, keyed: Keyed, job_id: str) -> None:
        """Note that a create is about to be sent.

        Raises:
            Refusal: it cannot be noted, so nothing is sent.
        """
        kept = Kept(request_hash=keyed.request_hash, job_id=job_id)
        try:
            self._store.claim(keyed.scope, kept, at_us=self._now_us())
        except LedgerUnusableError as error:
            raise _unusable(error) from error

    async def run(self, keyed: Keyed, make: Callable[[], Awaitable[Made]]) -> Answer:
        """Return the answer to a create: a new one, or the first.

        Raises:
            Refusal: 422, the key was used for something else; or what `make` raises.
        """
        under_way = self._pending.get(keyed.scope)
        if under_way is not None:
            _check(keyed, under_way[0])
            return _replayed(await asyncio.shield(under_way[1]), keyed)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending[keyed.scope] = (keyed.request_hash, future)
        try:
            answer = await self._first(keyed, make)
            future.set_result(answer)
        except BaseException as error:
            said = error if isinstance(error, Exception) else _cut_short()
            future.set_exception(said)
            with contextlib.suppress(type(said)):
                future.result()  # nobody may be waiting for it
            raise
        finally:
            del self._pending[keyed.scope]
        return answer

    async def _first(self, keyed: Keyed, make: Callable[[], Awaitable[Made]]) -> Answer:
        try:
            kept = self._store.find(keyed.scope, after_us=self._now_us() - self._keep_us)
        except LedgerUnusableError as error:
            raise _unusable(error) from error
        if kept is not None:
            _check(keyed, kept.request_hash)
            if kept.status is not None:
                return _replayed(Answer(kept.status, kept.body, kept.headers), keyed)
            found = await self._recover(kept.job_id, keyed)
            if found is not None:
                self._keep(keyed, found)
                return _replayed(found.answer, keyed)
        made = await make()
        self._keep(keyed, made)
        return made.answer

    def _keep(self, keyed: Keyed, made: Made) -> None:
        """Keep an answer, unless nothing was accepted: then the key may be used again."""
        with contextlib.suppress(LedgerUnusableError):  # the claim stands, and says enough
            if made.accepted is False:
                self._store.drop(keyed.scope)
                return
            answer = made.answer
            kept = Kept(
                request_hash=keyed.request_hash,
                job_id="",
                status=answer.status,
                headers=answer.headers,
                body=_without_prompt(answer.body),
            )
            self._store.finish(keyed.scope, kept)


def scope_of(owner: str, path: str, key: str) -> bytes:
    """Return what a key stands for: it is its owner's, and of one kind of request.

    Raises:
        Refusal: 400, it is too long.
    """
    if len(key) > LONGEST_KEY:
        message = f"an Idempotency-Key has at most {LONGEST_KEY} characters"
        raise Refusal(400, message, code="invalid_idempotency_key")
    return blake2b(f"{owner}\0{path}\0{key}".encode("utf-8", "replace"), digest_size=20).digest()


def _check(keyed: Keyed, request_hash: str) -> None:
    if request_hash not in ("", keyed.request_hash):  # empty: what was asked for was purged
        raise Refusal(
            422,
            "this Idempotency-Key was used for another request",
            code="idempotency_key_reused",
            headers={"x-should-retry": "false"},
        )


def _replayed(answer: Answer, keyed: Keyed) -> Answer:
    body = answer.body
    if keyed.prompt is not None and answer.status < 300:  # noqa: PLR2004 - a video
        told = msgspec.json.decode(body)
        if isinstance(told, dict) and told.get("prompt") is None and "prompt" in told:
            told["prompt"] = keyed.prompt
            body = _encode(told)
    return Answer(answer.status, body, (*answer.headers, REPLAYED))


def _without_prompt(body: bytes) -> bytes:
    told = msgspec.json.decode(body)
    if not isinstance(told, dict) or told.get("prompt") is None:
        return body
    told["prompt"] = None
    return _encode(told)


def _unusable(error: LedgerUnusableError) -> Refusal:
    return Refusal(
        503,
        f"nothing was sent, for the key cannot be kept: {error}",
        code="idempotency_unavailable",
        error_type="server_error",
    )


def _cut_short() -> Refusal:
    return Refusal(
        503, "the gateway was stopped meanwhile", code="stopped", error_type="server_error"
    )
