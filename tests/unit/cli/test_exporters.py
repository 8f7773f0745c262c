"""`vidobs exporters`, `vidobs dead` and `vidobs replay`: what waits, was refused, goes again."""

import re
from contextlib import closing
from datetime import UTC, datetime

import apsw
import pytest
from ledger_kit import RULES, Maker

from vidobs.core.jobs import JobState
from vidobs.ledger import codec
from vidobs.ledger.invariants import violations
from vidobs.ledger.sqlite import SqliteLedger

ENV = {"VIDOBS_LEDGER": "sqlite:///ledger.db"}
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # the tests' now
NOW_US = codec.us(NOW)
MINUTE_US = 60_000_000


class File:
    """A ledger whose exporters stand as a test wants it."""

    def __init__(self, folder) -> None:
        self.path = str(folder / "ledger.db")
        make = Maker(now_ns=(NOW_US - 10 * MINUTE_US) * 1000)
        with closing(SqliteLedger(self.path, RULES, route="webhook,jsonl")) as ledger:
            for number in range(3):
                ledger.record(make.poll(f"v{number}", JobState.COMPLETED))

    def sql(self, statement, *bindings):
        """Do something by plain SQL."""
        with closing(apsw.Connection(self.path)) as connection:
            return connection.execute(statement, bindings).fetchall()

    def stand(self, exporter, cursor=6, **columns):
        """Give an exporter a row."""
        names = ", ".join(["exporter", "cursor", *columns])
        marks = ", ".join("?" * (2 + len(columns)))
        self.sql(f"INSERT INTO relay ({names}) VALUES ({marks})", exporter, cursor,  # noqa: S608
                 *columns.values())  # fmt: skip

    def bury(self, exporter, *places, error="HTTP 400"):
        """Give an exporter dead letters, one a minute."""
        for minute, place in enumerate(places):
            at_us = NOW_US + minute * MINUTE_US
            self.sql("INSERT INTO dead_letter VALUES (?, ?, ?, ?)", exporter, place, at_us, error)

    def ids(self, *places):
        """Return the ids of events."""
        found = dict(self.sql("SELECT seq, id FROM event"))
        return [found[place] for place in places]


@pytest.fixture
def file(folder):
    """Write three jobs of two events each; after the test the ledger must be sound."""
    file = File(folder)
    yield file
    assert violations(file.path) == ()


def test_no_ledger_yet(run, folder):
    """What is configured is shown before there is a ledger, and none is made."""
    ran = run("exporters", "--json", **ENV, VIDOBS_CALLBACKS="jsonl")
    (jsonl,) = ran.json
    assert (jsonl["exporter"], jsonl["configured"], jsonl["known"]) == ("jsonl", True, False)
    assert (jsonl["waiting"], jsonl["lag_s"], jsonl["state"]) == (0, None, "closed")
    assert run("exporters", **ENV).out.startswith("no exporters; name some in `callbacks`")
    assert list(folder.iterdir()) == []


def test_how_exporters_stand(run, file):
    """JSON says all that the ledger and the settings know, for every exporter of either."""
    file.stand(
        "webhook",
        cursor=2,
        delivered=2,
        retried=7,
        failures=6,
        retry_at_us=NOW_US + MINUTE_US,
        error="HTTP 503 from https://u:hunter2@hooks.example.com",
        failed_us=NOW_US - MINUTE_US,
        delivered_us=NOW_US - 2 * MINUTE_US,
        owner="host:7:ab",
        leased_until_us=NOW_US + 1,
    )
    file.sql("INSERT INTO replay VALUES ('webhook', 1, ?)", NOW_US)
    file.sql("INSERT INTO dropped VALUES ('webhook', 'age', 3), ('webhook', 'bytes', 4)")
    file.bury("webhook", 2)

    found = {one["exporter"]: one for one in run("exporters", "--json", **ENV).json}

    assert found == {
        "webhook": {
            "exporter": "webhook",
            "configured": False,
            "known": True,
            "state": "open",
            "waiting": 5,
            "asked_again": 1,
            "lag_s": 596.0,
            "delivered": 2,
            "retried": 7,
            "dropped": {"age": 3, "bytes": 4},
            "dead_letters": 1,
            "failures": 6,
            "retry_at": "2026-11-20T12:01:00Z",
            "disabled": None,
            "error": "HTTP 503 from https://hooks.example.com",
            "failed_at": "2026-11-20T11:59:00Z",
            "delivered_at": "2026-11-20T11:58:00Z",
            "delivered_by": "host:7:ab",
            "complete": True,
        }
    }


