"""`handle`: one webhook from its bytes to the ledger."""

from __future__ import annotations

import logging
import os
import time
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from vidobs import runtime
from vidobs.core.api_errors import APIError, NotFoundError
from vidobs.core.calls import Operation, VideoCall
from vidobs.core.errors import ConfigError, LedgerError, unknown_name
from vidobs.core.jobs import Job
from vidobs.core.scrub import scrub
from vidobs.ledger import open_jobs
from vidobs.ledger.open_jobs import Place
from vidobs.ledger.patience import patiently
from vidobs.observer.polls import Poll
from vidobs.runtime.reach import reach
from vidobs.webhooks._payloads import Told, read
from vidobs.webhooks._seen import Seen
from vidobs.webhooks._signatures import keys_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.core.jobs import JobSnapshot
    from vidobs.runtime import Runtime
    from vidobs.webhooks._signatures import Check, Keys, Secrets

MOST_BYTES = 1 << 20
FETCH_S = 5.0  # senders give up after ten seconds or so, and send again
ADOPT, IGNORE = "adopt", "ignore"
_MANUAL = "manual"  # the dialect of jobs that no client of vidobs can ask about

_log = logging.getLogger("vidobs")


class Outcome(StrEnum):
    """What became of a webhook."""

    CLOSED = "closed"  # the job has ended, and counts once
    UPDATED = "updated"  # it goes on
    DUPLICATE = "duplicate"  # it was dealt with before
    IGNORED = "ignored"  # it is about no video
    UNKNOWN = "unknown"  # about a job that neither the ledger nor its provider knows
    LATER = "later"  # the provider could not be asked now: let it be sent again
    REFUSED = "refused"  # not signed, or too old
    MALFORMED = "malformed"  # signed, and makes no sense


_STATUS = {
    Outcome.CLOSED: 204,
    Outcome.UPDATED: 204,
    Outcome.DUPLICATE: 204,
    Outcome.IGNORED: 204,
    Outcome.UNKNOWN: 204,
    Outcome.LATER: 503,
    Outcome.REFUSED: 401,
    Outcome.MALFORMED: 400,
}
_FINAL = frozenset({Outcome.CLOSED, Outcome.UPDATED, Outcome.IGNORED, Outcome.UNKNOWN})


class Handled(msgspec.Struct, frozen=True, kw_only=True):
    """What to answer, and what the webhook was about."""

    status: int  # of the HTTP answer, which has no body
    outcome: Outcome
    event: str | None = None  # as its sender calls it, such as `video.completed`
    job: Job | None = None  # as it stands now


def handle(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Secrets | Mapping[str, Secrets] | None = None,
    checks: Mapping[str, Check] | None = None,
    unknown: str = ADOPT,
) -> Handled:
    """Check a webhook, and close the job that it is about.

    Blocks for as long as the ledger takes, and, where the webhook only names the job, for one
    question to the provider, five seconds at most per step. Safe to call from any thread.

    Args:
        headers: of the request, in any case.
        body: the raw bytes, as they were signed.
        secrets: `whsec_...`, several of them, or a mapping by `openai` and `replicate`; else
            OPENAI_WEBHOOK_SECRET and REPLICATE_WEBHOOK_SECRET.
        checks: functions of headers (lower-case) and body that say whether a webhook of `fal`, or
            of another sender with a scheme of its own, is signed.
        unknown: what to do about a job that the ledger does not know: `adopt` it, or `ignore` it.

    Raises:
        ConfigError: there is no secret, or an argument makes no sense.
    """
    keys = keys_of(secrets, checks, os.environ)
    if unknown not in (ADOPT, IGNORE):
        raise ConfigError(unknown_name("way with unknown jobs", str(unknown), (ADOPT, IGNORE)))
    return Desk(keys, adopts=unknown == ADOPT).take(headers, body)


