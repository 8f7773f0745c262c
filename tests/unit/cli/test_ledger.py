"""`vidobs ledger` and its commands."""

import re
from datetime import UTC, datetime

import pytest
from ledger_kit import RULES, Maker

from vidobs.cli.ledger import size
from vidobs.core.jobs import JobState
from vidobs.ledger import database
from vidobs.ledger.reader import LedgerReader
from vidobs.ledger.sqlite import SqliteLedger

Q, C, F = JobState.QUEUED, JobState.COMPLETED, JobState.FAILED
OLD_NS = int(datetime(2026, 8, 1, tzinfo=UTC).timestamp()) * 10**9  # the tests' now is November 20
ENV = {"VIDOBS_LEDGER": "sqlite:///ledger.db"}


@pytest.fixture
def filled(folder):
    """Fill a ledger with two old jobs of ada's and a young one of bob's that runs."""
    ledger = SqliteLedger(str(folder / "ledger.db"), RULES, route="webhook")
    make = Maker(now_ns=OLD_NS)
    for number, (user, state) in enumerate([("ada", C), ("ada", F), ("bob", Q)], 1):
        if user == "bob":
            make.now_ns = OLD_NS + 100 * 86_400 * 10**9
        job = make.job(user=user, tags={"team": "film"}, prompt="a secret", prompt_hash="ph")
        ledger.intend(job)
        ledger.record(make.seen(job, id=f"v{number}", state=Q))
        if state is not Q:
            ledger.record(make.seen(job, id=f"v{number}", state=state))
    ledger.connection.execute("INSERT INTO relay (exporter, cursor) VALUES ('webhook', 4)")
    ledger.close()
    return ledger


def ledger(run, *args, **more):
    """Run a command of the group."""
    return run("ledger", *args, **ENV, **more)


def jobs():
    """Return the providers' ids and users of what is there."""
    reader = LedgerReader("ledger.db")
    found = [(job.provider_job_id, job.user) for job in reader.jobs()]
    reader.close()
    return found


def test_info(run, filled):
    """People see what there is; JSON has the same and more."""
    out = ledger(run, "info").out
    found = ledger(run, "info", "--json").json

    assert re.search(r"^jobs +3  1 completed  1 failed  1 queued *$", out, re.MULTILINE)
    assert "2026-08-01 00:00 to 2026-11-09 00:00 UTC" in out
    assert "webhook" in out
    assert found["jobs"] == {"completed": 1, "failed": 1, "queued": 1}
    (webhook,) = found["exporters"]
    assert (webhook["exporter"], webhook["cursor"], webhook["behind"]) == ("webhook", 4, 1)
    assert webhook["waiting_since"].startswith("2026-11-09T")
    assert (found["events"], found["spend_entries"], found["processes"]) == (5, 2, [])


def test_check_of_a_sound_ledger(run, filled):
    """Nothing wrong is said, with exit code 0."""
    ran = ledger(run, "check")

    assert (ran.code, ran.out) == (0, "nothing wrong: no damage, and 14 rules hold\n")
    assert ledger(run, "check", "--json").json == {"ok": True, "violations": []}


def test_check_of_a_broken_ledger(run, filled, folder):
    """What is wrong is named with examples, with exit code 1."""
    writer = database.open_writer(str(folder / "ledger.db"))
    writer.execute("DELETE FROM spend")
    writer.close()

    ran = ledger(run, "check")

    assert ran.code == 1
    first, *examples = ran.out.splitlines()
    assert first == "WRONG a job that ended is settled: not so 2 times, such as "
    assert [example[:6] for example in examples] == ["  job_", "  job_"]
    assert ledger(run, "check", "--json").code == 1


def test_migrate(run, filled, monkeypatch):
    """It says what it did, and that there was nothing to do."""
    assert ledger(run, "migrate").out.startswith("nothing to do: ")
    monkeypatch.setattr(database, "SCHEMA_VERSION", 3)
    monkeypatch.setattr(database, "steps_from", lambda _: ["CREATE TABLE three (x)"])

    assert ledger(run, "migrate").out.endswith("from schema 2 to 3\n")
    assert ledger(run, "migrate", "--json").json["before"] == 3
    monkeypatch.setattr(database, "SCHEMA_VERSION", 2)
    refused = ledger(run, "migrate")

    assert refused.code == 2
    assert "a newer vidobs wrote it; upgrade this one" in refused.err


@pytest.mark.parametrize("command", ["info", "check", "migrate", "purge"])
def test_there_is_no_ledger(run, folder, command):
    """A file that is not there is an error, and none is made."""
    options = ["--content", "--yes"] if command == "purge" else []
    ran = ledger(run, command, *options)

    assert ran.code == 2
    assert ran.err.startswith(f"error: there is no ledger at {folder / 'ledger.db'} yet")
    assert list(folder.iterdir()) == []


