"""A small ledger of jobs of every kind, and what the pages of jobs are asked with."""

from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import msgspec
from ledger_kit import RULES, SECOND, Maker

from vidobs import config
from vidobs.core.jobs import Job, JobState
from vidobs.dashboard.desk import Desk
from vidobs.dashboard.index import Index
from vidobs.dashboard.page import Asked
from vidobs.ledger.sqlite import SqliteLedger

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class JobLedger:
    """Writes jobs into a real ledger, on a clock of its own."""

    def __init__(self, path, *, route="webhook", now=NOW) -> None:
        self.path = path
        self.now = now
        self._maker = Maker(3)
        self._ledger = SqliteLedger(str(path), RULES, route=route)
        self._count = 0

    def close(self) -> None:
        """Give the file back."""
        self._ledger.close()

    def intend(self, ago_s=60.0, **about) -> Job:
        """Write the intent of a create, so long ago."""
        self._maker.now_ns = (
            int((self.now - timedelta(seconds=ago_s)).timestamp() * SECOND) - SECOND
        )
        job = self._maker.job(**about)
        self._ledger.intend(job)
        self._count += 1
        return job

    def see(self, job, after_s=1.0, **says) -> Job:
        """Write an answer, so many seconds after the last one; return the job as it is then."""
        self._maker.tick(after_s - 1)  # an answer takes one more
        says.setdefault("id", f"video_{self._count}")
        seen = self._maker.seen(job, spans=True, **says)
        if seen.download:
            span = msgspec.structs.replace(seen.span, name="download_video sora-2")
            seen = msgspec.structs.replace(seen, span=span)
        return self._ledger.record(seen).job

    def queued(self, ago_s=60.0, **about) -> Job:
        """Write a job that was accepted a second later."""
        return self.see(self.intend(ago_s, **about), state=JobState.QUEUED, polls=1)

    def rendering(self, ago_s=60.0, **about) -> Job:
        """Write a job that was first seen rendering ten seconds after its create."""
        job = self.queued(ago_s, **about)
        return self.see(job, 9, state=JobState.IN_PROGRESS, progress=40, polls=1)

    def done(self, ago_s=100.0, *, says=None, **about) -> Job:
        """Write a job that rendered for a minute."""
        job = self.rendering(ago_s, **about)
        return self.see(job, 60, state=JobState.COMPLETED, progress=100, polls=1, **(says or {}))

    def failed(self, ago_s=100.0, *, says=None, **about) -> Job:
        """Write a job that failed after twenty seconds."""
        return self.see(self.rendering(ago_s, **about), 10, state=JobState.FAILED, **(says or {}))

    def downloaded(self, job, file) -> Job:
        """Write the download of a job's video, which took a second."""
        return self.see(job, 2, id=job.provider_job_id, download=True, file=file)

    def sql(self, statement, *bindings):
        """Run a statement on the file."""
        return self._ledger.connection.execute(statement, bindings).fetchall()


@contextmanager
def desk_over(path, folder, *, now=NOW, **settings):
    """Open what pages answer from, over a ledger as it stands now."""
    with closing(Index(str(path), folder=folder, clock=lambda: now)) as index:
        index.catch_up()
        given = config.load(settings, {}).settings
        yield Desk(
            ledger=str(path), index=index, settings=given, now=lambda: now, links=given.links
        )


def asks(job_id=None, **query):
    """Return what an address asks: each parameter once, or several times where it is a tuple."""
    many = {name: value if isinstance(value, tuple) else (value,) for name, value in query.items()}
    return Asked({} if job_id is None else {"job_id": job_id}, many)


def usd(text):
    """Return an amount."""
    return Decimal(text)


HOSTILE = "\"><script>alert(1)</script>'&\u202e" + "w" * 200 + "<img src=x onerror=alert(2)>{{7*7}}"


def check_markup(read):
    """Assert what holds on every page: nothing is run that is not ours, and it reads aloud well."""
    kinds = {one.get("type") for one in read.all("script")}
    assert kinds <= {None, "module", "application/json"}
    assert all("src" in one or one["type"] == "application/json" for one in read.all("script"))
    names = [name for _, attributes in read.elements for name in attributes]
    assert "style" not in names
    assert not [name for name in names if name.startswith("on")]
    assert len(read.all("h1")) == 1
    levels = [int(tag[1]) for tag, _ in read.elements if tag in ("h1", "h2", "h3", "h4")]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all("scope" in head for head in read.all("th"))
    assert all("alt" in image for image in read.all("img"))
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids)), "an id stands twice"
    for link in read.all("a"):
        assert link["href"].startswith(("/", "#", "http://", "https://"))
        assert link.get("target") != "_blank" or link["rel"] == "noreferrer"