class Desk:
    """Where webhooks come in. Thread-safe."""

    def __init__(self, keys: Keys, *, adopts: bool) -> None:
        self._keys = keys
        self._adopts = adopts

    def take(self, headers: Mapping[str, str], body: bytes) -> Handled:
        """Deal with one webhook."""
        lower = {name.lower(): value for name, value in headers.items()}
        kind = lower.get("content-type", "application/json").partition(";")[0].strip().lower()
        if len(body) > MOST_BYTES:
            return Handled(status=413, outcome=Outcome.MALFORMED)
        if kind != "application/json":
            return Handled(status=415, outcome=Outcome.MALFORMED)
        signed = self._keys.signed(lower, body, time.time())
        if signed is None:
            _log.info("a webhook was refused")
            return _answer(Outcome.REFUSED)
        told = read(body, signed.kinds)
        if told is None:
            return _answer(Outcome.MALFORMED)
        running = runtime.current()
        if running is None:
            return _answer(Outcome.IGNORED, told)
        return self._dealt_with(running, told, signed.message_id)

    def _dealt_with(self, running: Runtime, told: Told, message_id: str | None) -> Handled:
        seen, own_id = Seen(running), message_id or f"{told.video_id} {told.event}"
        if seen.has(told.kind, own_id):
            return _answer(Outcome.DUPLICATE, told, _job_of(running, told))
        handled = self._about(running, told)
        if handled.outcome in _FINAL:
            seen.add(told.kind, own_id)
        return handled

    def _about(self, running: Runtime, told: Told) -> Handled:
        snapshot = told.snapshot
        if told.video_id is None or (snapshot is not None and snapshot.state is None):
            return _answer(Outcome.IGNORED, told)
        job = _job_of(running, told)
        if job is not None and job.state.terminal:
            return _answer(Outcome.CLOSED, told, job)
        if job is None and not self._adopts:
            _log.info("a webhook is about job %s, which is not ours", scrub(told.video_id, 100))
            return _answer(Outcome.UNKNOWN, told)
        if snapshot is not None:
            running.guard.run("webhook", _record, running, told, snapshot, job)
        else:
            outcome = _fetch(running, told, job)
            if outcome is not None:
                return _answer(outcome, told, job)
        return _closed(told, _job_of(running, told))


def _record(running: Runtime, told: Told, snapshot: JobSnapshot, job: Job | None) -> None:
    """Write what a webhook says of a job itself."""
    call = VideoCall(
        operation=Operation.RETRIEVE,
        provider=told.kind.value if job is None else job.provider,
        dialect=_MANUAL if job is None else job.dialect,
        model=None if job is None else job.model,
        video_id=told.video_id,
    )
    shown = None if told.prompt is None else running.fingerprint().prompt_hash(told.prompt)
    poll = Poll(running.observer, call, running.clock.time_ns())
    poll.answer(snapshot, None, prompt_hash=None if poll.known else shown)


def _fetch(running: Runtime, told: Told, job: Job | None) -> Outcome | None:
    """Ask the provider how a job stands, once; return why that did not work."""
    asking = reach(running)
    try:
        if job is None:
            place = asking.place_of(told.kind.value)
        else:
            place = Place(job.provider, job.dialect, job.server_address, job.server_port)
        asking.retrieve(place, told.video_id or "", timeout_s=FETCH_S)
    except ConfigError as error:
        _log.warning("webhook %s: nobody can be asked: %s", told.event, scrub(str(error), 500))
        return Outcome.LATER
    except NotFoundError:
        _log.warning("webhook %s: %s is not known there", told.event, scrub(told.video_id, 100))
        return Outcome.UNKNOWN
    except APIError as error:
        _log.info("webhook %s: asking failed: %s", told.event, scrub(str(error), 500))
        return Outcome.LATER
    return None


def _job_of(running: Runtime, told: Told) -> Job | None:
    """Return the job that the ledger has under an id, whatever provider it is filed under."""
    asking = partial(open_jobs.known_ids, ids=[told.video_id or ""])
    try:
        jobs = patiently(lambda: running.store.outbox().sweeper().ask(asking), patience_s=1.0)
    except LedgerError:
        return running.observer.job_of(told.kind.value, told.video_id or "")
    return next((job for job in jobs if job.provider == told.kind.value), next(iter(jobs), None))


def _closed(told: Told, job: Job | None) -> Handled:
    """Return how it went; what is not written yet is not done."""
    if job is not None and job.state.terminal:
        return _answer(Outcome.CLOSED, told, job)
    return _answer(Outcome.LATER if told.ends or job is None else Outcome.UPDATED, told, job)


def _answer(outcome: Outcome, told: Told | None = None, job: Job | None = None) -> Handled:
    event = None if told is None else scrub(told.event, 100)
    return Handled(status=_STATUS[outcome], outcome=outcome, event=event, job=job)
