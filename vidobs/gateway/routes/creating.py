"""`POST /videos`, remixes, edits and extensions: one job, one intent, at most one accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import ConfigError
from vidobs.dialects.openai import Route, read_call
from vidobs.gateway.guardrails.refusals import tell_refused
from vidobs.gateway.idempotency.replays import Keyed, Made, scope_of
from vidobs.gateway.observing import attribution
from vidobs.gateway.routes.wishes import wish_of
from vidobs.gateway.seams import Ask, Refusal
from vidobs.gateway.upstream.http import NoAnswer
from vidobs.gateway.upstream.outcomes import Outcome, of_reply, of_silence
from vidobs.gateway.upstream.outgoing import Outgoing, outgoing
from vidobs.gateway.videos.book import Video
from vidobs.gateway.videos.ids import Sealed
from vidobs.gateway.videos.poller import wanted_s
from vidobs.gateway.wire.answers import JSON, Answer, encoded, envelope
from vidobs.gateway.wire.bodies import read_body
from vidobs.observer.creates import Create
from vidobs.observer.outcome import UNKNOWN_OUTCOME, Failure
from vidobs.telemetry.incoming import join

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from vidobs.core.calls import Operation, VideoCall
    from vidobs.core.jobs import Job
    from vidobs.gateway.core import Core
    from vidobs.gateway.routes.wishes import Wish
    from vidobs.gateway.seams import Guards, Permit
    from vidobs.gateway.upstream.http import Reply
    from vidobs.gateway.upstream.server import Upstream
    from vidobs.gateway.wire.asked import Asked

_CANCELLED = Failure("Cancelled", "Cancelled: the gateway was stopped", UNKNOWN_OUTCOME)
_decode = msgspec.json.Decoder().decode


async def create(core: Core, asked: Asked, operation: Operation) -> Answer:
    """Make a video."""
    body = await read_body(asked, core.config.sizes)
    try:
        wish = wish_of(core, asked, operation, body)
        key = asked.header(b"idempotency-key")
        if key is None:
            return (await _made(core, asked, wish, None)).answer
        keyed = _keyed(core, asked, wish, key)
        return await core.replays.run(keyed, lambda: _made(core, asked, wish, keyed))
    finally:
        body.close()


def _keyed(core: Core, asked: Asked, wish: Wish, key: str) -> Keyed:
    """Say what a key stands for; files count by their digests, not by how the form was cut."""
    files = sorted((each.field, each.digest.hex()) for each in wish.body.uploads)
    about = {"\0model": wish.model, "\0source": wish.source, "\0files": files}
    fields = {**wish.body.fields, **about}
    return Keyed(
        scope=scope_of(asked.principal.owner, wish.operation.value, key),
        request_hash=core.runtime.fingerprint().request_hash(fields),
        prompt=wish.prompt,
    )


async def _made(core: Core, asked: Asked, wish: Wish, keyed: Keyed | None) -> Made:
    """Ask one server after the other, the next only when the one before took nothing for certain.

    Raises:
        Refusal: guards, limits or budgets do not let it through.
    """
    first = _Attempt(core, asked, wish, wish.upstreams[0])
    if core.parts.guards is not None:
        wish = await first.guarded(core.parts.guards)
    done = await first.run(wish, keyed)
    for upstream in wish.upstreams[1:]:
        if not done.elsewhere:
            break
        done = await _Attempt(core, asked, wish, upstream).run(wish, keyed)
    return done


class _Attempt:
    """One create at one server."""

    def __init__(self, core: Core, asked: Asked, wish: Wish, upstream: Upstream) -> None:
        self._core = core
        self._asked = asked
        self._wish = wish
        self._upstream = upstream
        self._observing = core.observing
        self._begun_ns = core.runtime.clock.time_ns()
        self._job_id = core.observing.new_job_id()

    async def guarded(self, guards: Guards) -> Wish:
        """Let guards look at the prompt; return what is sent.

        Raises:
            Refusal: they do not let it through.
        """
        wish = self._wish
        if any(each.field == "prompt" for each in wish.body.uploads):
            raise Refusal(400, "the prompt must be text", code="invalid_type", param="prompt")
        call = self._call(self._outgoing())
        try:
            prompt = await guards.before(self._asked.principal, self._ask(call, None))
        except Refusal as refusal:
            self._told_refused(self._begun(call), refusal)
            raise
        if prompt is None:
            return wish
        # Set anew even where it is the same: a form may hold others that nobody has looked at.
        return msgspec.structs.replace(
            wish, prompt=prompt, changed={**wish.changed, "prompt": prompt}
        )

    async def run(self, wish: Wish, keyed: Keyed | None) -> Made:
        """Reserve, write the intent, send, record."""
        core, self._wish = self._core, wish
        out = self._outgoing()
        call = self._call(out)
        self._observing.look_up(self._upstream, call)
        seen = self._begun(call)
        try:
            ask = self._ask(call, seen)
            permit = core.parts.admission.admit(self._asked.principal, ask)
        except Refusal as refusal:
            self._told_refused(seen, refusal)
            raise
        if keyed is not None:
            self._claim(keyed, seen, permit)
        await core.together.write(seen.job)  # written, though nobody may wait for it any more
        return await self._sent(out, seen, permit)

    def _begun(self, call: VideoCall) -> Create:
        observer = self._observing.observer
        incoming = self._asked.header(b"traceparent")
        if incoming is not None:
            join(incoming, self._asked.header(b"tracestate") or "")
        return Create(observer, call, job_id=self._job_id, begun_ns=self._begun_ns)

    def _told_refused(self, seen: Create, refusal: Refusal) -> None:
        self._observing.guard.run("refused create", tell_refused, seen, refusal)

    def _claim(self, keyed: Keyed, seen: Create, permit: Permit) -> None:
        """Note whose key this job is made with, before there is a job."""
        try:
            self._core.replays.claim(keyed, self._job_id)
        except Refusal:
            seen.discard()
            permit.give_back()
            raise

    async def _sent(self, out: Outgoing, seen: Create, permit: Permit) -> Made:
        upstream, guard = self._upstream, self._observing.guard
        reply: Reply | None = None
        upstream.busy += 1
        ended = False
        try:
            reply = await self._send(out, seen)
            outcome = of_reply(reply, upstream, self._wish.prompt)
            ended = True
        except NoAnswer as error:
            outcome = of_silence(error)
            ended = True
        finally:
            upstream.busy -= 1
            guard.run("create", seen.detach)
            if not ended:  # cancelled: the request is on its way, and nobody waits for the answer
                guard.run("create", seen.fail, _CANCELLED)
        self._note_health(outcome)
        job = await self._written(seen, outcome)
        if outcome.told is not None or reply is None:
            return self._refused(outcome, permit)
        return self._accepted(reply, outcome, permit, job)

    async def _written(self, seen: Create, outcome: Outcome) -> Job:
        """Write what became of it, together with what others write at this moment.

        Return the job as it stands then; the one that was asked for where that has to wait.
        """
        guard, prompt = self._observing.guard, self._wish.prompt
        if outcome.failure is not None:
            ending = guard.run("create", seen.failed, outcome.failure)
        else:
            ending = guard.run("create", seen.answered, outcome.snapshot, prompt=prompt)
        if ending is None:
            return seen.job
        written = await self._core.together.write(ending.seen)
        guard.run("create", seen.ended, ending, written)
        return seen.job if written is None else written.job

    def _send(self, out: Outgoing, seen: Create) -> Awaitable[Reply]:
        upstream = self._upstream
        data, headers = out.encoded()
        headers = {**headers, "Idempotency-Key": self._job_id}
        if upstream.deployment.variant.joins_traces:
            headers["traceparent"] = seen.job.trace.traceparent
        return self._core.http.send(upstream, "POST", out.path, data=data, headers=headers)

    def _accepted(self, reply: Reply, outcome: Outcome, permit: Permit, job: Job) -> Made:
        core, upstream = self._core, self._upstream
        raw = outcome.snapshot.provider_job_id if outcome.snapshot is not None else None
        owner, now_s = self._asked.principal.owner, core.loop.time()
        sealed = Sealed(upstream.deployment.id, core.signer.owner_of(owner), raw or "")
        its_id = core.signer.id_for(sealed)
        video = core.book.add(Video.known_as(its_id, sealed, upstream, now_s=now_s))
        video.owner = owner
        if job.job_id != self._job_id:  # the server had it already: it is one
            permit.give_back()
        core.book.take(video, _decode(reply.body), job)
        video.taken_at = now_s
        core.poller.watch(video, after_s=wanted_s(reply))
        return Made(
            Answer(
                200,
                video.body or b"{}",
                (JSON, *video.cost, *self._about(), *encoded(permit.headers)),
            ),
            accepted=True,
        )

    def _refused(self, outcome: Outcome, permit: Permit) -> Made:
        told = outcome.told
        assert told is not None  # noqa: S101 - what is not accepted is told
        if outcome.released:
            permit.give_back()
        headers = {"x-should-retry": "true" if told.retry else "false"}
        if told.after_s is not None:
            headers["retry-after"] = f"{told.after_s:.0f}"
        answer = envelope(
            told.status,
            told.message,
            code=told.code,
            error_type=told.error_type,
            param=told.param,
            headers=(*encoded(headers), *self._about(), *encoded(permit.headers)),
        )
        accepted = False if outcome.released else None
        return Made(answer, accepted, outcome.elsewhere)

    def _note_health(self, outcome: Outcome) -> None:
        config, upstream, now_s = self._core.config, self._upstream, self._core.loop.time()
        if not outcome.faulty:
            upstream.worked()
            return
        after_s = None if outcome.told is None else outcome.told.after_s
        if after_s is not None:
            upstream.rest(now_s + min(after_s, config.cooldown_s))
        if upstream.failed(now_s, allowed=config.allowed_fails, rest_s=config.cooldown_s):
            self._core.parts.alerts.raise_alert(
                "deployment_cooldown",
                f"{upstream.address} failed {upstream.fails} times in a row and rests",
                key=upstream.deployment.id,
                facts={"model": upstream.deployment.model_name, "address": upstream.address},
            )

    # -- what is sent, and what is said of it ------------------------------------------------------

    def _outgoing(self) -> Outgoing:
        wish = self._wish
        try:
            return outgoing(
                wish.operation,
                wish.body,
                self._upstream,
                source=wish.source,
                changed=wish.changed,
            )
        except ConfigError as error:
            raise Refusal(404, str(error), code="not_found") from None

    def _call(self, out: Outgoing) -> VideoCall:
        fields = {**out.fields, "model": self._upstream.deployment.upstream_model}
        return read_call(
            Route(self._wish.operation, self._wish.source),
            fields,
            out.files,
            None,
            context=self._upstream.context,
            idempotency_key=self._job_id,
            attribution=attribution(self._asked.principal, self._upstream, out.fields),
        )

    def _ask(self, call: VideoCall, seen: Create | None) -> Ask:
        request = call.request if seen is None else seen.job.request
        return Ask(
            job_id=self._job_id,
            operation=call.operation,
            model=self._wish.model,
            provider=call.provider,
            upstream_model=self._upstream.deployment.upstream_model,
            quote_usd=None if seen is None else seen.job.cost.usd,
            seconds=request.seconds,
            prompt=self._wish.prompt,
            now=self._asked.now,
        )

    def _about(self) -> tuple[tuple[bytes, bytes], ...]:
        """Headers that say who made it, as LiteLLM's proxy has them."""
        return (
            (b"x-vidobs-job-id", self._job_id.encode()),
            (b"x-litellm-call-id", self._job_id.encode()),
            (b"x-litellm-model-id", self._upstream.deployment.id.encode()),
        )
