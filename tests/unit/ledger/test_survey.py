"""What a ledger says of itself, whether it is sound, and how it is brought up to date."""

import os
import shutil
from datetime import timedelta

import apsw
import pytest

from vidobs.core.errors import LedgerMissingError, LedgerSchemaError, LedgerUnusableError
from vidobs.core.jobs import JobState
from vidobs.ledger import codec, database, processes
from vidobs.ledger.database import migrate, open_reader
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
    now = codec.moment(filled.make.now_ns // 1000)
    filled.sql(
        "UPDATE relay SET owner = 'me', leased_until_us = ? WHERE exporter = 'webhook'",
        codec.us(now + timedelta(seconds=9)),
    )
    processes.enter(filled.ledger, filled.make.now_ns)
    filled.sql("INSERT INTO process VALUES (77, 'elsewhere', 5, '', 0, 0)")

    found = survey(str(filled.path), now)

    assert found.jobs == {C: 1, F: 1, Q: 1}
    assert (found.schema, found.events, found.spend_entries) == (1, 5, 2)
    assert abs(found.oldest - first.created_at) < timedelta(milliseconds=1)
    assert abs(found.newest - last.created_at) < timedelta(milliseconds=1)
    assert found.size_bytes == filled.path.stat().st_size
    assert found.wal_bytes > 0
    told = [(one.exporter, one.cursor, one.behind, one.dead_letters) for one in found.exporters]
    assert told == [("other", 0, 0, 0), ("webhook", 3, 2, 1)]
    assert [one.worker for one in found.exporters] == [None, "me"]
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
    content[3 * 4096 :] = b"\xff" * (len(content) - 3 * 4096)
    broken.write_bytes(content)

    assert violations(str(broken))


def test_only_the_older_is_brought_up(filled, tmp_path, monkeypatch):
    """An older ledger is refused to readers until it is brought up, step by step, in one go."""
    filled.job()
    path = str(filled.path)
    assert migrate(path) == (1, 1)
    monkeypatch.setattr(database, "SCHEMA_VERSION", 3)
    steps = ["CREATE TABLE two (x)", "INSERT INTO two VALUES (3)"]
    monkeypatch.setattr(database, "steps_from", lambda version: steps[version - 1 :])

    with pytest.raises(LedgerSchemaError, match=r"schema 1.* older than 3.* vidobs ledger migrate"):
        open_reader(path)
    assert migrate(path) == (1, 3)
    assert filled.sql("SELECT x FROM two") == [(3,)]
    assert migrate(path) == (3, 3)

    monkeypatch.setattr(database, "SCHEMA_VERSION", 2)
    with pytest.raises(LedgerSchemaError, match="newer"):
        migrate(path)


def test_a_step_that_fails_changes_nothing(filled, monkeypatch):
    """Half a migration is none."""
    monkeypatch.setattr(database, "SCHEMA_VERSION", 2)
    monkeypatch.setattr(database, "steps_from", lambda _: ["CREATE TABLE two (x); nonsense"])

    with pytest.raises(LedgerUnusableError, match="nonsense"):
        migrate(str(filled.path))

    assert filled.sql("PRAGMA user_version") == [(1,)]
    assert filled.sql("SELECT count(*) FROM sqlite_schema WHERE name = 'two'") == [(0,)]


def test_there_is_nothing_to_bring_up(tmp_path):
    """No ledger is made by looking for one."""
    path = tmp_path / "ledger.db"
    with pytest.raises(LedgerMissingError):
        migrate(str(path))
    path.touch()
    with pytest.raises(LedgerMissingError):
        migrate(str(path))
    assert path.stat().st_size == 0
