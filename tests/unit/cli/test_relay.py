"""`vidobs relay --drain`, and the lines of a relay that goes on."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import apsw
import pytest
from ledger_kit import RULES, Maker
from sink_kit import Sink

from vidobs.cli import relay
from vidobs.cli.relay_lines import Change, RelayLines
from vidobs.core.jobs import JobState
from vidobs.core.protocols import BreakerState
from vidobs.ledger import codec
from vidobs.ledger.invariants import violations
from vidobs.ledger.sqlite import SqliteLedger

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FAR_US = codec.us(datetime.now(UTC) + timedelta(hours=1))
EVENTS = 6


@pytest.fixture
def sink():
    """Listen for webhooks."""
    with Sink() as sink:
        yield sink


class File:
    """A ledger in which events wait for a webhook."""

    def __init__(self, folder) -> None:
        self.path = str(folder / "ledger.db")
        make = Maker()
        with closing(SqliteLedger(self.path, RULES, route="webhook")) as ledger:
            ledger.connection.execute("INSERT INTO relay (exporter, cursor) VALUES ('webhook', 0)")
            for number in range(EVENTS // 2):
                ledger.record(make.poll(f"v{number}", JobState.COMPLETED))

    def sql(self, statement, *bindings):
        """Do something by plain SQL."""
        with closing(apsw.Connection(self.path)) as connection:
            return connection.execute(statement, bindings).fetchall()

    def ids(self):
        """Return the ids of the events, oldest first."""
        return [event_id for (event_id,) in self.sql("SELECT id FROM event ORDER BY seq")]


@pytest.fixture
def settings(folder, sink):
    """Configure the webhook, and the ledger of the folder."""
    text = f"webhook: {{url: '{sink.url}/hook', allow_private: true}}"
    (folder / "vidobs.yaml").write_text(
        f"ledger: sqlite:///ledger.db\ncallbacks: [webhook]\nexporters:\n  {text}\n"
    )
    return folder / "vidobs.yaml"


@pytest.fixture
def file(folder, settings):
    """Write three jobs of two events each; after the test the ledger must be sound."""
    file = File(folder)
    yield file
    assert violations(file.path) == ()


def got(sink):
    """Return the ids of the events that arrived."""
    return [request.json()["id"] for request in sink.requests]


def test_everything_that_waits_is_sent(run, file, sink):
    """Oldest first, once, and then there is nothing left."""
    ran = run("relay", "--drain")

    assert (ran.code, ran.out) == (0, "webhook: 6 events sent, nothing left\n")
    assert got(sink) == file.ids()
    assert run("relay", "--drain").out == "webhook: 0 events sent, nothing left\n"
    assert len(sink.requests) == EVENTS


def test_what_was_asked_for_again_is_sent_too(run, file, sink):
    """A replay waits beside the cursor, and is drained like anything else."""
    file.sql("UPDATE relay SET cursor = 6")
    file.sql("INSERT INTO replay VALUES ('webhook', 2, ?)", codec.us(NOW))

    assert run("relay", "--drain").code == 0

    assert got(sink) == [file.ids()[1]]


@pytest.mark.parametrize(
    "standing", ["failures = 9, retry_at_us = ?1", "disabled = 'HTTP 410', failed_us = ?1"]
)
def test_one_that_is_left_alone_is_tried(run, file, sink, standing):
    """A drain does not wait for a breaker, nor for a person."""
    file.sql(f"UPDATE relay SET {standing}", FAR_US)  # noqa: S608 - columns of this file

    ran = run("relay", "--drain", "--json")

    assert ran.code == 0
    assert ran.json == [{"exporter": "webhook", "sent": 6, "refused": 0, "left": 0, "why": None}]


def test_what_is_left_and_why(run, file, sink):
    """The exit code says that something is, the text how much and what the receiver said."""
    file.sql("UPDATE relay SET failures = 9, retry_at_us = ?", FAR_US)
    sink.answers(503, body=b"come back later")

    ran = run("relay", "--drain")

    assert ran.code == 1
    assert ran.out.startswith("webhook: 0 events sent, 6 left: ")
    assert "answered 503: come back later" in ran.out
    assert set(got(sink)) == {file.ids()[0]}
    assert run("exporters", "--json").json[0]["waiting"] == EVENTS


def test_time_is_up(run, file, sink, monkeypatch):
    """A receiver that hangs holds nobody for longer than the time that was given."""
    monkeypatch.setattr(relay, "END_S", 0.1)
    sink.hangs()

    ran = run("relay", "--drain", "--timeout", "0.2")
    sink.stop()

    assert ran.code == 1
    assert ran.out == "webhook: 0 events sent, 6 left: there was not time enough\n"


def test_what_is_refused_is_not_left(run, file, sink):
    """An event that the receiver never wants is among the dead letters, and told of."""
    for _ in range(3):  # with all events, with three, alone
        sink.answers_next(422, body=b"never")

    ran = run("relay", "--drain")

    assert ran.code == 0
    assert ran.out == ("webhook: 5 events sent, 1 refused, see vidobs dead list, nothing left\n")
    (letter,) = run("dead", "list", "--json").json
    assert letter["event_id"] == file.ids()[0]
    assert run("dead", "replay", "--all").code == 0
    assert run("relay", "--drain").out == "webhook: 1 events sent, nothing left\n"
    assert sorted(got(sink)[3:]) == file.ids()


def test_there_is_no_ledger_yet(run, settings, folder):
    """Nothing to do is no error, and no file is made."""
    ran = run("relay", "--drain")

    assert (ran.code, ran.out) == (0, "webhook: 0 events sent, nothing left\n")
    assert list(folder.iterdir()) == [settings]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"VIDOBS_CALLBACKS": "console"}, "there is no exporter to deliver to"),
        ({"VIDOBS_CALLBACKS": "webhok"}, "unknown exporter 'webhok'"),
        ({"VIDOBS_CALLBACKS": "webhook/other"}, "VIDOBS_WEBHOOK_URL"),
        ({"VIDOBS_LEDGER": "memory:"}, "point VIDOBS_LEDGER at a file"),
        ({"VIDOBS_LEDGER": "sqlite:///vidobs.yaml"}, "is corrupt or no ledger"),
    ],
)
@pytest.mark.parametrize("drain", [["--drain"], []])
def test_settings_that_cannot_be_used(run, settings, environ, said, drain):
    """Whatever it was started for, it ends with an error that says what to change."""
    ran = run("relay", *drain, **environ)

    assert ran.code == 2
    assert said in ran.err


def test_switched_off(run, file, sink):
    """Where vidobs is off nothing is delivered either; it says by what."""
    ran = run("relay", "--drain", VIDOBS_DISABLED="1")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "vidobs is switched off by environment VIDOBS_DISABLED\n"
    assert sink.requests == []


def test_exporters_that_are_not_durable_are_left_out(run, file, sink):
    """They see what their own process records, and this one records nothing."""
    ran = run("relay", "--drain", VIDOBS_CALLBACKS="console,webhook")

    assert ran.err == "console is not durable: nothing waits for it\n"
    assert ran.out == "webhook: 6 events sent, nothing left\n"


@pytest.fixture
def lines(capsys):
    """Tell of exporters; read what was written since the last look."""

    class Told(RelayLines):
        def read(self):
            """Return the lines."""
            return capsys.readouterr().out.splitlines()

    return lambda **options: Told(lambda: NOW, **{"as_json": False, **options})


def test_changes_are_lines(lines):
    """What goes well is counted; what changes is said, without secrets."""
    told = lines()
    told.say("webhook", Change.STARTED, "7 events wait", events=7)
    told.delivered("webhook", events=3, seconds=0.1)
    told.failed("webhook", error_type="ExportError", seconds=0.1)
    told.breaker("webhook", BreakerState.OPEN)
    told.down("webhook", failures=5, error="HTTP 500 Bearer sk-canary1234567890abcdef",
              retry_at=NOW + timedelta(seconds=30))  # fmt: skip
    told.recovered("webhook")
    told.dropped("webhook", events=1)
    told.down("webhook", failures=1, error="HTTP 410", retry_at=None)

    said = [line.removeprefix("2026-11-20 12:00:00 webhook: ") for line in told.read()]
    assert said == [
        "7 events wait",
        "failed 5 times in a row, tried again at 12:00:30: HTTP 500 Bearer [secret]",
        "delivers again",
        "switched off: HTTP 410; then: vidobs exporters enable webhook",
    ]
    assert told.sent == {"webhook": 3}


def test_dead_letters_do_not_flood(lines):
    """The first, the second, the fourth, the eighth: a receiver that refuses all is soon quiet."""
    told = lines(as_json=True)
    for _ in range(9):
        told.buried("webhook", events=1)

    said = [json.loads(line) for line in told.read()]
    assert [line["events"] for line in said] == [1, 2, 4, 8]
    assert said[0] == {
        "at": "2026-11-20T12:00:00Z",
        "exporter": "webhook",
        "change": "dead_letter",
        "says": "1 event refused so far, see vidobs dead list",
        "events": 1,
    }
    assert told.refused == {"webhook": 9}


def test_quiet_lines_only_count(lines):
    """A drain says at its end what became of everything."""
    told = lines()
    told.quiet = True
    told.recovered("webhook")
    told.buried("webhook", events=2)

    assert (told.read(), told.refused) == ([], {"webhook": 2})
