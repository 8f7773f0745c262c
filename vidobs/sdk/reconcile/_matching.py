"""Which video of a server's list comes from which create, and which were made twice. Pure.

A list shows no key of ours. Where it shows prompts, their keyed hashes are compared, and a video
belongs to the create with the same prompt that is nearest in time. Where it shows none, a video is
taken for a create's only when nothing speaks against it and neither side has another choice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import Operation
from vidobs.core.reconciled import Double
from vidobs.ledger.cache import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vidobs.core.jobs import Job

WINDOW = timedelta(minutes=10)  # by which the clocks of server and client may differ
NARROW = timedelta(minutes=2)  # where no prompt confirms it
TWICE = timedelta(minutes=10)  # within which the same request is likely one that was repeated


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A video of a list."""

    id: str
    status: str = ""
    created_at: datetime | None = None
    model: str | None = None
    seconds: Decimal | None = None
    size: str | None = None
    parent_id: str | None = None
    prompt_hash: str | None = None  # keyed, as the ledger's; None: the list shows no prompts


class Matching(msgspec.Struct, frozen=True):
    """Creates with their videos, and creates that more than one video may come from."""

    pairs: tuple[tuple[Entry, Listed], ...] = ()
    undecided: frozenset[str] = frozenset()  # our ids


def match(unknown: Sequence[Entry], listed: Sequence[Listed]) -> Matching:
    """Give videos that the ledger does not know to creates of which nobody saw the answer."""
    pairs = list(_by_prompt(unknown, listed))
    taken = {entry.job.job_id for entry, _ in pairs} | {video.id for _, video in pairs}
    left = [entry for entry in unknown if entry.job.job_id not in taken]
    free = [video for video in listed if video.id not in taken]
    choices = {
        entry.job.job_id: [video for video in free if _may_be(entry.job, video)] for entry in left
    }
    wanted = [video.id for videos in choices.values() for video in videos]
    undecided = set()
    for entry in left:
        videos = choices[entry.job.job_id]
        if len(videos) == 1 and wanted.count(videos[0].id) == 1:
            pairs.append((entry, videos[0]))
        elif videos:
            undecided.add(entry.job.job_id)
    return Matching(tuple(pairs), frozenset(undecided))


def apart(job: Job, video: Listed) -> timedelta:
    """Return how far a create and a video are apart in time."""
    return timedelta.max if video.created_at is None else abs(job.created_at - video.created_at)


def like(job: Job, video: Listed) -> bool:
    """Tell whether a video is from the prompt of a job, and of about its time."""
    same = job.prompt_hash is not None and job.prompt_hash == video.prompt_hash
    return same and _same_model(job, video) and apart(job, video) < WINDOW


def doubles(jobs: Iterable[Job]) -> list[Double]:
    """Return the jobs of one request that were accepted within minutes of each other."""
    by_request: dict[tuple[str, str | None], list[Job]] = {}
    for job in jobs:
        by_request.setdefault((job.provider, job.request_hash), []).append(job)
    return [
        double_of(group) for same in by_request.values() for group in _groups(same) if group[1:]
    ]


def double_of(group: Sequence[Job], *more: Listed) -> Double:
    """Return what there is to say of jobs, and of videos without one, that may be the same."""
    times = [job.created_at for job in group]
    times += [video.created_at for video in more if video.created_at is not None]
    known = [job.cost.usd for job in group[1:] if job.cost.usd is not None]
    return Double(
        provider=group[0].provider,
        video_ids=(*(job.provider_job_id or "" for job in group), *(video.id for video in more)),
        job_ids=tuple(job.job_id for job in group),
        model=group[0].model,
        apart_s=(max(times) - min(times)).total_seconds(),
        usd=sum(known, Decimal()) if known else None,
    )


def _groups(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Cut jobs where more than the window lies between one and the next."""
    ordered = sorted(jobs, key=lambda job: job.created_at)
    group = ordered[:1]
    for before, job in pairwise(ordered):
        if job.created_at - before.created_at > TWICE:
            yield group
            group = []
        group.append(job)
    yield group


def _by_prompt(
    unknown: Sequence[Entry], listed: Sequence[Listed]
) -> Iterator[tuple[Entry, Listed]]:
    """The pairs of one prompt, the nearest first; each side at most once."""
    near = sorted(
        ((apart(entry.job, video), entry.seq, video.id, entry, video)
         for entry in unknown for video in listed
         if like(entry.job, video) and _same_source(entry.job, video)),
        key=lambda pair: pair[:3],
    )  # fmt: skip
    taken: set[object] = set()
    for _, seq, video_id, entry, video in near:
        if not taken & {seq, video_id}:
            taken |= {seq, video_id}
            yield entry, video


def _may_be(job: Job, video: Listed) -> bool:
    """Whether nothing speaks against it; a prompt that is shown would have been found."""
    if job.prompt_hash is not None and video.prompt_hash is not None:
        return False
    asked = job.request
    lengths = job.operation is Operation.EXTEND or _agree(asked.seconds, video.seconds)
    fits = lengths and _agree(asked.size, video.size) and _same_source(job, video)
    return fits and _same_model(job, video) and apart(job, video) < NARROW


def _same_model(job: Job, video: Listed) -> bool:
    """Servers may answer with the dated name of a model."""
    if not (job.model and video.model):
        return True
    return job.model.startswith(video.model) or video.model.startswith(job.model)


def _same_source(job: Job, video: Listed) -> bool:
    if job.operation is Operation.REMIX:
        return _agree(job.parent_id, video.parent_id)
    return video.parent_id is None


def _agree(asked: object, told: object) -> bool:
    return asked is None or told is None or asked == told
