"""The downloads of a job, found without reading all that happened to it."""

from contextlib import closing

import msgspec
import pytest

from vidobs.core.jobs import JobState
from vidobs.ledger.reader import open_ledger


@pytest.fixture
def read(filled):
    """Ask a reader of the same file."""

    def downloads(job):
        with closing(open_ledger(str(filled.path))) as reader:
            return reader.downloads(job.job_id)

    return downloads


def download(filled, job):
    """Let the writer read the video; return the span."""
    seen = filled.make.seen(job, id=job.provider_job_id, download=True, spans=True)
    span = msgspec.structs.replace(seen.span, name="download_video sora-2")
    filled.ledger.record(msgspec.structs.replace(seen, span=span, job_span=None))
    return span


def test_every_download_in_its_order(filled, read):
    """Of this job, and nothing that is no download."""
    other, job = filled.job(), filled.job()
    spans = [download(filled, job), download(filled, job)]
    download(filled, other)
    assert read(job) == spans


def test_a_job_that_nobody_downloaded(filled, read):
    """Has none, and neither has one that is not there."""
    job = filled.job(JobState.QUEUED)
    assert read(job) == []
    assert read(msgspec.structs.replace(job, job_id=f"job_{0:032x}")) == []


def test_other_events_are_not_read(filled, read):
    """A damaged one does not matter."""
    job = filled.job()
    span = download(filled, job)
    filled.sql("UPDATE event SET job = 'torn', spans = 'torn' WHERE name <> 'video.downloaded'")
    assert read(job) == [span]
