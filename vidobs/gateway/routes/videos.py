"""`GET /videos/{id}`, its deletion, and lists of what one key has made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import Operation
from vidobs.core.errors import LedgerError
from vidobs.dialects.openai import decode_deleted
from vidobs.dialects.outgoing import path_of
from vidobs.gateway.observing import call_about
from vidobs.gateway.routes.failing import answer_of_error, answer_of_silence
from vidobs.gateway.seams import DEPLOYMENT_TAG, KEY_TAG, Refusal, Role
from vidobs.gateway.upstream.http import NoAnswer
from vidobs.gateway.videos.finder import missing
from vidobs.gateway.videos.poller import FRESH_S
from vidobs.gateway.videos.shown import shown_job
from vidobs.gateway.wire.answers import JSON, Answer, json_answer
from vidobs.observer.polls import Poll

if TYPE_CHECKING:
    from vidobs.core.jobs import Job
    from vidobs.gateway.core import Core
    from vidobs.gateway.videos.book import Video
    from vidobs.gateway.wire.asked import Asked

MOST_LISTED, USUAL_LISTED = 100, 20
LOOKED_THROUGH = 20_000  # newest jobs, for those of one key
_POLL_AFTER = b"openai-poll-after-ms"
_A_MOMENT_MS = 20  # after the server was asked


async def retrieve(core: Core, asked: Asked) -> Answer:
    """Tell how a video is doing: what the server said last, at once."""
    video = core.finder.video(asked, asked.video_id or "")
    now_s = core.loop.time()
    video.asked_at = now_s
    if video.body is None or (video.ended and now_s - video.taken_at > FRESH_S):
        await core.poller.fresh(video)
    body = video.body
    if body is None:
        raise missing(video.id)
    if video.ended:
        return Answer(200, body, (JSON, *video.cost))
    core.poller.watch(video)
    core.poller.refresh(video, now_s)
    rest_s = 0.0 if video.polling is not None else video.next_at - now_s
    after_ms = int(rest_s * 1000) + _A_MOMENT_MS
    return Answer(
        200, body, (JSON, (_POLL_AFTER, b"%d" % max(after_ms, _A_MOMENT_MS)), *video.cost)
    )


async def delete(core: Core, asked: Asked) -> Answer:
    """Delete a video, running or finished, where its server can."""
    video = core.finder.video(asked, asked.video_id or "")
    upstream, start_ns = video.upstream, core.runtime.clock.time_ns()
    try:
        reply = await core.http.send(upstream, "DELETE", path_of(video.raw))
    except NoAnswer as error:
        return answer_of_silence(error)
    if reply.status not in range(200, 300):
        return answer_of_error(reply, upstream)
    core.observing.guard.run("delete", _deleted, core, video, reply.body, start_ns)
    core.book.forget(video)
    video.place = 0
    return json_answer({"id": video.id, "object": "video.deleted", "deleted": True})


def _deleted(core: Core, video: Video, body: bytes, start_ns: int) -> None:
    call = call_about(video.upstream, Operation.DELETE, video.raw)
    Poll(core.observing.observer, call, start_ns).deleted(decode_deleted(body))
    job = core.observing.job_of(video.upstream, video.raw)
    if job is not None:
        core.observing.tell(job)


async def list_videos(core: Core, asked: Asked) -> Answer:
    """List what was made with the same key, from the ledger, the newest first."""
    limit = _limit(asked.parameter("limit"))
    order = asked.parameter("order") or "desc"
    if order not in ("asc", "desc"):
        raise Refusal(400, "order is asc or desc", code="invalid_value", param="order")
    after = asked.parameter("after")
    last = None if after is None else core.finder.sealed(asked, after)[0].raw
    try:
        jobs = await asyncio.to_thread(_jobs, core)
    except LedgerError as error:
        raise Refusal(
            503, f"the ledger cannot be read: {error}", code="ledger", error_type="server_error"
        ) from None
    told = [(job, its_id) for job in jobs if (its_id := _id_for(core, asked, job)) is not None]
    if order == "asc":
        told.reverse()
    if last is not None:
        places = [place for place, (job, _) in enumerate(told) if job.provider_job_id == last]
        told = told[places[0] + 1 :] if places else []
    page = told[:limit]
    data = [_shown(core, job, its_id) for job, its_id in page]
    return json_answer(
        {
            "object": "list",
            "data": data,
            "first_id": page[0][1] if page else None,
            "last_id": page[-1][1] if page else None,
            "has_more": len(told) > limit,
        }
    )


def _limit(given: str | None) -> int:
    if given is None:
        return USUAL_LISTED
    if not (given.isascii() and given.isdigit() and int(given[:9]) <= MOST_LISTED):
        message = f"limit is a number from 0 to {MOST_LISTED}"
        raise Refusal(400, message, code="invalid_value", param="limit")
    return int(given)


def _jobs(core: Core) -> list[Job]:
    from vidobs import runtime

    reader = runtime.open_reader(core.runtime.settings)
    try:
        return reader.jobs(limit=LOOKED_THROUGH)
    finally:
        reader.close()


def _id_for(core: Core, asked: Asked, job: Job) -> str | None:
    """The id of a job for somebody; `None` where it is not to be seen, or no longer there."""
    raw, owner = job.provider_job_id, job.tags.get(KEY_TAG)
    upstream = core.balance.by_id(job.tags.get(DEPLOYMENT_TAG, ""))
    if raw is None or owner is None or upstream is None or job.asset == "deleted":
        return None
    if asked.principal.role not in (Role.MASTER, Role.VIEWER) and owner != asked.principal.owner:
        return None
    return core.signer.id_of(job)


def _shown(core: Core, job: Job, its_id: str) -> object:
    known = core.book.get(its_id)
    if known is not None and known.body is not None:
        return msgspec.Raw(known.body)
    owner = job.tags.get(KEY_TAG, "")
    upstream = job.tags.get(DEPLOYMENT_TAG, "")
    source = None if job.parent_id is None else core.signer.seal(upstream, owner, job.parent_id)
    found = core.balance.by_id(upstream)
    model = (job.model or "") if found is None else found.deployment.model_name
    return shown_job(job, video_id=its_id, model=model, source=source)
