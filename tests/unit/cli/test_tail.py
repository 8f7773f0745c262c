"""`vidobs tail`, as far as one process shows it."""

import json
import threading

import pytest
from ledger_kit import RULES, Maker

from vidobs.cli import tail as tail_module
from vidobs.cli.event_filter import EventFilter
from vidobs.cli.tail import Page, watch
from vidobs.core.errors import LedgerBusyError
from vidobs.core.jobs import JobState
from vidobs.ledger.sqlite import SqliteLedger

Q, C = JobState.QUEUED, JobState.COMPLETED


@pytest.fixture
def past(folder):
    """Fill a ledger with three jobs: two of them end; return the environment that names it."""
    ledger = SqliteLedger(str(folder / "ledger.db"), RULES)
    make = Maker()
    for number, (user, tags, model) in enumerate(
        [
            ("ada", {"team": "film", "shot": "7"}, "sora-2"),
            ("bob", {"team": "film"}, "sora-2-pro"),
            (None, {}, "sora-2"),
        ],
        1,
    ):
        job = make.job(user=user, tags=tags, model=model)
        ledger.intend(job)
        ledger.record(make.seen(job, id=f"v{number}", state=Q))
        if user:
            ledger.record(make.seen(job, id=f"v{number}", state=C))
    ledger.close()
    return {"VIDOBS_LEDGER": "sqlite:///ledger.db"}


def shown(ran):
    """Return what JSON lines say: the event and the provider's id."""
    events = [json.loads(line) for line in ran.out.splitlines()]
    return [(event["name"], event["job"]["provider_job_id"]) for event in events]


S, E = "video.submitted", "video.completed"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [(S, "v1"), (E, "v1"), (S, "v2"), (E, "v2"), (S, "v3")]),
        (["--event", "video.c*"], [(E, "v1"), (E, "v2")]),
        (["--event", E, "--event", "call.*"], [(E, "v1"), (E, "v2")]),
        (["--event", "*", "--limit", "1"], [(S, "v1")]),
        (["--model", "sora-2-pro"], [(S, "v2"), (E, "v2")]),
        (["--state", "queued"], [(S, "v1"), (S, "v2"), (S, "v3")]),
        (["--user", "ada"], [(S, "v1"), (E, "v1")]),
        (["--tag", "team=film", "--state", "completed"], [(E, "v1"), (E, "v2")]),
        (["--tag", "team=film", "--tag", "shot=7"], [(S, "v1"), (E, "v1")]),
        (["--provider", "openai", "--limit", "2"], [(S, "v1"), (E, "v1")]),
        (["--provider", "azure"], []),
        (["--since", "2026-11-18T11:06:45"], [(S, "v2"), (E, "v2"), (S, "v3")]),
        (["--since", "2027-01-01"], []),
    ],
)
def test_filters(run, past, options, expected):
    """Each option narrows what is shown, and all of them together."""
    assert shown(run("tail", "--no-follow", "--json", *options, **past)) == expected


def test_lines_are_those_of_the_console(run, past):
    """Without --json there is one readable line per event."""
    lines = run("tail", "--no-follow", "--user", "ada", TZ="UTC", **past).out.splitlines()

    assert len(lines) == 2
    assert lines[0].split()[1:4] == ["○", "video.submitted", "sora-2"]
    assert "8s 720x1280 · $0.80 reserved" in lines[0]
    assert "$0.80 settled" in lines[1]


def test_a_new_day_has_a_line(run, folder):
    """Times alone would lie when the past is shown: a new day is said."""
    ledger = SqliteLedger(str(folder / "ledger.db"), RULES)
    make = Maker()
    for _ in range(2):
        job = make.job()
        ledger.intend(job)
        ledger.record(make.seen(job, id=job.job_id, state=Q))
        make.tick(86_400)
    ledger.close()

    lines = run("tail", "--no-follow", VIDOBS_LEDGER="sqlite:///ledger.db").out.splitlines()

    assert len(lines) == 3
    assert lines[1] == "Thursday, 2026-11-19"


