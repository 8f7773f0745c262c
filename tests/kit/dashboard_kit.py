"""What the tests of the dashboard share: a ledger with a past, real videos, a server, a browser."""

import math
import time
import warnings
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from ledger_kit import RULES, Maker

import vidobs
from vidobs import config
from vidobs.core.calls import Attribution, VideoRequest
from vidobs.core.jobs import JobError, JobState, Reason
from vidobs.dashboard.index.answers import SourceState
from vidobs.ledger.outbox import SqliteOutbox
from vidobs.ledger.sqlite import SqliteLedger
from vidobs.testing import Sandbox

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
NS = 1_000_000_000

MODELS = (  # provider, model, how often, seconds of queue and of rendering
    ("openai", "sora-2", 10, 14, 75),
    ("openai", "sora-2-pro", 4, 30, 210),
    ("azure", "sora-2", 3, 22, 90),
    ("gemini", "veo-3.1-generate-preview", 5, 6, 55),
    ("runwayml", "gen4.5", 3, 9, 40),
    ("self_hosted", "wan2.2-t2v-a14b", 2, 3, 120),
)
USERS = ("ada", "grace", "linus", "margaret", None)
TAGS = ({"team": "film"}, {"team": "ads"}, {"team": "games", "app": "trailer"}, {})
PROMPTS = (
    "A kitten with a ball of yarn in the morning sun",
    "Paper boats race down a gutter after the rain",
    "A lighthouse in a storm, seen from a drone",
    "Rush hour in a city of snails",
    "Fireworks over a harbour, in slow motion",
)
FAILURES = (
    (
        Reason.MODERATION_INPUT,
        "moderation_blocked",
        "The prompt was blocked by our moderation system.",
    ),
    (
        Reason.MODERATION_OUTPUT,
        "moderation_blocked",
        "The video was blocked by our moderation system.",
    ),
    (Reason.PROVIDER_ERROR, "internal_error", "Worker 17 ran out of memory on node gpu-0a3f"),
    (Reason.PROVIDER_ERROR, "internal_error", "Worker 4 ran out of memory on node gpu-99c1"),
    (Reason.TIMEOUT, "timeout", "The job took longer than 900 seconds"),
)


class Past:
    """Writes jobs of the last days into a real ledger, by the ledger's own code on an old clock."""

    def __init__(self, path, *, now=None, seed=7, route="datadog,webhook/audit") -> None:
        self.now = now or datetime.now(UTC)
        self._random = Random(seed)
        self._maker = Maker(seed)
        self._ledger = SqliteLedger(str(path), RULES, route=route)

    def close(self) -> None:
        """Give the file back."""
        self._ledger.close()

    def days(self, days: int, *, a_day: int) -> None:
        """Write so many days, up to an hour ago, more on working days."""
        chance = self._random
        moments = []
        for back in range(days, -1, -1):
            day = self.now - timedelta(days=back)
            many = a_day * (0.35 if day.weekday() > 4 else 1) * (1.6 - back / days)
            moments += [day - timedelta(hours=abs(chance.gauss(0, 5))) for _ in range(int(many))]
        for moment in sorted(moments):
            if moment < self.now - timedelta(hours=1):
                self.job(moment)

    def job(self, at: datetime) -> str:
        """Write one job that ended, well or not; return its id."""
        chance = self._random
        provider, model, _, queue_s, render_s = chance.choices(
            MODELS, weights=[row[2] for row in MODELS]
        )[0]
        job = self.intend(at, provider, model)
        waits = math.exp(chance.gauss(0, 0.5))
        fate = chance.random()
        self._see(job, 1, state=JobState.QUEUED)
        if fate < 0.03:
            self._see(job, 2, state=JobState.FAILED, **_failure(0))
            return job.job_id
        self._see(job, queue_s * waits, state=JobState.IN_PROGRESS, progress=10)
        length_s = render_s * math.exp(chance.gauss(0, 0.3))
        if fate < 0.12:
            wrong = _failure(chance.randrange(1, len(FAILURES)))
            self._see(job, length_s, state=JobState.FAILED, **wrong)
            return job.job_id
        self._see(job, length_s / 2, state=JobState.IN_PROGRESS, progress=60)
        self._see(job, length_s / 2, state=JobState.COMPLETED, progress=100)
        if fate > 0.2:
            self._maker.tick(2)
            self._ledger.record(
                self._maker.seen(job, id=f"video_{job.job_id[4:]}", download=True, spans=True)
            )
        return job.job_id

    def intend(self, at: datetime, provider="openai", model="sora-2", **changes):
        """Write the intent of a create; return the job."""
        chance = self._random
        self._maker.now_ns = int(at.timestamp() * NS)
        prompt = chance.choice(PROMPTS)
        seconds = Decimal(chance.choice((4, 8, 12)))
        changes.setdefault("prompt", prompt)
        drawn = Attribution(chance.choice(USERS), chance.choice(TAGS))
        job = self._maker.job(
            provider=provider,
            dialect="openai",
            model=model,
            request=VideoRequest(seconds=seconds, size="1280x720", prompt_chars=len(prompt)),
            attribution=changes.pop("attribution", drawn),
            **changes,
        )
        self._ledger.intend(job)
        return job

    def running(self, *, ago_s: float, progress: int | None = None, **changes) -> str:
        """Write a job that is queued, or renders where there is progress; return its id."""
        job = self.intend(self.now - timedelta(seconds=ago_s), **changes)
        self._see(job, 1, state=JobState.QUEUED)
        if progress is not None:
            self._see(job, ago_s / 3, state=JobState.IN_PROGRESS, progress=progress)
        return job.job_id

    def exporters(self) -> None:
        """Let one exporter be well, one be down, and one have refused two events."""
        outbox = SqliteOutbox(self._ledger.path, self._ledger.connection, self._ledger.lock)
        newest = outbox.read(0, 10**9)[-1].seq
        until = self.now + timedelta(seconds=30)
        for name in ("datadog", "webhook/audit", "langsmith"):
            outbox.register(name)
            outbox.lease(name, "here", until, self.now)
        connection = self._ledger.connection
        connection.execute("UPDATE relay SET cursor = 0")
        outbox.delivered("datadog", "here", newest, events=newest, now=self.now)
        outbox.delivered("webhook/audit", "here", newest - 40, events=newest - 40, now=self.now)
        outbox.failed(
            "webhook/audit",
            "here",
            "ExportError: hooks.example.com answered 503 (maintenance)",
            failures=7,
            retry_at=self.now + timedelta(minutes=4),
            now=self.now,
        )
        for row in outbox.read(newest - 90, 2):
            error = "ExportError: 422 run name is too long"
            outbox.bury("langsmith", row, error, self.now - timedelta(hours=3))
        outbox.delivered("langsmith", "here", newest, events=newest - 2, now=self.now)
        for name in ("datadog", "webhook/audit", "langsmith"):
            outbox.release(name, "here")

    def see(self, job, seconds: float, **says) -> None:
        """Write an answer about a job, so many seconds after the last one."""
        self._see(job, seconds, **says)

    def _see(self, job, seconds: float, **says) -> None:
        self._maker.tick(seconds)
        self._ledger.record(
            self._maker.seen(job, id=f"video_{job.job_id[4:]}", spans=True, polls=1, **says)
        )


