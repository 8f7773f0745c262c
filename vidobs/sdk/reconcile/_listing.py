"""A server's list of videos, as far back as somebody wants to know."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import Operation
from vidobs.core.jobs import Job
from vidobs.ledger.codec import EPOCH
from vidobs.sdk.reconcile._matching import Listed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vidobs.sdk.asking._asker import Asker
    from vidobs.sdk.client._results import Video
    from vidobs.sdk.reconcile._books import Books

MOST_PAGES = 100


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows: jobs of the ledger, and videos that it does not know."""

    known: tuple[Job, ...] = ()
    strangers: tuple[Listed, ...] = ()
    complete_from: datetime  # every video that was made since then is in it


def has_list(asker: Asker) -> bool:
    """Tell whether a server of this dialect has a list at all."""
    return Operation.LIST not in asker.server.variant.lacks


def read_list(asker: Asker, books: Books, since: datetime, *, pace: Callable[[], None]) -> Listing:
    """Read a list, newest first, back to a time; raise `APIError`.

    What it shows of jobs that the ledger knows is recorded on the way. Servers differ in which of
    `after`, `limit` and `order` they know: a page that brings nothing new ends the list.
    """
    videos: dict[str, Video] = {}
    after: str | None = None
    complete_from = datetime.max.replace(tzinfo=since.tzinfo)
    for _ in range(MOST_PAGES):
        pace()
        page = asker.page(after)
        fresh = [video for video in page.data if video.id and video.id not in videos]
        videos |= {video.id: video for video in fresh}
        if not page.has_more or not fresh:
            complete_from = EPOCH
            break
        complete_from = _oldest(list(videos.values())) or complete_from
        if complete_from < since:
            break
        after = page.last_id
    known = books.known(videos)
    ours = {job.provider_job_id for job in known}
    strangers = (video for video in videos.values() if video.id not in ours)
    return Listing(
        known=tuple(known),
        strangers=tuple(_listed(video, books) for video in strangers),
        complete_from=complete_from,
    )


def _oldest(videos: Sequence[Video]) -> datetime | None:
    """Return how far back a list goes so far, if it goes back in time at all."""
    times = [video.created_at for video in videos]
    known = [moment for moment in times if moment is not None]
    in_order = len(known) == len(times) and known == sorted(known, reverse=True)
    return known[-1] if in_order and known else None


def _listed(video: Video, books: Books) -> Listed:
    return Listed(
        id=video.id,
        status=video.status,
        created_at=video.created_at,
        model=video.model,
        seconds=video.seconds,
        size=video.size,
        parent_id=video.remixed_from_video_id,
        prompt_hash=books.prompt_hash(video.prompt),
    )
