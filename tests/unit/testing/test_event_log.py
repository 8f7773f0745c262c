import re
import threading

import pytest

from vidobs.core.errors import ConfigError
from vidobs.core.jobs import JobState
from vidobs.testing import EventLog, InMemoryExporter


@pytest.fixture
def log():
    """Start empty."""
    return EventLog()


def test_it_reads_like_a_list(log, event):
    """Length, index, slice, iteration and membership are those of a sequence."""
    first, second = event("video.submitted"), event("call.failed")
    log.add([first])
    log.add([second])

    assert (len(log), log[0], log[-1], list(log)) == (2, first, second, [first, second])
    assert list(log[1:]) == [second]
    assert first in log
    assert log.names == ["video.submitted", "call.failed"]

    log.clear()
    assert list(log) == []


def test_named_knows_names_and_families(log, event):
    """A name, a family and all; a name that vidobs does not know is no empty answer."""
    made, failed = event("video.submitted"), event("call.failed")
    log.add([made, failed])

    assert log.named("video.submitted") == [made]
    assert log.named("video.*") == [made]
    assert log.named("*") == [made, failed]
    assert log.named("video.failed") == []
    with pytest.raises(ConfigError, match=r"did you mean 'video\.completed'"):
        log.named("video.complete")


def test_jobs_are_as_their_last_event_has_them(log, event, maker):
    """Each job once, in order of appearance, in its latest form."""
    one, other = maker.job(), maker.job()
    log.add([event("video.submitted", one, state=JobState.QUEUED)])
    log.add([event("video.submitted", other, state=JobState.QUEUED)])
    log.add([event("video.completed", one, state=JobState.COMPLETED)])

    assert [(job.job_id, job.state) for job in log.jobs] == [
        (one.job_id, JobState.COMPLETED),
        (other.job_id, JobState.QUEUED),
    ]


def test_spans_come_once_and_in_order(log, event, maker):
    """A span that rides on two events is one span; they are ordered by their start."""
    early, late = maker.span("generate_content", 10**9 * 2), maker.span("fetch_response", 10**9 * 5)
    log.add(
        [event("video.submitted", spans=(late,)), event("video.completed", spans=(early, late))]
    )

    assert log.spans == [early, late]


def test_every_way_of_reading_settles_first(event):
    """What calls that have returned will cause is there before anything is read."""
    pending = [event("video.submitted")]

    def settle():
        while pending:
            log.add([pending.pop()])

    for read in (len, list, lambda log: log[0], lambda log: log.named("*"), lambda log: log.names):
        log = EventLog(settle)
        pending[:] = [event("video.submitted")]
        assert read(log)


def test_wait_for_wakes_when_the_event_comes(log, event):
    """It returns the event that another thread adds, without waiting for its timeout."""
    made = event("video.completed")
    adding = threading.Timer(0.02, log.add, [[event("video.submitted"), made]])
    adding.start()

    assert log.wait_for("video.completed", timeout=60) is made
    adding.join()


def test_wait_for_counts_what_was_there(log, event):
    """Events that came before the wait count; with `count` the last of so many is returned."""
    both = [event("video.completed"), event("video.completed")]
    log.add(both)

    assert log.wait_for("video.*", timeout=0) is both[0]
    assert log.wait_for("video.completed", timeout=0, count=2) is both[1]


def test_wait_for_says_what_came_instead(log, event):
    """When it gives up it names the count, the time and every event that there was."""
    log.add([event("video.failed", provider_job_id="video_1", state=JobState.FAILED)])

    with pytest.raises(TimeoutError) as raised:
        log.wait_for("video.completed", timeout=0.01)

    head, columns, row = str(raised.value).splitlines()
    assert head == "0 of 1 'video.completed' within 0.01 s; there came:"
    assert columns.split() == ["at", "event", "job", "state", "cost", "detail"]
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3}  video\.failed  video_1  failed  \$0\.80 quoted.*", row
    )
    with pytest.raises(ConfigError, match=r"unknown event 'video\.done'"):
        log.wait_for("video.done", timeout=0)


def test_a_failed_assertion_shows_the_events(log, event):
    """The repr, which pytest prints, is a table."""
    assert repr(log) == "<0 events>\nno event"
    log.add([event("video.submitted", provider_job_id="video_1")])

    assert repr(log).splitlines()[0] == "<1 events>"
    assert "video.submitted  video_1" in repr(log)


def test_the_exporter_keeps_everything(event):
    """Events, the size of each batch and the end are kept; name and durability are as asked."""
    exporter = InMemoryExporter(name="in_memory/second", durable=False)
    first, second, third = (event("video.submitted") for _ in range(3))

    exporter.export([first, second])
    exporter.export([third])
    assert not exporter.closed
    exporter.close()

    assert list(exporter.events) == [first, second, third]
    assert (exporter.batches, exporter.closed) == ([2, 1], True)
    assert (exporter.name, exporter.durable) == ("in_memory/second", False)
    assert InMemoryExporter().durable