def test_the_table_for_people(run, file):
    """One line for each, and below what is worth knowing, with what to do."""
    file.stand("webhook", cursor=2, delivered=2, failures=6, retry_at_us=NOW_US + MINUTE_US,
               error="HTTP 503", failed_us=NOW_US, retried=6)  # fmt: skip
    file.stand("gone", disabled="HTTP 410: gone", error="HTTP 410: gone", failed_us=NOW_US)
    file.stand("jsonl", error="disk full", failed_us=NOW_US - 3 * MINUTE_US)
    file.sql("INSERT INTO dropped VALUES ('webhook', 'age', 3)")
    file.bury("webhook", 2)

    out = run("exporters", **ENV, VIDOBS_CALLBACKS="jsonl,console").out

    lines = [re.split(r"  +", line.strip()) for line in out.splitlines()]
    assert lines[2:6] == [
        ["console", "new", "0", "-", "0", "0", "0", "0", "-"],
        ["gone", "off", "0", "-", "0", "0", "0", "0", "-"],
        ["jsonl", "ok", "0", "-", "0", "0", "0", "0", "-"],
        ["webhook", "down", "4", "9.9 min", "2", "6", "3", "1", "-"],
    ]
    assert out.splitlines()[7:] == [
        "console: configured here, new to the ledger: not durable, or used by no program yet",
        "gone: not configured here",
        "gone: switched off: HTTP 410: gone; once that is mended: vidobs exporters enable gone",
        "jsonl: last error, 3.0 min ago: disk full",
        "webhook: not configured here: its 4 events wait for a process that has it",
        "webhook: failed 6 times in a row, tried again in 1.0 min: HTTP 503",
        "webhook: never had: 3 by age; see outbox_max_days and outbox_max_bytes",
        "webhook: refused 1 events: vidobs dead list --exporter webhook",
    ]


def test_an_exporter_is_switched_on_again(run, file):
    """It says what happens next, or that there was nothing to do."""
    file.stand("webhook", disabled="gone")

    assert run("exporters", "enable", "webhook", **ENV).out == (
        "webhook is on again; what waits for it is sent within half a minute\n"
    )
    assert run("exporters", "enable", "webhook", **ENV).out == "nothing to do: webhook is on\n"
    assert run("exporters", "enable", "webhook", "--json", **ENV).json == {
        "exporter": "webhook",
        "enabled": False,
    }


def test_an_exporter_is_forgotten(run, file):
    """After a question that says what goes; a no changes nothing."""
    file.stand("webhook", cursor=2)
    file.stand("jsonl")
    file.bury("webhook", 1)

    asked = run("exporters", "forget", "webhook", **ENV)
    assert asked.code == 1  # nobody answers
    assert asked.err.startswith("webhook: 4 events that it has not had and 1 dead letters will")
    assert run("exporters", "forget", "webhook", "--yes", **ENV).out == (
        "webhook is forgotten, with 4 events that it had not had, 0 that were asked for again and "
        "1 dead letters\n"
    )

    assert [one["exporter"] for one in run("exporters", "--json", **ENV).json] == ["jsonl"]
    gone = run("exporters", "forget", "jsonl", "--yes", "--json", **ENV).json
    assert gone == {"exporter": "jsonl", "waiting": 0, "asked_again": 0, "dead_letters": 0}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["enable", "webhok"], "unknown exporter 'webhok'; known: webhook; did you mean 'webhook'"),
        (["forget", "webhook"], "webhook is configured here; take it out of `callbacks` first"),
        (["enable", "jsonl"], "the ledger knows nothing of jsonl"),
    ],
)
def test_exporters_that_cannot_be_meant(run, file, args, said):
    """An unknown name, one still configured, one the ledger never saw: said, and nothing done."""
    file.stand("webhook")

    ran = run("exporters", *args, **ENV, VIDOBS_CALLBACKS="webhook,jsonl")

    assert ran.code == 2
    assert said in ran.err
    assert len(file.sql("SELECT * FROM relay")) == 1


