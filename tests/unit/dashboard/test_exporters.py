"""The page of exporters: what it says of each, over a real ledger."""

from datetime import timedelta

import msgspec
import pytest
from boards_of_exporters import MINUTE_US, NOW, ExporterLedger

from vidobs import config
from vidobs.dashboard.desk import Desk
from vidobs.dashboard.index import Index
from vidobs.dashboard.page import Asked, BadQueryError
from vidobs.dashboard.pages.exporters import answer
from vidobs.runtime.exporter_objects import standings


@pytest.fixture
def ledger(tmp_path):
    """Three jobs, and no exporter that took anything yet."""
    return ExporterLedger(tmp_path / "ledger.db")


def look(path, given=None, **query):
    """Ask the page."""
    desk = Desk(
        ledger=str(path),
        index=Index(str(path)),
        settings=config.load(given or {}).settings,
        now=lambda: NOW,
    )
    return answer(desk, Asked({}, {name: (value,) for name, value in query.items()}))


def test_no_ledger_and_no_exporter(tmp_path):
    """There is nothing to say, and no file is made by asking."""
    found = look(tmp_path / "none.db")

    assert (found.rows, found.letters, found.waiting, found.notice) == ((), (), 0, None)
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_is_just_being_made(tmp_path):
    """A file without tables is none yet, and nothing is wrong with it."""
    (tmp_path / "new.db").touch()

    found = look(tmp_path / "new.db")

    assert (found.rows, found.letters, found.waiting) == ((), (), 0)
    assert (tmp_path / "new.db").stat().st_size == 0


def test_an_exporter_that_is_only_configured(tmp_path):
    """It is new to the ledger, and said to be."""
    (row,) = look(tmp_path / "none.db", {"callbacks": ["jsonl"]}).rows

    assert (row.word, row.exporter.configured, row.exporter.known) == ("new", True, False)
    assert row.said.startswith("The ledger does not know it yet")


def test_how_exporters_stand_in_words(ledger):
    """One word and one sentence for each state, from the figures of the ledger."""
    soon, past = ledger.now_us + MINUTE_US, ledger.now_us - MINUTE_US
    held = {"owner": "host:7:ab", "leased_until_us": soon}
    ledger.stand("a/done", **held)
    ledger.stand("b/waits", route_of(ledger, "b/waits"), **held)
    ledger.stand("c/alone", route_of(ledger, "c/alone"))
    ledger.stand("d/retrying", failures=1, retry_at_us=ledger.now_us + 5_000_000, error="x")
    ledger.down("e/down")
    ledger.stand("f/trying", failures=5, retry_at_us=past)
    ledger.stand("g/off", failures=9, disabled="HTTP 410")

    found = look(ledger.path)

    assert {row.exporter.exporter: (row.word, row.said) for row in found.rows} == {
        "a/done": ("ok", "Everything that was for it was delivered."),
        "b/waits": ("ok", "4 events wait, the oldest for 9 min."),
        "c/alone": ("ok", "4 events wait, and no process delivers to it now."),
        "d/retrying": ("retrying", "Failed once in a row; it is tried again in 5 s."),
        "e/down": ("down", "Failed 6 times in a row; it is tried again in 1 min."),
        "f/trying": (
            "trying",
            "Failed 5 times in a row; the next batch shows whether it is back.",
        ),
        "g/off": (
            "off",
            "Switched off: HTTP 410. Once that is mended: vidobs exporters enable g/off",
        ),
    }
    assert (found.waiting, found.troubled) == (8, 4)


def test_no_more_is_counted_than_can_be_in_time(tmp_path):
    """Behind an exporter that nobody has any more, a million events may wait."""
    ledger = ExporterLedger(tmp_path / "ledger.db")
    ledger.stand("webhook", 0)
    ledger.sql(
        "INSERT INTO event (id, name, at_us, route, job) "
        "WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < 20000) "
        "SELECT 'e' || n, 'video.completed', at_us, route, job FROM more, event WHERE seq = 6"
    )

    found = look(ledger.path)

    assert (found.waiting, found.complete) == (20_000, False)
    assert found.rows[0].said == ("At least 20,000 events wait, and no process delivers to it now.")
    (row,) = standings(ledger.path, config.load({}).settings, NOW)
    assert (row.waiting, row.complete) == (20_006, True)


