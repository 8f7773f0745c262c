"""`store="dir:///path"`: finished videos are downloaded in the background, by themselves."""

import hashlib
import logging
import threading
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest
from asking_kit import a_client

import vidobs
from vidobs import runtime
from vidobs.core.jobs import AssetState
from vidobs.testing import FrozenClock, Sandbox, isolated

HOUR_S = 3600
DAY_S = 24 * HOUR_S
DEVICE = Path("/dev/full")


@pytest.fixture
def folder(tmp_path):
    """Where videos go."""
    return tmp_path / "videos"


@pytest.fixture
def storing(folder, clock):
    """Have a vidobs that stores videos."""

    @contextmanager
    def start(**settings):
        with isolated(clock=clock, store=f"dir://{folder}", **settings) as seen:
            yield seen

    return start


def work():
    """Do a round of what the thread does, after the one that it may be in."""
    runtime.current().assets.work()


def whole(folder, job):
    """Tell whether a job's file is there, and is what the ledger and the file beside it say."""
    path = folder / f"{job.job_id}.mp4"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    said = path.with_name(f"{path.name}.sha256").read_text()
    assert (job.file.size_bytes, job.file.sha256) == (path.stat().st_size, digest)
    assert said == f"{digest}  {path.name}\n"
    return path.read_bytes()[4:8] == b"ftyp"


def test_a_finished_video_is_stored(server, folder, storing):
    """With its checksum, by a thread, once; the job's trace has the download."""
    with storing() as seen:
        server.complete()
        event = seen.events.wait_for("video.downloaded")
        work()

        (job,) = seen.jobs
        assert whole(folder, job)
        assert job.asset is AssetState.DOWNLOADED
        assert seen.events.names[-2:] == ["video.completed", "video.downloaded"]
        assert [span.name for span in event.spans] == ["download_video sora-2"]
        assert event.spans[0].trace_id == job.trace.trace_id
        assert server.downloads == 1
        assert sorted(path.suffix for path in folder.iterdir()) == [".mp4", ".sha256"]


def test_whoever_saw_it_complete(server, folder, storing, clock):
    """A wrapped client of the openai SDK does as well."""
    with storing() as seen:
        client = vidobs.wrap(openai.OpenAI())
        video = client.videos.create(prompt="a cat", model="sora-2", seconds="4", size="160x96")
        clock.advance(10)
        client.videos.retrieve(video.id)
        seen.events.wait_for("video.downloaded")
        work()

        assert whole(folder, seen.jobs[0])


def test_what_an_earlier_run_left_is_stored(server, folder, storing, clock, tmp_path):
    """The ledger is the work list; nothing has to happen in the new process."""
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    with isolated(clock=clock, ledger=ledger):
        server.complete()

    with storing(ledger=ledger) as seen:
        work()

        assert whole(folder, seen.jobs[0])


@pytest.mark.parametrize("there", ["whole", "part"])
def test_what_is_on_the_disk_already(there, server, folder, storing):
    """A file that the ledger was not told of is marked, a part is gone on with."""
    ledger = f"sqlite:///{folder}.db"
    with isolated(clock=server.clock, ledger=ledger) as seen:
        video_id = server.complete()
        (job,) = seen.jobs
    with isolated(), a_client() as client:
        content = client.videos.download(video_id).data
    folder.mkdir()
    if there == "whole":
        (folder / f"{job.job_id}.mp4").write_bytes(content)
    else:
        (folder / f"{job.job_id}.mp4.part").write_bytes(content[:1000])

    with storing(ledger=ledger) as seen:
        work()

        (job,) = seen.jobs
        assert whole(folder, job)
        assert (job.asset, job.file.seconds) == (AssetState.DOWNLOADED, 4)
        ranges = [request.headers.get("range") for request in server.sandbox.requests]
        assert server.downloads == (1 if there == "whole" else 2)
        assert ranges[-1] == (None if there == "whole" else "bytes=1000-")


