"""A picture of a video: told once, kept over downloads, and worth no money."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from vidobs.core.events import EventName
from vidobs.core.jobs import Job, JobSnapshot, JobState, TraceRef, VideoFile
from vidobs.core.machine import Rules, advance, downloaded
from vidobs.core.prices import PriceBook

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules(book=PriceBook(()), policies={})
FILE = VideoFile(size_bytes=9, sha256="5" * 64, seconds=Decimal(4))
PICTURE = JobSnapshot(thumbnail="job_1.jpg")


@pytest.fixture
def job():
    """Return a finished job whose file was read."""
    return Job(
        job_id="job_1",
        provider="openai",
        dialect="openai",
        created_at=NOW,
        trace=TraceRef("4" * 32, "5" * 16),
        state=JobState.COMPLETED,
        file=FILE,
    )


def test_a_picture_is_told_of_once(job):
    """The rest of the file stays as it is, and so does the cost."""
    done = advance(job, PICTURE, NOW, RULES)
    assert (done.events, done.changed, done.settled) == ((EventName.THUMBNAIL,), True, False)
    assert done.job.file == msgspec.structs.replace(FILE, thumbnail="job_1.jpg")
    assert (done.job.state, done.job.cost) == (job.state, job.cost)
    assert not advance(done.job, PICTURE, NOW, RULES).changed


def test_another_download_keeps_the_picture(job):
    """Also one that breaks off."""
    with_picture = advance(job, PICTURE, NOW, RULES).job
    for file in (FILE, VideoFile(size_bytes=3, complete=False)):
        again = downloaded(with_picture, JobSnapshot(file=file), RULES).job
        assert again.file.thumbnail == "job_1.jpg"


def test_without_a_picture_nothing_is_said(job):
    """The field is left out, not empty."""
    assert b"thumbnail" not in msgspec.json.encode(job)