def test_what_is_the_same_as_the_command_says(ledger):
    """The figures are those of `vidobs exporters --json`, errors scrubbed."""
    ledger.down("webhook", error="HTTP 503 from https://u:hunter2@hooks.example.com")
    ledger.sql("INSERT INTO dropped VALUES ('webhook', 'age', 3), ('webhook', 'odd', 4)")

    (row,) = look(ledger.path).rows

    assert msgspec.to_builtins(row.exporter) == {
        "exporter": "webhook",
        "configured": False,
        "known": True,
        "state": "open",
        "waiting": 4,
        "asked_again": 0,
        "lag_s": 596.0,
        "delivered": 2,
        "retried": 7,
        "dropped": {"age": 3, "odd": 4},
        "dead_letters": 0,
        "failures": 6,
        "retry_at": "2026-11-20T12:01:00Z",
        "disabled": None,
        "error": "HTTP 503 from https://hooks.example.com",
        "failed_at": "2026-11-20T11:59:00Z",
        "delivered_at": "2026-11-20T11:58:00Z",
        "delivered_by": None,
        "complete": True,
    }
    assert [(drop.events, drop.said) for drop in row.drops] == [
        (3, "waited longer than outbox_max_days"),
        (4, "odd"),
    ]


def test_dead_letters_the_newest_first(ledger):
    """With their job and what was said, scrubbed; of one exporter where that is asked."""
    ledger.stand("webhook")
    ledger.stand("jsonl")
    ledger.bury("webhook", 2, 4, error="HTTP 400: Bearer sk-proj-abcdefghijklmnopqrstuvwxyz012345")
    ledger.bury("jsonl", 6)

    found = look(ledger.path)

    assert found.dead_letters == 3
    assert [one.exporter for one in found.letters] == ["webhook", "jsonl", "webhook"]
    newest = found.letters[0]
    assert (newest.event, newest.model) == ("video.completed", "sora-2")
    assert newest.job_id.startswith("job_")
    assert newest.at == NOW - timedelta(minutes=59)
    assert "sk-proj" not in newest.error
    assert [one.exporter for one in look(ledger.path, exporter="jsonl").letters] == ["jsonl"]


def test_no_more_than_fifty_letters(tmp_path):
    """The rest is counted."""
    ledger = ExporterLedger(tmp_path / "ledger.db", jobs=30)
    ledger.stand("webhook", 60)
    ledger.bury("webhook", *range(1, 61))

    found = look(ledger.path)

    assert (len(found.letters), found.dead_letters) == (50, 60)


def test_the_notice_of_a_replay_names_only_what_is_there(ledger):
    """An address that somebody made up cannot put words on the page."""
    ledger.stand("webhook")

    said = look(ledger.path, to="webhook", asked="1234").notice
    assert said == "1,234 events will be delivered to webhook once more, beside what waits."
    assert look(ledger.path, to="webhook").notice == (
        "There was nothing to send to webhook once more."
    )
    assert look(ledger.path, to="<b>click here</b>", asked="1").notice is None


@pytest.mark.parametrize(
    "query", [{"exporter": "other"}, {"to": "webhook", "asked": "-1"}, {"exporter": "x" * 9000}]
)
def test_parameters_that_make_no_sense(ledger, query):
    """They are refused with what would make sense, not guessed at."""
    ledger.stand("webhook")

    with pytest.raises(BadQueryError) as raised:
        look(ledger.path, **query)
    assert len(str(raised.value)) < 300


def test_commands_can_be_pasted(ledger):
    """Whatever the exporter is called."""
    ledger.stand("jsonl/a b;$(rm)")

    (row,) = look(ledger.path).rows

    assert row.replay_command == "vidobs replay --exporter 'jsonl/a b;$(rm)' --since 24h"
    assert row.letters_command == "vidobs dead replay --exporter 'jsonl/a b;$(rm)'"


def route_of(ledger, exporter):
    """Have every event be for an exporter too; return the place behind the first two."""
    ledger.sql("UPDATE event SET route = route || ',' || ?", exporter)
    return 2
