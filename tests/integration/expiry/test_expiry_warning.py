"""`video.expiring` and `video.stuck` out of a whole vidobs, whichever process says it."""

from decimal import Decimal

from asking_kit import a_client

import vidobs
from vidobs import runtime
from vidobs.core.jobs import AssetState, JobState, Notice
from vidobs.testing import InMemoryExporter, isolated

DAY_S = 86_400


def test_a_paid_video_is_warned_about_before_it_goes(server, clock):
    """Once, an hour before; functions, exporters and the ledger hear of it, in the job's trace."""
    exporter = InMemoryExporter()
    with isolated(clock=clock, callbacks=[exporter]) as seen:
        server.complete()
        vidobs.flush()
        assert seen.events.named("video.expiring") == []

        clock.advance(DAY_S - 3000)
        vidobs.flush()
        clock.advance(120)
        vidobs.flush()

        (event,) = seen.events.named("video.expiring")
        (job,) = seen.jobs
        assert event.job == job
        assert (job.state, job.asset) == (JobState.COMPLETED, AssetState.AVAILABLE)
        assert (job.notices, job.cost.usd) == ((Notice.EXPIRING,), Decimal("0.40"))
        assert event.trace_id == job.trace.trace_id
        assert [one.id for one in seen.events_of(job)][-1] == event.id
    assert [one.id for one in exporter.events.named("video.expiring")] == [event.id]


def test_a_video_that_was_downloaded_may_go(server, clock):
    """Whoever has the file needs no warning."""
    with isolated(clock=clock) as seen:
        video_id = server.complete()
        with a_client() as client:
            client.videos.download(video_id)
        clock.advance(DAY_S - 3000)
        vidobs.flush()

        assert seen.events.names[-1] == "video.downloaded"


def test_another_process_says_it(server, clock, tmp_path):
    """The one that made the job is gone; the next one that shares the ledger finds it."""
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    with isolated(clock=clock, ledger=ledger):
        server.complete()
    clock.advance(DAY_S - 3000)

    exporter = InMemoryExporter()
    with isolated(clock=clock, ledger=ledger, callbacks=[exporter]):
        runtime.current().store.backlog.open()  # as an exporter does, or the first call
        vidobs.flush()

        assert exporter.events.wait_for("video.expiring").job.notices == (Notice.EXPIRING,)


def test_a_job_that_nobody_hears_of_is_stuck(server, clock):
    """An hour without a change is too long where nothing is known of the model; said once."""
    with isolated(clock=clock) as seen:
        with a_client() as client:
            client.videos.create(prompt="a cat [[fault:stuck]]", model="sora-2", seconds=4)
        clock.advance(3500)
        vidobs.flush()
        assert seen.events.names == ["video.submitted"]

        clock.advance(200)
        vidobs.flush()
        clock.advance(200)
        vidobs.flush()

        assert seen.events.names == ["video.submitted", "video.stuck"]
        assert seen.jobs[0].notices == (Notice.STUCK,)