def test_there_is_nothing_yet(run, folder):
    """A ledger that is not there is said on stderr, and is no error."""
    ran = run("tail", "--no-follow", VIDOBS_LEDGER="sqlite:///nix.db")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"no ledger at {folder / 'nix.db'} yet\n"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--event", "video.complete"], "did you mean 'video.completed'?"),
        (["--tag", "film"], "--tag: got 'film'; write it like team=film"),
        (["--since", "soon"], "--since: got 'soon'"),
    ],
)
def test_wrong_options(run, past, options, said):
    """What cannot be meant is said with what can."""
    ran = run("tail", *options, **past)

    assert ran.code == 2
    assert said in ran.err


def test_a_ledger_in_memory(run):
    """Nobody else can look into it."""
    assert "only be seen by the process that has it" in run("tail", VIDOBS_LEDGER="memory:").err


class Script:
    """Follows a script: what each look gives, or raises."""

    path = "ledger.db"

    def __init__(self, *looks, stop=None) -> None:
        self.looks = list(looks)
        self.stop = stop

    def read(self):
        """Give the next; at the end let the watcher stop."""
        if not self.looks:
            self.stop.set()
            return ()
        look = self.looks.pop(0)
        if isinstance(look, Exception):
            raise look
        return look


class Stop(threading.Event):
    """Remembers for how long was waited, without waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.rests = []

    def wait(self, timeout=None):
        """Note the time."""
        self.rests.append(timeout)
        return self.is_set()


def page(limit=None):
    """Return a page that writes the ids of events."""
    return Page(lambda events: "".join(f"{event.id} " for event in events), EventFilter(), limit)


def test_quiet_times_are_looked_at_less_often(events, capsys):
    """The rest grows up to half a second, and is short again when something came."""
    stop = Stop()
    script = Script(*[()] * 12, events[:1], (), stop=stop)

    watch(script, page(), stop=stop, follow=True)

    assert stop.rests[0] == tail_module.FIRST_REST_S
    assert stop.rests[:12] == sorted(stop.rests[:12])
    assert stop.rests[11] == tail_module.MOST_REST_S
    assert stop.rests[12] == tail_module.FIRST_REST_S
    assert capsys.readouterr().out == "e1 "


def test_a_busy_ledger_is_asked_again(events, capsys):
    """Even without following, a moment in which somebody works on the file is not the end."""
    stop = Stop()

    watch(Script(LedgerBusyError("busy"), events, (), stop=stop), page(), stop=stop, follow=False)

    assert capsys.readouterr().out == "e1 e2 e3 "


def test_a_full_page_ends(events, capsys):
    """After `limit` events nobody looks again."""
    stop = Stop()

    watch(Script(events, events, stop=stop), page(limit=2), stop=stop, follow=True)

    assert (capsys.readouterr().out, stop.rests) == ("e1 e2 ", [])


def test_text_of_others_cannot_steer_the_terminal(run, folder):
    """Escape sequences and secrets in a model's name are text in a line, and escaped in JSON."""
    ledger = SqliteLedger(str(folder / "ledger.db"), RULES)
    make = Maker()
    job = make.job(model="\x1b[2J\x9b\u202e sk-canary-0123456789abcdef")
    ledger.intend(job)
    ledger.record(make.seen(job, id="v1", state=Q))
    ledger.close()

    line = run("tail", "--no-follow", VIDOBS_LEDGER="sqlite:///ledger.db").out
    objects = run("tail", "--no-follow", "--json", VIDOBS_LEDGER="sqlite:///ledger.db").out

    assert "\\x1b[2J\\x9b\\u202e" in line
    assert "canary" not in line
    assert not {"\x1b", "\x9b", "\u202e"} & set(line + objects)
