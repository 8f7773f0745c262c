"""A ledger whose figures can be summed up by hand, and the pages over it."""

import asyncio
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import httpx
from ledger_kit import RULES, SECOND, Maker

from vidobs import config
from vidobs.core.jobs import JobState, Reason
from vidobs.dashboard.app import create_app
from vidobs.dashboard.desk import Desk
from vidobs.dashboard.index import Index
from vidobs.dashboard.page import Asked
from vidobs.ledger.sqlite import SqliteLedger

NOW = datetime(2026, 3, 8, 17, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENDS = {
    "done": {"state": JobState.COMPLETED, "progress": 100},
    "failed": {"state": JobState.FAILED, "reason": Reason.PROVIDER_ERROR},
    "moderated": {"state": JobState.FAILED, "reason": Reason.MODERATION_OUTPUT},
}


class Board:
    """Writes jobs of openai's sora-2, $0.10 for a second, unless it is told otherwise."""

    def __init__(self, path) -> None:
        self._maker = Maker(7)
        self._ledger = SqliteLedger(str(path), RULES)

    def close(self) -> None:
        """Give the file back."""
        self._ledger.close()

    def make(self, ago, end="done", *, says=None, **about):
        """Write a job that began so long ago: queued after 1 s, rendering after 10, ends at 70."""
        self._maker.now_ns = int((NOW - ago).timestamp()) * SECOND - SECOND
        job = self._maker.job(**about)
        self._ledger.intend(job)
        if end == "unknown":
            self._see(job, 1, state=JobState.UNKNOWN)
            return
        video = {"id": f"video_{job.job_id[4:]}"}
        self._see(job, 1, state=JobState.QUEUED, **video)
        if end == "queued":
            return
        self._see(job, 9, state=JobState.IN_PROGRESS, progress=40, **video)
        if end != "rendering":
            self._see(job, 60, **video, **ENDS[end], **(says or {}))

    def _see(self, job, seconds, **says) -> None:
        self._maker.tick(seconds - 1)  # an answer takes one more
        self._ledger.record(self._maker.seen(job, **says))


def board(path):
    """Open a ledger for writing."""
    return closing(Board(path))


@contextmanager
def desk_of(path, folder, *, settings=None):
    """Open what the pages answer from, at `NOW`."""
    path = str(path)
    index = Index(path, folder=folder, clock=lambda: NOW)
    index.catch_up()
    with closing(index):
        given = config.load(settings or {}).settings
        yield Desk(ledger=path, index=index, settings=given, now=lambda: NOW)


def asked(**query):
    """Return what an address with these parameters asks; `from_` stands for `from`."""
    return Asked({}, {name.rstrip("_"): (value,) for name, value in query.items()})


class Site:
    """The application over a desk, without its door."""

    def __init__(self, desk) -> None:
        self.desk = desk
        self._app = create_app(desk)

    def get(self, *addresses):
        """Ask for some addresses."""
        return asyncio.run(self._get(addresses))

    async def _get(self, addresses):
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return [await client.get(address) for address in addresses]


@contextmanager
def site_of(path, folder):
    """Open the application over a ledger, at `NOW`."""
    with desk_of(path, folder) as desk:
        yield Site(desk)


class Read(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, and its text."""

    def __init__(self, page) -> None:
        super().__init__()
        self.elements = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes) -> None:
        """Keep an element; cells of a table are apart."""
        self.elements.append((tag, dict(attributes)))
        if tag in ("td", "th"):
            self.text += " "

    def handle_data(self, data) -> None:
        """Keep a text."""
        self.text += data

    def all(self, tag, **wanted):
        """Return the attributes of every such element."""
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and wanted.items() <= attributes.items()
        ]

    @property
    def links(self):
        """Where the page leads."""
        return [attributes["href"] for attributes in self.all("a")]