def test_purge_of_old_jobs(run, filled):
    """What ended longer ago is deleted, after a question; the answer no changes nothing."""
    dry = ledger(run, "purge", "--older-than", "60d", "--dry-run")
    assert dry.out == "2 jobs with 4 events would be deleted\n"
    assert ledger(run, "purge", "--older-than", "60d").code == 1  # nobody answers
    assert len(jobs()) == 3

    done = ledger(run, "purge", "--older-than", "60d", "--yes")

    assert done.out == "2 jobs with 4 events were deleted\n"
    assert jobs() == [("v3", "bob")]
    assert run("spend", "--json", **ENV).code == 0
    assert ledger(run, "purge", "--older-than", "60d", "--yes").out == "nothing to do\n"


def test_purge_tells_of_what_stays(run, filled, folder):
    """Jobs whose events an exporter has not had are counted, and can be taken all the same."""
    writer = database.open_writer(str(folder / "ledger.db"))
    writer.execute("UPDATE relay SET cursor = 2")
    writer.close()

    some = ledger(run, "purge", "--older-than", "60d", "--yes", "--json").json
    rest = ledger(run, "purge", "--older-than", "60d", "--yes", "--even-undelivered", "--json").json

    assert (some["jobs"], some["kept"], rest["jobs"], rest["kept"]) == (1, 1, 1, 0)
    assert some["log_cut"] is True


def test_purge_of_content(run, filled):
    """Only content goes, of all jobs or of old ones."""
    assert ledger(run, "purge", "--content", "--older-than", "60d", "--dry-run").out == (
        "2 jobs with 4 events would be changed\n"
    )
    assert ledger(run, "purge", "--content", "--yes").out == ("3 jobs with 5 events were changed\n")
    assert len(jobs()) == 3


@pytest.mark.parametrize("options", [["--older-than", "60d"], ["--content"], ["--user", "ada"]])
def test_pictures_and_videos_go_too(run, filled, folder, options):
    """What is kept of a job's video is content, and goes with it."""
    media = folder / "ledger.db.media"
    media.mkdir()
    reader = LedgerReader("ledger.db")
    places = [media / f"{job.job_id}.jpg" for job in reader.jobs()]
    reader.close()
    for place in places:
        place.touch()

    dry = ledger(run, "purge", *options, "--dry-run", "--json").json
    done = ledger(run, "purge", *options, "--yes", "--json").json

    assert dry["files"] == done["files"] == (3 if options == ["--content"] else 2)
    assert [place.exists() for place in places] == [options != ["--content"], False, False]


def test_erasure(run, filled, folder):
    """A user's name is gone from the jobs and from the bytes of the file; others' stay."""
    out = ledger(run, "purge", "--user", "ada", "--vacuum", "--yes").out

    assert out.splitlines() == [
        "2 jobs with 4 events were changed",
        "what exporters have delivered is with their receivers; erase it there too",
    ]
    assert jobs() == [("v3", "bob"), ("v2", None), ("v1", None)]
    assert b'"ada"' not in (folder / "ledger.db").read_bytes()
    assert ledger(run, "check").code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "say what is to go: --older-than 90d, --content or --user NAME"),
        (["--user", "ada", "--content"], "leave --content out"),
        (["--user", "ada", "--even-undelivered"], "--even-undelivered is for deleting jobs"),
        (["--older-than", "old"], "--older-than: got 'old'; write 24h"),
    ],
)
def test_orders_that_make_no_sense(run, filled, options, said):
    """What cannot be meant is refused before anything is touched."""
    ran = ledger(run, "purge", *options, "--yes")

    assert ran.code == 2
    assert said in ran.err


def test_the_question_says_what_goes(run, filled):
    """Before anything is deleted, the number and the kind are said, on stderr."""
    asked = ledger(run, "purge", "--older-than", "60d").err

    assert asked.startswith("2 jobs from before 2026-09-21 12:00 UTC go, with their events and ")
    assert "user, tags, prompts" in ledger(run, "purge", "--user", "ada").err
    assert "prompts, their hashes" in ledger(run, "purge", "--content").err


def test_help_of_the_group(run):
    """`vidobs ledger` lists its commands."""
    assert all(
        name in run("ledger", "--help").out for name in ("info", "check", "migrate", "purge")
    )


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (143_360, "143.4 kB"), (2_500_000_000, "2.5 GB")],
)
def test_sizes_are_for_people(count, text):
    """A size has one place and the unit that suits it."""
    assert size(count) == text