def test_an_exporter_at_work_is_not_forgotten(run, file):
    """The process that delivers to it is named."""
    file.stand("webhook", owner="host:7:ab", leased_until_us=NOW_US + 1)

    ran = run("exporters", "forget", "webhook", "--yes", **ENV)

    assert ran.code == 2
    assert ran.err.startswith("error: host:7:ab delivers to webhook now")


def test_dead_letters_are_listed(run, file):
    """The last one first, with what was refused and why; JSON has the whole id and the job."""
    file.stand("webhook")
    file.stand("jsonl")
    file.bury("webhook", 1, 2, error="HTTP 400: too long")
    file.bury("jsonl", 2)

    first, second = run("dead", "list", "--exporter", "webhook", "--json", **ENV).json

    assert first["event_id"] == file.ids(2)[0]
    assert {name: first[name] for name in ("exporter", "at", "error", "event", "provider")} == {
        "exporter": "webhook",
        "at": "2026-11-20T12:01:00Z",
        "error": "HTTP 400: too long",
        "event": "video.completed",
        "provider": "openai",
    }
    assert second["event"] == "video.submitted"
    assert len(run("dead", "list", "--limit", "1", "--json", **ENV).json) == 1
    table = run("dead", "list", **ENV).out
    assert re.search(
        rf"^{first['event_id'][:23]} +webhook +2026-11-20 12:01:00 +video.completed +HTTP 400: too",
        table,
        re.MULTILINE,
    )


def test_there_are_no_dead_letters(run, file):
    """An empty list is said in words, and in JSON it is empty."""
    assert run("dead", "list", **ENV).out == "no dead letters\n"
    assert run("dead", "list", "--json", **ENV).json == []


def test_a_dead_letter_is_shown_whole(run, file):
    """Who gave up when and why, and the event as exporters get it."""
    for exporter in ("webhook", "jsonl"):
        file.stand(exporter)
        file.bury(exporter, 2)
    (event_id,) = file.ids(2)

    out = run("dead", "show", event_id[:-2], **ENV).out
    found = run("dead", "show", event_id, "--exporter", "jsonl", "--json", **ENV).json

    assert "jsonl gave up at 2026-11-20 12:00:00 UTC\n  HTTP 400\n" in out
    assert "webhook gave up" in out
    assert f'"id": "{event_id}"' in out
    assert [letter["exporter"] for letter in found["letters"]] == ["jsonl"]
    assert found["event"]["name"] == "video.completed"
    assert found["event"]["schema_version"] == 1


def test_dead_letters_are_replayed(run, file):
    """Some by id, or all of an exporter; the rest stays."""
    file.stand("webhook")
    file.bury("webhook", 1, 2, 3)
    event_id = file.ids(2)[0]

    assert run("dead", "replay", event_id, **ENV).out.startswith(
        "1 dead letter will be delivered once more"
    )
    assert file.sql("SELECT seq, asked_us FROM replay") == [(2, NOW_US)]
    assert run("dead", "replay", "--exporter", "webhook", "--json", **ENV).json == {
        "asked_again": 2
    }
    assert run("dead", "replay", "--all", "--json", **ENV).json == {"asked_again": 0}
    assert run("exporters", "--json", **ENV).json[0]["asked_again"] == 3