def _failure(which: int) -> dict:
    reason, code, message = FAILURES[which]
    return {"reason": reason, "error": JobError(code, message)}


@contextmanager
def past(path, **options):
    """Open a ledger for writing into its past."""
    with closing(Past(path, **options)) as made:
        yield made


def film(
    path, *, names=("kitten", "lighthouse", "clockwork", "masks", "snow-kitten"), time_scale=0.3
):
    """Make real videos in the sandbox, observed into a ledger that keeps content and media."""
    from vidobs.cli import _demo_run as work
    from vidobs.cli._demo_scenes import SCENES

    folder = Path(path).parent / "videos"
    folder.mkdir(exist_ok=True)
    takes = tuple(work.Take(scene, folder) for scene in SCENES if scene.name in names)
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The Sora API is scheduled", DeprecationWarning)
        sandbox = stack.enter_context(Sandbox(time_scale=time_scale))
        client = stack.enter_context(
            work.open_client(sandbox.base_url, "sandbox", extra="demo", loopback=True)
        )
        capture = {"content": "full", "media": "full"}
        vidobs.configure(ledger=Path(path), callbacks=(), capture=capture, disabled=False)
        try:
            work.Studio(client, takes).make_all()
            vidobs.flush(10)
        finally:
            vidobs.shutdown()


@contextmanager
def served(path, **options):
    """Serve the dashboard of a ledger from a thread; yields the server, `server.url` opens it."""
    from vidobs.dashboard.serve import Options, Server

    settings = options.pop("settings", None) or config.load({}).settings
    with pytest.MonkeyPatch.context() as patch:  # the cache of the person who runs this is theirs
        patch.setenv("XDG_CACHE_HOME", str(Path(path).parent / "cache"))
        made = Server(Options(ledger=str(path), settings=settings, **options))
    with made as server:
        caught_up(server.index)
        yield server


def caught_up(index, *, timeout_s=30.0) -> None:
    """Wait until an index has taken in everything that its ledger holds."""
    end = time.monotonic() + timeout_s
    while not (index.progress().caught_up or index.progress().source is SourceState.MISSING):
        assert time.monotonic() < end, index.progress()
        index.wait(index.version(), 0.2)


@contextmanager
def chromium():
    """Start the system's Chromium; skips where there is none."""
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser, server, *, viewport=DESKTOP, dark=False, **context):
    """Open the dashboard in a browser context of its own, past the door; yields the page."""
    made = browser.new_context(
        viewport=viewport, color_scheme="dark" if dark else "light", locale="en-GB", **context
    )
    page = made.new_page()
    problems = []
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(server.url)
    page.problems = problems
    try:
        yield page
    finally:
        made.close()
