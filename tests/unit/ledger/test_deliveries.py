"""What became of the events of one job, at every exporter."""

import pytest

from vidobs.core.errors import LedgerMissingError
from vidobs.core.jobs import JobState
from vidobs.core.reports import DeliveryState, EventDelivery
from vidobs.ledger import codec
from vidobs.ledger.deliveries import deliveries

AT_US = 1_795_000_100_000_000


def told(filled, job):
    """Return state by exporter, in the order of the events."""
    found = {}
    for one in deliveries(str(filled.path), job.job_id):
        found.setdefault(one.exporter, []).append(one.state.value)
    return found


def test_an_event_waits_until_the_cursor_is_behind_it(filled):
    """Of two events one was delivered; an exporter that nobody runs yet has had none."""
    job = filled.job()
    assert told(filled, job) == {"webhook": ["waiting", "waiting"]}
    filled.register("webhook")
    filled.sql("UPDATE relay SET cursor = 1 WHERE exporter = 'webhook'")
    assert told(filled, job) == {"webhook": ["delivered", "waiting"]}


def test_exporters_that_came_later_were_not_meant(filled):
    """An exporter is listed though no event of the job was for it."""
    job = filled.job()
    filled.register("datadog")
    assert told(filled, job)["datadog"] == ["not_for_it", "not_for_it"]


def test_a_dead_letter_says_when_and_why(filled):
    """The words of the exporter are there, unless a purge of content took them."""
    job = filled.job()
    filled.register("webhook")
    filled.sql("UPDATE relay SET cursor = 2")
    filled.sql("INSERT INTO dead_letter VALUES ('webhook', 1, ?, 'HTTP 400')", AT_US)
    filled.sql("INSERT INTO dead_letter VALUES ('webhook', 2, ?, '')", AT_US)
    first, second = deliveries(str(filled.path), job.job_id)
    event_id = filled.sql("SELECT id FROM event WHERE seq = 1")[0][0]
    assert first == EventDelivery(
        event_id=event_id,
        exporter="webhook",
        state=DeliveryState.DEAD,
        at=codec.moment(AT_US),
        error="HTTP 400",
    )
    assert (second.state, second.error) == (DeliveryState.DEAD, None)


def test_what_was_asked_for_once_more_waits(filled):
    """Also where the exporter was not switched on when it happened."""
    job = filled.job()
    filled.register("webhook")
    filled.register("datadog")
    filled.sql("UPDATE relay SET cursor = 2")
    filled.sql("INSERT INTO replay VALUES ('webhook', 2, ?)", AT_US)
    filled.sql("INSERT INTO replay VALUES ('datadog', 1, ?)", AT_US)
    assert told(filled, job) == {
        "webhook": ["delivered", "waiting"],
        "datadog": ["waiting", "not_for_it"],
    }


def test_where_events_were_dropped_nobody_knows_which(filled):
    """The ledger counts what an exporter never got, and does not keep which events those were."""
    job = filled.job()
    filled.register("webhook")
    filled.sql("UPDATE relay SET cursor = 2")
    filled.sql("INSERT INTO dropped VALUES ('webhook', 'age', 1)")
    assert told(filled, job) == {"webhook": ["passed", "passed"]}


def test_other_jobs_are_left_out(filled):
    """Only the job's own events are looked at, and a job that is not there has none."""
    filled.job(JobState.FAILED)
    job = filled.job(JobState.QUEUED)
    (only,) = deliveries(str(filled.path), job.job_id)
    assert only.event_id == filled.sql("SELECT id FROM event WHERE seq = 3")[0][0]
    assert deliveries(str(filled.path), f"job_{0:032x}") == ()


def test_a_damaged_event_is_told_of_all_the_same(filled):
    """Its place in the outbox is whole, whatever happened to its document."""
    job = filled.job()
    filled.sql("UPDATE event SET job = 'torn' WHERE seq = 1")
    assert told(filled, job) == {"webhook": ["waiting", "waiting"]}


def test_a_ledger_that_is_not_there_is_an_error(tmp_path):
    """Whoever asks has a job, so there has to be a ledger."""
    with pytest.raises(LedgerMissingError):
        deliveries(str(tmp_path / "none.db"), f"job_{0:032x}")