def test_a_file_that_is_no_whole_video(server, folder, storing, caplog):
    """It does not count as downloaded, however often it is looked at."""
    with storing() as seen:
        runtime.current().assets.close(5)
        server.complete()
        (job,) = seen.jobs
        with a_client() as client, isolated():
            content = client.videos.download(job.provider_job_id).data
        folder.mkdir()
        (folder / f"{job.job_id}.mp4").write_bytes(content[:-100])
        store = runtime.current()._asset_store()
        for _ in range(12):
            store.work()
            server.clock.advance(HOUR_S)

        assert seen.jobs[0].asset is AssetState.AVAILABLE
        (said,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert said.getMessage().endswith("is not tried again: the file is no whole video")


@pytest.mark.skipif(not DEVICE.exists(), reason="needs a device that is always full")
def test_a_full_disk_is_waited_for(server, folder, storing, caplog):
    """It is said once, a part gives its room back, and later the video is stored."""
    with storing() as seen:
        runtime.current().assets.close(5)
        server.complete(seconds=12)
        (job,) = seen.jobs
        folder.mkdir()
        part = folder / f"{job.job_id}.mp4.part"
        store = runtime.current()._asset_store()
        for _ in range(2):
            part.symlink_to(DEVICE)
            store.work()
            assert not part.is_symlink()
            assert seen.jobs[0].asset is AssetState.AVAILABLE

        said = [text for record in caplog.records if "stored" in (text := record.getMessage())]
        assert said == [f"videos cannot be stored in {folder} (No space left on device)"]
        store.work()
        assert whole(folder, seen.jobs[0])


def test_a_folder_that_cannot_be_made(server, folder, storing, caplog):
    """It is said once; the jobs go on as they are."""
    folder.write_text("a file")
    with storing() as seen:
        server.complete()
        work()
        work()

        assert seen.jobs[0].asset is AssetState.AVAILABLE
        said = [record for record in caplog.records if "cannot be stored" in record.getMessage()]
        assert [record.levelno for record in said] == [logging.WARNING]


def test_a_video_that_the_server_threw_away(server, folder, clock):
    """The server says so before its time: the ledger knows, and the work is over."""
    slow = FrozenClock(clock.now)
    with isolated(clock=slow, store=f"dir://{folder}") as seen:
        runtime.current().assets.close(5)
        server.complete()
        clock.advance(2 * DAY_S)
        store = runtime.current()._asset_store()
        for _ in range(2):
            store.work()
            slow.advance(HOUR_S)

        assert seen.jobs[0].asset is AssetState.EXPIRED
        assert server.downloads == 1


def test_a_video_past_its_time_is_not_asked_for(server, storing):
    """There is nothing to be had."""
    with storing() as seen:
        server.complete("a cat [[fault:expired_asset]]")
        work()

        assert seen.jobs[0].asset is AssetState.AVAILABLE
        assert server.downloads == 0


def test_a_video_that_cannot_be_had_is_given_up(server, storing, clock, caplog):
    """After ten tries, over some hours; that is an error of the log."""
    with storing() as seen:
        runtime.current().assets.close(5)
        server.delete(server.complete())
        store = runtime.current()._asset_store()
        for _ in range(15):
            store.work()
            store.work()  # too early
            clock.advance(HOUR_S)

        assert server.downloads == 10
        assert seen.jobs[0].asset is AssetState.AVAILABLE
        (said,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert "was not stored in 10 tries, and is not tried again: GET" in said.getMessage()


def test_a_key_goes_to_its_own_server_only(server, storing, monkeypatch, caplog):
    """The environment names another server: it is not asked, and hears no key."""
    with Sandbox() as other, storing() as seen:
        monkeypatch.setenv("OPENAI_BASE_URL", other.base_url)
        server.complete()
        work()
        work()

        assert (other.requests, server.downloads) == ([], 0)
        assert seen.jobs[0].asset is AssetState.AVAILABLE
        (said,) = [record for record in caplog.records if "is not stored" in record.getMessage()]
        assert "set OPENAI_BASE_URL to the address of 127.0.0.1:" in said.getMessage()


def test_the_end_of_the_process_waits_for_no_download(server, folder, storing):
    """A download is broken off between two pieces; what came is kept for the next time."""
    with storing() as seen:
        server.complete("a cat [[fault:slow_download]]")
        part = next(iter(_appears(folder)))
        (job,) = seen.jobs
        assert vidobs.shutdown(2.0) == 0

    assert part.name == f"{job.job_id}.mp4.part"
    assert not any(thread.name == "vidobs-assets" for thread in threading.enumerate())


def _appears(folder):
    """Wait for a file."""
    while not (found := list(folder.glob("*.part"))):
        threading.Event().wait(0.01)
    return found


def test_two_of_them_download_a_video_once(server, folder, storing):
    """What one has claimed the other leaves alone."""
    with storing() as seen:
        runtime.current().assets.close(5)
        for number in range(4):
            server.complete(f"{number}")
        stores = [runtime.current()._asset_store() for _ in range(2)]
        threads = [threading.Thread(target=store.work) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert server.downloads == 4
        assert all(whole(folder, job) for job in seen.jobs)
