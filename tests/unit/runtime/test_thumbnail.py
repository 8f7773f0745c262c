"""The picture that is kept of a video, as exporters read it."""

from datetime import UTC, datetime

import pytest

import vidobs
from vidobs import Job
from vidobs.core.jobs import TraceRef, VideoFile

JPEG = b"\xff\xd8\xff\xe0 a picture"
JOB_ID = "job_0199f77bf40676c8aa8d95b8c037e501"


def a_job(job_id=JOB_ID, *, file=None):
    """Build a job whose picture is said to be kept, unless `file` says something else."""
    return Job(
        job_id=job_id,
        provider="openai",
        dialect="openai",
        created_at=datetime(2026, 11, 20, tzinfo=UTC),
        trace=TraceRef("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"),
        file=file or VideoFile(thumbnail=f"{job_id}.jpg"),
    )


@pytest.fixture
def folder(tmp_path):
    """Return the media folder of the configured ledger, with the picture of `a_job` in it."""
    vidobs.configure(ledger=f"sqlite:///{tmp_path}/ledger.db")
    kept = tmp_path / "ledger.db.media"
    kept.mkdir()
    (kept / f"{JOB_ID}.jpg").write_bytes(JPEG)
    return kept


def test_the_picture_of_a_job_is_read(folder):
    """It comes as the bytes of the file beside the ledger."""
    assert vidobs.thumbnail(a_job()) == JPEG


def test_a_picture_that_is_gone_is_none(folder):
    """Purged, never made, or of a job whose id is no name of a file: that is no error."""
    (folder.parent / "secret.jpg").write_bytes(b"not ours")

    assert vidobs.thumbnail(a_job("job_0199f77bf40676c8aa8d95b8c037e502")) is None
    assert vidobs.thumbnail(a_job("../secret")) is None
    assert vidobs.thumbnail(a_job(file=VideoFile(size_bytes=1))) is None


def test_without_a_ledger_in_a_file_there_is_none(folder):
    """A ledger in memory has no folder, and a process without vidobs makes no ledger to look."""
    vidobs.shutdown()
    assert vidobs.thumbnail(a_job()) is None

    vidobs.configure(ledger="memory:")
    assert vidobs.thumbnail(a_job()) is None


class Looking:
    """An exporter that looks for the picture when it is closed."""

    name = "looking"
    durable = True
    seen = None

    def export(self, batch):
        """Take nothing."""

    def close(self):
        """Look."""
        self.seen = vidobs.thumbnail(a_job())


def test_it_is_there_until_the_last_exporter_is_closed(folder):
    """What goes out while vidobs is shut down has its picture too."""
    exporter = Looking()
    vidobs.configure(ledger=f"sqlite:///{folder.parent}/ledger.db", callbacks=[exporter])

    vidobs.shutdown()

    assert exporter.seen == JPEG
