"""What a ledger says of itself, whether it is sound, and how it is brought up to date."""

import os
import shutil
from datetime import timedelta

import apsw
import pytest

from vidobs.core.errors import LedgerMissingError
from vidobs.core.jobs import JobState
from vidobs.core.reports import ExporterProgress
from vidobs.ledger import codec, processes
from vidobs.ledger.database import migrate
from vidobs.ledger.invariants import INVARIANTS, violations
from vidobs.ledger.survey import survey

Q, C, F = JobState.QUEUED, JobState.COMPLETED, JobState.FAILED


def test_a_survey(filled):
    """It counts what is there, and says who uses it and how far exporters are."""
    first = filled.job()
    filled.job(F)
    last = filled.job(Q)
    filled.register("webhook", cursor=3)
    filled.register("other", cursor=0)
    filled.sql("INSERT INTO dead_letter VALUES ('webhook', 2, 0, 'no')")
    filled.sql("INSERT INTO dropped VALUES ('webhook', 'age', 5), ('webhook', 'bytes', 7)")
    now = codec.moment(filled.make.now_ns // 1000)
    filled.sql("INSERT INTO replay VALUES ('webhook', 1, ?)", codec.us(now))
    filled.sql(
        "UPDATE relay SET owner = 'me', leased_until_us = ?, delivered = 3, retried = 4,"
        " failures = 2, retry_at_us = ?, error = 'HTTP 500', failed_us = ?, delivered_us = ?,"
        " disabled = 'gone' WHERE exporter = 'webhook'",
        *(codec.us(now + timedelta(seconds=seconds)) for seconds in (9, 8, -1, -2)),
    )
    processes.enter(filled.ledger, filled.make.now_ns)
    filled.sql("INSERT INTO process VALUES (77, 'elsewhere', 5, '', 0, 0)")

    found = survey(str(filled.path), now)

    assert found.jobs == {C: 1, F: 1, Q: 1}
    assert (found.schema, found.events, found.spend_entries) == (2, 5, 2)
    assert abs(found.oldest - first.created_at) < timedelta(milliseconds=1)
    assert abs(found.newest - last.created_at) < timedelta(milliseconds=1)
    assert found.size_bytes == filled.path.stat().st_size
    assert found.wal_bytes > 0
    assert found.exporters == (
        ExporterProgress(exporter="other", cursor=0, behind=0, dead_letters=0),
        ExporterProgress(
            exporter="webhook",
            cursor=3,
            behind=3,
            asked_again=1,
            waiting_since=now - timedelta(seconds=2),
            delivered=3,
            retried=4,
            dropped={"age": 5, "bytes": 7},
            dead_letters=1,
            failures=2,
            retry_at=now + timedelta(seconds=8),
            disabled="gone",
            error="HTTP 500",
            failed_at=now - timedelta(seconds=1),
            delivered_at=now - timedelta(seconds=2),
            worker="me",
        ),
    )
    mine, other = found.processes
    assert (mine.pid, mine.alive, other.host, other.alive) == (
        os.getpid(),
        True,
        "elsewhere",
        False,
    )


def test_a_survey_of_an_empty_ledger(filled):
    """A ledger without jobs has neither an oldest nor a newest."""
    found = survey(str(filled.path), codec.EPOCH)

    assert (found.jobs, found.oldest, found.newest) == ({}, None, None)


def test_a_sound_ledger(filled):
    """Nothing is wrong with what the ledger writes, whatever became of the jobs."""
    for state in (C, F, Q):
        filled.job(state)

    assert violations(str(filled.path)) == ()


BREAKS = {
    "torn_rows": "UPDATE job SET state = 'queued' WHERE provider_job_id = 'v3'",
    "unsettled_jobs": "DELETE FROM spend WHERE job_seq = (SELECT min(seq) FROM job)",
    "early_spend": "INSERT INTO spend SELECT seq, 0, 0, 'x', NULL, NULL, 'settled', NULL, NULL,"
    " NULL FROM job WHERE provider_job_id = 'v3'",
    "broken_entries": "UPDATE spend SET entry = 1 WHERE job_seq = (SELECT min(seq) FROM job)",
    "wrong_sums": "UPDATE spend SET usd_nano = 1 WHERE usd_nano > 0",
    "wrong_ends": "UPDATE event SET name = 'video.progress' WHERE seq = 2",
    "lost_events": "DELETE FROM event WHERE seq = 1",
    "stray_events": "UPDATE job SET events = ',2' WHERE provider_job_id = 'v1'",
    "early_cursors": "INSERT INTO relay (exporter, cursor) VALUES ('webhook', 7)",
    "letters_of_nothing": "INSERT INTO dead_letter VALUES ('webhook', 77, 0, 'no')",
    "unreadable_events": "UPDATE event SET job = substr(job, 2) WHERE seq = 2",
    "asked_for_nothing": "INSERT INTO relay (exporter, cursor) VALUES ('webhook', 0);"
    "INSERT INTO replay VALUES ('webhook', 77, 0)",
    "rows_without_cursor": "INSERT INTO replay VALUES ('webhook', 1, 0)",
    "odd_drops": "INSERT INTO relay (exporter, cursor) VALUES ('webhook', 0);"
    "INSERT INTO dropped VALUES ('webhook', 'mood', 1)",
}


@pytest.mark.parametrize("rule", INVARIANTS)
def test_every_rule_is_checked(filled, rule):
    """A ledger that breaks one rule is told so, with an example."""
    for state in (C, F, JobState.IN_PROGRESS):
        filled.job(state)
    assert violations(str(filled.path)) == ()

    filled.sql(BREAKS[rule])

    broken = {found.rule: found for found in violations(str(filled.path))}
    assert INVARIANTS[rule] in broken
    assert broken[INVARIANTS[rule]].count == 1
    assert broken[INVARIANTS[rule]].examples


def test_a_damaged_file(filled, tmp_path):
    """Pages that were overwritten are found, and do not end in a traceback."""
    for _ in range(50):
        filled.job()
    filled.ledger.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    broken = tmp_path / "broken.db"
    shutil.copy(filled.path, broken)
    content = bytearray(broken.read_bytes())
    content[20 * 4096 :] = b"\xff" * (len(content) - 20 * 4096)
    broken.write_bytes(content)

    assert violations(str(broken))


def test_there_is_nothing_to_bring_up(tmp_path):
    """No ledger is made by looking for one."""
    path = tmp_path / "ledger.db"
    with pytest.raises(LedgerMissingError):
        migrate(str(path))
    path.touch()
    with pytest.raises(LedgerMissingError):
        migrate(str(path))
    assert path.stat().st_size == 0
