"""The list of jobs, the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from vidobs.core.jobs import AssetState, Job
from vidobs.core.objects import JobObject, job_object
from vidobs.dashboard.index.answers import EVERYTHING, Choices, JobFilter, JobPage
from vidobs.dashboard.page import Asked, BadQueryError, ElsewhereError, Page
from vidobs.dashboard.pages.jobs_filters import (
    PARAMETERS,
    Chip,
    chips,
    given,
    parameters,
    read_filter,
    read_place,
)
from vidobs.dashboard.pages.jobs_search import DIGITS_OF_TIME, Search, created_between
from vidobs.dashboard.phase_bar import PhaseLength, Segment, lengths, said, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.dashboard.desk import Desk
    from vidobs.ledger.reader import LedgerReader

PAGE_SIZE = 50
_EXCERPT = 160  # characters of a prompt or an error
_NO_PROMPTS = (
    "Prompts are not kept in this ledger, so their words cannot be searched. The setting"
    " capture.content: full keeps those of later jobs."
)


class ListedJob(JobObject, msgspec.Struct, frozen=True, kw_only=True):
    """One job of the list."""

    progress: int | None
    asset: str
    notices: tuple[str, ...]
    prompt: str | None  # its beginning, where prompts are kept
    error: str | None  # the beginning of what the provider said
    phases: tuple[PhaseLength, ...]
    picture: bool

    @property
    def bar(self) -> tuple[Segment, ...]:
        """Its phases as a bar."""
        return segments(self.phases)

    @property
    def said(self) -> str:
        """Its phases in words."""
        return said(self.phases)


class JobsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One page of jobs.

    `newer` and `older` are places for `after` and `before`: text, since a place is a number that
    JavaScript would round.
    """

    jobs: tuple[ListedJob, ...]
    newer: str | None
    older: str | None
    complete: bool  # false: only jobs back to `looked_back_to` were looked through
    looked_back_to: datetime | None
    counted: int | None  # how many fit, where that is known
    notes: tuple[str, ...]
    chips: tuple[Chip, ...]
    given: Mapping[str, tuple[str, ...]]  # the filters that are on
    choices: Choices
    first: bool  # nothing newer can be before it
    nothing_yet: bool  # the ledger is empty

    def one(self, name: str) -> str:
        """Return what the field of a filter shows: its last value."""
        values = self.given.get(name, ())
        return values[-1] if values else ""

    def others(self, name: str) -> tuple[str, ...]:
        """Return the values of a filter that its field does not show."""
        return self.given.get(name, ())[:-1]

    def link(self, **changes: str | None) -> str:
        """Return the parameters of the list with some of its filters changed."""
        return parameters(Asked({}, self.given), changes=changes)

    @property
    def more_filters(self) -> bool:
        """Whether one of the filters is on that are folded away."""
        return bool(set(self.given) - {"q", "state", "flag"})


class _Found(msgspec.Struct, frozen=True):
    """What a search came to: a filter for the index, or jobs that were found without it."""

    wanted: JobFilter
    jobs: tuple[Job, ...] | None = None
    note: str | None = None


def answer(desk: Desk, asked: Asked) -> JobsAnswer:
    """Return a page of jobs.

    Raises:
        BadQueryError: a parameter makes no sense.
        ElsewhereError: the search is the id of one job.
    """
    wanted, search = read_filter(asked, desk.now())
    before, after = read_place(asked, "before"), read_place(asked, "after")
    if before is not None and after is not None:
        raise BadQueryError("before and after exclude each other; give one of them")
    choices = desk.index.choices()
    with desk.reader() as reader:
        found = _search(reader, wanted, search, prompts=choices.prompts)
        if found.jobs is not None:
            page, jobs = JobPage(), list(found.jobs)
        else:
            page = desk.index.jobs(found.wanted, before=before, after=after, limit=PAGE_SIZE)
            jobs = desk.index.load(page.places)
        listed = tuple(_listed(desk, reader, job) for job in jobs)
    filters = given(asked)
    return JobsAnswer(
        jobs=listed,
        newer=_text(page.newer),
        older=_text(page.older),
        complete=page.complete,
        looked_back_to=page.looked_back_to,
        counted=_counted(desk, page, found, jobs),
        notes=(found.note,) if found.note else (),
        chips=tuple(chips(asked)),
        given=filters,
        choices=choices,
        first=before is None and after is None,
        nothing_yet=not listed and not filters and before is None and after is None,
    )


def _search(reader: LedgerReader, wanted: JobFilter, search: Search, *, prompts: bool) -> _Found:
    words = search.words
    if words is None:
        return _Found(wanted)
    if search.may_be_id:
        found = _by_id(reader, words, search.whole_id)
        if found or search.whole_id is not None:
            note = None if found else "No job has this id: it was never seen here, or is deleted."
            return _Found(wanted, found, note)
        if search.digits is not None:
            return _by_beginning(reader, wanted, search.digits)
    if not prompts:
        return _Found(wanted, (), _NO_PROMPTS)
    return _Found(msgspec.structs.replace(wanted, text=words))


def _by_id(reader: LedgerReader, word: str, whole_id: str | None) -> tuple[Job, ...]:
    """Return the jobs of several providers that have an id; of one there is a page."""
    found = [job for job in reader.job(whole_id or word) if _has(job, word, whole_id)]
    if len(found) == 1:
        raise ElsewhereError(f"/jobs/{quote(found[0].job_id, safe='')}")
    return tuple(found)


def _has(job: Job, word: str, whole_id: str | None) -> bool:
    return job.provider_job_id == word or job.job_id == whole_id


def _by_beginning(reader: LedgerReader, wanted: JobFilter, digits: str) -> _Found:
    """Return what finds the jobs whose ids begin so: ids begin with a time, then there are few."""
    if len(digits) > DIGITS_OF_TIME:
        return _Found(wanted, tuple(reversed(reader.job(f"job_{digits}"))))
    times = created_between(digits)
    if times is None:
        return _Found(wanted, ())
    since = max(filter(None, (wanted.since, times[0])))
    until = min(filter(None, (wanted.until, times[1])))
    return _Found(msgspec.structs.replace(wanted, since=since, until=until))


def _listed(desk: Desk, reader: LedgerReader, job: Job) -> ListedJob:
    # Only downloads are in no job's document; everything else there is about its time is.
    read = job.asset is AssetState.DOWNLOADED or job.file is not None
    spans = reader.downloads(job.job_id) if read else []
    error = job.error.message or job.error.code if job.error else None
    return ListedJob(
        **msgspec.structs.asdict(job_object(job)),
        progress=job.progress,
        asset=job.asset.value,
        notices=tuple(notice.value for notice in job.notices),
        prompt=job.prompt[:_EXCERPT] if job.prompt else None,
        error=error[:_EXCERPT] if error else None,
        phases=lengths(job, spans, desk.now()),
        picture=desk.picture_of(job.job_id) is not None,
    )


def _counted(desk: Desk, page: JobPage, found: _Found, jobs: Sequence[Job]) -> int | None:
    """Return how many jobs fit, where nothing has to be counted to know."""
    if page.newer is None and page.older is None and page.complete:
        return len(jobs)
    if found.wanted == EVERYTHING:
        return desk.index.progress().jobs or None
    return None


PAGE = Page(
    name="jobs",
    path="/jobs",
    title="Jobs",
    doc="Jobs, the newest first, with filters and a search.",
    template="jobs.html",
    struct=JobsAnswer,
    answer=answer,
    parameters=PARAMETERS,
)


def _text(place: int | None) -> str | None:
    return None if place is None else str(place)
