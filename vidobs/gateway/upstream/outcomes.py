"""What a server's answer to a create means: for the job, for the client, for other servers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import JobSnapshot, JobState, Reason
from vidobs.core.scrub import SECRET, scrub_error
from vidobs.dialects.failures import error_of
from vidobs.dialects.openai import charged, decode_video, rejected
from vidobs.observer.outcome import UNKNOWN_OUTCOME, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.gateway.upstream.http import NoAnswer, Reply
    from vidobs.gateway.upstream.server import Upstream

_OK = range(200, 300)
_CLIENT_ERRORS = range(400, 500)
_IN_THE_AIR = frozenset({408, 409, 425})  # the server may have taken it all the same
_UNAUTHORIZED, _TOO_MANY, _BAD_GATEWAY, _UNAVAILABLE, _TIMEOUT = 401, 429, 502, 503, 504
_LONGEST_WAIT_S = 3600.0
_SHORTEST_KEY = 6


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An error as a client is told of it."""

    status: int
    message: str
    code: str | None
    error_type: str
    param: str | None = None
    retry: bool  # provably nothing was accepted, and the same may work a moment later
    after_s: float | None = None  # what the server asks for


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one attempt at a create."""

    snapshot: JobSnapshot | None  # of the job; None: the answer could not be read
    failure: Failure | None = None
    told: Told | None = None  # None: it was accepted
    elsewhere: bool = False  # provably not accepted, for a reason of this server alone
    faulty: bool = False  # the server is not well

    @property
    def released(self) -> bool:
        """Whether nothing was accepted, for certain."""
        return self.snapshot is not None and self.snapshot.state is JobState.FAILED


def of_reply(reply: Reply, upstream: Upstream, prompt: str | None) -> Outcome:
    """Say what an answer means."""
    status = reply.status
    if status in _OK:
        return _accepted(reply, upstream, prompt)
    body = without_key(reply.body, upstream)
    told = told_error(reply, upstream, prompt)
    if status in _CLIENT_ERRORS and status not in _IN_THE_AIR:
        snapshot = rejected(status, body, prompt=prompt)
        alone = status in (_UNAUTHORIZED, _TOO_MANY)
        failure = _failure(told, snapshot)
        return Outcome(snapshot=snapshot, failure=failure, told=told, elsewhere=alone, faulty=alone)
    if status == _UNAVAILABLE and "retry-after" in reply.headers:
        snapshot = JobSnapshot(state=JobState.FAILED, reason=Reason.PROVIDER_ERROR)
        failure = _failure(told, snapshot)
        return Outcome(snapshot=snapshot, failure=failure, told=told, elsewhere=True, faulty=True)
    told = msgspec.structs.replace(told, retry=False)
    return Outcome(
        snapshot=UNKNOWN_OUTCOME,
        failure=_failure(told, UNKNOWN_OUTCOME),
        told=told,
        faulty=True,
    )


def of_silence(error: NoAnswer) -> Outcome:
    """Say what it means that there was no answer."""
    if error.sent:
        snapshot = UNKNOWN_OUTCOME
        status = _TIMEOUT if error.late else _BAD_GATEWAY
        message = f"{error}; whether a video is made is not known, and it is not asked for again"
        code = "outcome_unknown"
    else:
        snapshot = JobSnapshot(state=JobState.FAILED, reason=Reason.NOT_SENT)
        status, message, code = _BAD_GATEWAY, f"{error}; nothing was sent", "upstream_unreachable"
    told = Told(
        status=status,
        message=message,
        code=code,
        error_type="server_error",
        retry=not error.sent,
    )
    failure = Failure(error.error_type, f"{error.error_type}: {error}", snapshot)
    return Outcome(
        snapshot=snapshot, failure=failure, told=told, elsewhere=not error.sent, faulty=True
    )


def told_error(reply: Reply, upstream: Upstream, prompt: str | None = None) -> Told:
    """Return what a client is told of a server's error: its own words, without our key."""
    status = reply.status
    body = without_key(reply.body, upstream)
    said = error_of(body)
    message = said.message if said is not None and said.message else f"HTTP {status}"
    code = None if said is None else said.code
    if status == _UNAUTHORIZED:  # it is our key that is wrong, not the client's
        status, code = _BAD_GATEWAY, "upstream_unauthorized"
        message = f"{upstream.address} refused the gateway's key: {message}"
    elif status not in _CLIENT_ERRORS and status < 500:  # noqa: PLR2004 - a redirect, or worse
        status, code = _BAD_GATEWAY, "upstream_unreadable"
    fault = status >= 500  # noqa: PLR2004 - theirs
    return Told(
        status=status,
        message=scrub_error(message, prompt),
        code=code,
        error_type="server_error" if fault else _type(body) or "invalid_request_error",
        param=_param(body),
        retry=status == _TOO_MANY or (status == _UNAVAILABLE and "retry-after" in reply.headers),
        after_s=retry_after_s(reply.headers),
    )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the wait that a server asks for, in seconds, where it gives a number."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        given = headers.get(name)
        if given is None:
            continue
        try:
            seconds = float(given) / unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return min(seconds, _LONGEST_WAIT_S)
    return None


def without_key(body: bytes, upstream: Upstream) -> bytes:
    """Return an answer without the gateway's own key, which a server may quote."""
    key = upstream.deployment.api_key
    if key is None or len(key) < _SHORTEST_KEY:
        return body
    return body.replace(key.encode(), SECRET.encode())


def _accepted(reply: Reply, upstream: Upstream, prompt: str | None) -> Outcome:
    snapshot = decode_video(reply.body, prompt=prompt)
    if snapshot is not None and snapshot.provider_job_id is not None:
        return Outcome(snapshot=charged(snapshot, reply.headers))
    told = Told(
        status=_BAD_GATEWAY,
        message=f"{upstream.address} names no video; whether one is made is not known",
        code="upstream_unreadable",
        error_type="server_error",
        retry=False,
    )
    return Outcome(snapshot=None, told=told, faulty=True)


def _failure(told: Told, snapshot: JobSnapshot) -> Failure:
    kind = told.code or f"HTTP{told.status}"
    return Failure(kind[:64], f"{kind}: {told.message}", snapshot)


class _Envelope(msgspec.Struct):
    error: msgspec.Raw | None = None


class _Error(msgspec.Struct):
    type: str | None = None
    param: str | None = None


def _type(body: bytes) -> str | None:
    return _error(body).type


def _param(body: bytes) -> str | None:
    return _error(body).param


def _error(body: bytes) -> _Error:
    try:
        raw = msgspec.json.decode(body, type=_Envelope).error
        return _Error() if raw is None else msgspec.json.decode(raw, type=_Error)
    except msgspec.MsgspecError:
        return _Error()
