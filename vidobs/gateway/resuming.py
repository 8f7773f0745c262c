"""What a gateway takes up again after a start: the videos of the ledger that have not ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from vidobs.core.jobs import JobState
from vidobs.gateway.idempotency.replays import Made
from vidobs.gateway.seams import DEPLOYMENT_TAG, KEY_TAG, Refusal
from vidobs.gateway.videos.book import Video, cost_headers
from vidobs.gateway.videos.ids import Sealed
from vidobs.gateway.wire.answers import JSON, Answer, envelope
from vidobs.ledger import open_jobs
from vidobs.ledger.patience import patiently

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vidobs.core.jobs import Job
    from vidobs.gateway.core import Core
    from vidobs.gateway.idempotency.replays import Keyed
    from vidobs.runtime import Runtime

LOOK_BACK = timedelta(days=3)  # no server keeps a job for longer
SPREAD_S = 0.02  # between the first polls of two videos


def unfinished(runtime: Runtime) -> list[Job]:
    """Return the gateway's jobs that have not ended; creates of processes that died are unknown.

    Blocks.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    patiently(runtime.store.recover)
    since = datetime.fromtimestamp(runtime.clock.time_ns() / 1e9, UTC) - LOOK_BACK
    question = partial(open_jobs.unfinished, since=since)
    entries = patiently(lambda: runtime.store.outbox().sweeper().ask(question))
    return [entry.job for entry in entries if KEY_TAG in entry.job.tags]


def take_up(core: Core, jobs: Iterable[Job]) -> None:
    """Follow videos again, and hold again what they held."""
    every = {job.job_id: job for job in jobs}
    core.parts.admission.resume(every)
    rest = 0.0
    for job in every.values():
        video = _video(core, job)
        if video is not None:
            video.cost = cost_headers(job)
            core.poller.watch(video, after_s=rest)
            rest += SPREAD_S


async def recovered(core: Core, job_id: str, keyed: Keyed) -> Made | None:
    """Say what became of a create whose process died before it could answer; `None`: nothing.

    Raises:
        Refusal: its server cannot say how it is doing now.
    """
    del keyed
    job = patiently(lambda: _job(core, job_id))
    if job is None or (job.state is JobState.FAILED and job.provider_job_id is None):
        return None
    video = _video(core, job)
    if video is None:
        message = "this key was used before, and whether a video is made is not known"
        headers = ((b"x-should-retry", b"false"),)
        answer = envelope(
            502, message, code="outcome_unknown", error_type="server_error", headers=headers
        )
        return Made(answer, None)
    await core.poller.fresh(video)
    if video.body is None:
        raise Refusal(502, "the video cannot be asked about", code="upstream_unreachable")
    about = (b"x-vidobs-job-id", job.job_id.encode())
    return Made(Answer(200, video.body, (JSON, about, *video.cost)), accepted=True)


def _job(core: Core, job_id: str) -> Job | None:
    from vidobs import runtime

    reader = runtime.open_reader(core.runtime.settings)
    try:
        found = reader.job(job_id)
    finally:
        reader.close()
    return found[0] if found else None


def _video(core: Core, job: Job) -> Video | None:
    """The video of a job; `None` where nobody knows what its server calls it, or who that is."""
    raw, owner = job.provider_job_id, job.tags.get(KEY_TAG)
    upstream = core.balance.by_id(job.tags.get(DEPLOYMENT_TAG, ""))
    if raw is None or owner is None or upstream is None:
        return None
    sealed = Sealed(upstream.deployment.id, core.signer.owner_of(owner), raw)
    its_id = core.signer.reseal(sealed, raw)
    video = core.book.add(Video.known_as(its_id, sealed, upstream, now_s=core.loop.time()))
    video.owner = owner
    return video
