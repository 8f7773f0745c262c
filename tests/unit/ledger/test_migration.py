"""A ledger of an older schema is brought up to this one, in one go or not at all."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest
from ledger_kit import Audit

from vidobs.core.errors import LedgerSchemaError, LedgerUnusableError
from vidobs.core.protocols import Standing
from vidobs.core.reports import ExporterProgress
from vidobs.ledger import codec, database
from vidobs.ledger.database import migrate, open_reader, open_writer
from vidobs.ledger.invariants import violations
from vidobs.ledger.lock import WriteLock
from vidobs.ledger.outbox import SqliteOutbox
from vidobs.ledger.reader import LedgerReader
from vidobs.ledger.statements import SCHEMA_VERSION
from vidobs.ledger.survey import survey

FIXTURES = Path(__file__).parents[2] / "fixtures"
NOW = codec.moment(1_795_000_010_000_000)
LATER = codec.moment(1_795_000_040_000_000)


@pytest.fixture
def path(tmp_path):
    """Write a ledger as vidobs 0.1.0 left it, with schema 1."""
    path = tmp_path / "ledger.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute((FIXTURES / "ledger-schema-1.sql").read_text("utf-8"))
    return path


def layout(path):
    """Return what tables, columns and indices a file has, whatever their texts look like."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
            )
        ]
        return {
            name: connection.execute(f"PRAGMA table_xinfo({name})").fetchall()
            + connection.execute(f"PRAGMA index_xinfo({name})").fetchall()
            for name in names
        }


def test_an_older_ledger_becomes_as_a_new_one(path, tmp_path):
    """Whichever way a file came to this schema, its tables are the same."""
    new = tmp_path / "new.db"
    open_writer(str(new)).close()

    assert migrate(str(path)) == (1, SCHEMA_VERSION)

    assert layout(path) == layout(new)
    assert migrate(str(path)) == (SCHEMA_VERSION, SCHEMA_VERSION)


def test_nothing_that_an_older_ledger_held_is_lost(path):
    """Jobs, money, events, cursors and dead letters are there, and no rule is broken."""
    before = Audit(path).check()

    migrate(str(path))

    after = Audit(path).check()
    assert violations(str(path)) == ()
    assert (after.rows, after.events) == (before.rows, before.events)
    assert after.total_nano == 800_000_000
    with closing(LedgerReader(str(path))) as reader:
        assert [job.provider_job_id for job in reader.jobs()] == ["video_2", "video_1"]
    assert survey(str(path), NOW).exporters == (
        ExporterProgress(exporter="jsonl", cursor=4, behind=0, dead_letters=1),
        ExporterProgress(
            exporter="webhook",
            cursor=1,
            behind=3,
            waiting_since=codec.moment(1_795_000_003_000_000),
            dead_letters=0,
        ),
    )


def test_delivery_goes_on_where_the_older_one_was(path):
    """The cursors hold, and what is new begins at nothing."""
    with closing(open_writer(str(path))) as connection:
        outbox = SqliteOutbox(str(path), connection, WriteLock(str(path), connection))

        assert outbox.lease("webhook", "me", LATER, NOW) == Standing(1)
        assert [row.seq for row in outbox.read(1, 10)] == [2, 3, 4]
        assert outbox.asked_again("webhook", 10) == []


def test_an_older_ledger_is_refused_to_readers(path):
    """Who only reads must not change the file; the message names the command that does."""
    with pytest.raises(LedgerSchemaError, match=r"schema 1.* older than 2.* vidobs ledger migrate"):
        open_reader(str(path))


def test_steps_are_taken_one_after_the_other(path, monkeypatch):
    """A ledger two schemas behind goes through both, and one from the future through none."""
    migrate(str(path))
    monkeypatch.setattr(database, "SCHEMA_VERSION", 4)
    steps = ["CREATE TABLE three (x)", "INSERT INTO three VALUES (4)"]
    monkeypatch.setattr(database, "steps_from", lambda version: steps[version - 2 :])

    assert migrate(str(path)) == (2, 4)

    with closing(open_reader(str(path))) as connection:
        assert connection.execute("SELECT x FROM three").get == 4
    monkeypatch.setattr(database, "SCHEMA_VERSION", 3)
    with pytest.raises(LedgerSchemaError, match="newer"):
        migrate(str(path))


def test_a_step_that_fails_changes_nothing(path, monkeypatch):
    """Half a migration is none."""
    before = layout(path)
    monkeypatch.setattr(database, "steps_from", lambda _: ["CREATE TABLE two (x); nonsense"])

    with pytest.raises(LedgerUnusableError, match="nonsense"):
        migrate(str(path))

    assert layout(path) == before
    with closing(apsw.Connection(str(path))) as connection:
        assert connection.execute("PRAGMA user_version").get == 1