def test_dead_letters_are_purged(run, file):
    """After a question, unless there is nothing to ask for."""
    file.stand("webhook")
    file.bury("webhook", 1, 2)

    asked = run("dead", "purge", "--all", **ENV)
    assert (asked.code, asked.err.splitlines()[0][:30]) == (1, "2 dead letters will be forgott")
    event_id = file.ids(1)[0]
    assert run("dead", "purge", event_id, "--yes", **ENV).out == "1 dead letter forgotten\n"
    assert run("dead", "purge", "--all", "--yes", "--json", **ENV).json == {"purged": 1}
    assert run("dead", "purge", "--all", **ENV).out == "0 dead letters forgotten\n"
    assert len(file.sql("SELECT * FROM event")) == 6


@pytest.mark.parametrize("command", ["replay", "purge"])
@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "say which dead letters: ids of events, --exporter ID or --all"),
        (["--all", "--exporter", "webhook"], "--all means every dead letter"),
        (["ffff"], "no dead letter 'ffff'; `vidobs dead list` lists them"),
    ],
)
def test_dead_letters_must_be_named(run, file, command, args, said):
    """What is not clear is refused before anything is touched."""
    file.stand("webhook")
    file.bury("webhook", 1)

    ran = run("dead", command, *args, **ENV)

    assert ran.code == 2
    assert said in ran.err
    assert len(file.sql("SELECT * FROM dead_letter")) == 1


def test_the_past_is_sent_again(run, file):
    """It is counted first, if asked; then it waits beside what is new."""
    file.stand("webhook")
    options = ["--since", "1h", "--exporter", "webhook"]

    assert run("replay", *options, "--dry-run", **ENV).out == (
        "6 events would be delivered to webhook once more\n"
    )
    assert file.sql("SELECT * FROM replay") == []
    assert run("replay", *options, "--json", **ENV).json == {
        "exporter": "webhook",
        "events": 6,
        "dry_run": False,
    }
    assert len(file.sql("SELECT * FROM replay")) == 6


def test_a_part_of_the_past_is_sent_again(run, file):
    """Up to a time, and also to an exporter that had nothing to do with it then."""
    options = ["--since", "1h", "--until", "594s", "--all-events", "--exporter", "jsonl/new"]

    ran = run("replay", *options, **ENV, VIDOBS_CALLBACKS="jsonl/new")

    assert ran.out == "4 events will be delivered to jsonl/new once more\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--exporter", "webhok", "--since", "1h"], "unknown exporter 'webhok'; known: webhook;"),
        (["--exporter", "webhook", "--since", "old"], "--since: got 'old'; write 24h"),
        (
            ["--exporter", "webhook", "--since", "1h", "--until", "2h"],
            "--until: got '2h', which is not after --since '1h'",
        ),
    ],
)
def test_a_past_that_cannot_be_meant(run, file, args, said):
    """Nothing is asked for."""
    file.stand("webhook")

    ran = run("replay", *args, **ENV)

    assert ran.code == 2
    assert said in ran.err


@pytest.mark.parametrize(
    "args",
    [
        ["dead", "list"],
        ["dead", "show", "01a"],
        ["dead", "replay", "--all"],
        ["dead", "purge", "--all"],
        ["exporters", "enable", "jsonl"],
        ["exporters", "forget", "jsonl"],
        ["replay", "--since", "1h", "--exporter", "jsonl"],
    ],
)
def test_there_is_no_ledger(run, folder, args):
    """An error that says so, and no file."""
    ran = run(*args, **ENV, VIDOBS_CALLBACKS="jsonl")

    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert list(folder.iterdir()) == []


def test_a_ledger_in_memory_cannot_be_looked_after(run, folder):
    """Only the process that has it could; the message says what to set."""
    ran = run("exporters", VIDOBS_LEDGER="memory:")

    assert ran.code == 2
    assert "point VIDOBS_LEDGER at a file" in ran.err
