"""`vidobs jobs` and `vidobs job`."""

import msgspec
import pytest

JOB_KEYS = {
    "job_id",
    "provider",
    "provider_job_id",
    "model",
    "state",
    "reason",
    "trace_id",
    "created_at",
    "queue_s",
    "render_s",
    "polls",
    "cost",
}


def test_jobs_as_json(run):
    """Every job is an object with the documented keys; money is text, times are UTC."""
    found = run("jobs", "--json").json

    assert [job["provider_job_id"] for job in found] == ["video_4", "video_3", "video_2", "video_1"]
    assert all(set(job) >= JOB_KEYS for job in found)
    assert found[3] == {
        "job_id": "job_019aa0b1c2d170000000000000000001",
        "provider": "openai",
        "provider_job_id": "video_1",
        "operation": "create",
        "model": "sora-2",
        "state": "completed",
        "reason": None,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "created_at": "2026-11-20T11:01:00Z",
        "submitted_at": "2026-11-20T11:01:00.250000Z",
        "finished_at": "2026-11-20T11:01:14Z",
        "queue_s": 1.5,
        "render_s": 12.25,
        "polls": 6,
        "attempts": 1,
        "seconds": 8.0,
        "size": "720x1280",
        "user": "ada",
        "tags": {"team": "film"},
        "cost": {
            "usd": "0.80",
            "status": "settled",
            "basis": "requested",
            "possible_usd": None,
            "quoted_usd": "0.80",
        },
    }


def test_an_unknown_cost_is_null_and_a_possible_one_is_apart(run):
    """Neither is ever zero by mistake, nor counted as spent."""
    costs = {job["provider_job_id"]: job["cost"] for job in run("jobs", "--json").json}

    assert costs["video_4"]["usd"] is None
    assert costs["video_4"]["status"] == "unknown"
    assert (costs["video_2"]["usd"], costs["video_2"]["possible_usd"]) == ("0.00", "0.80")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--state", "failed"], ["video_2"]),
        (["--model", "own-model"], ["video_4"]),
        (["--limit", "2"], ["video_4", "video_3"]),
        (["--since", "57m"], ["video_4", "video_3"]),
        (["--since", "2026-11-20T11:04"], ["video_4"]),
        (["--since", "2026-11-20T12:04+01:00"], ["video_4"]),
        (["--since", "2027-01-01"], []),
    ],
)
def test_filters(run, options, expected):
    """Each option narrows the list."""
    assert [job["provider_job_id"] for job in run("jobs", "--json", *options).json] == expected


def test_jobs_as_a_table(run):
    """People see state, reason, times and cost, and a line with the total."""
    ran = run("jobs", COLUMNS="80")
    lines = [line.strip() for line in ran.out.splitlines() if line.strip()]

    assert lines[0].split() == ["job", "state", "model", "queue", "render", "video", "cost"]
    assert lines[2].split()[-1] == "unknown"
    assert lines[3].split()[-1] == "~$0.40"
    assert lines[4].split()[-1] == "$0.80?"
    assert lines[5] == "moderation_output"
    assert lines[-1] == (
        "total $0.80 for 4 jobs; possibly $0.80 more; 1 of unknown cost; 1 not finished"
    )


def test_no_jobs(run, memory):
    """An empty ledger is said to be one."""
    assert run("jobs", ledger=memory()).out == "no jobs\n"
    assert run("jobs", "--json", ledger=memory()).json == []


@pytest.mark.parametrize("since", ["yesterday", "24", "2026-13-01", "999999999999w", "-1h"])
def test_wrong_since(run, since):
    """A time that cannot be read is said with the forms that can."""
    ran = run("jobs", f"--since={since}")

    assert ran.code == 2
    assert ran.err == (
        f"error: --since: got {since!r}; write 24h, 7d, 2026-01-01 or 2026-01-01T12:00\n"
    )


def test_wrong_state(run):
    """A state that does not exist is answered with those that do."""
    ran = run("jobs", "--state", "done")

    assert ran.code == 2
    assert "in_progress" in ran.err


@pytest.mark.parametrize(
    "wanted", ["job_019aa0b1c2d170000000000000000001", "job_019aa0b1c2d1", "video_1"]
)
def test_a_job_is_found_by_each_of_its_ids(run, wanted):
    """Our id, its beginning and the provider's id all name the job."""
    assert run("job", wanted, "--json").json["provider_job_id"] == "video_1"


def test_job_as_json(run):
    """The detail is the object of the list with bill, events and spans."""
    found = run("job", "video_1", "--json").json

    assert set(found) >= JOB_KEYS
    assert found["error"] is None
    assert found["lines"] == [
        {
            "unit": "output_second",
            "quantity": "8",
            "unit_usd": "0.10",
            "usd": "0.80",
            "price": "openai/sora-2",
        }
    ]
    assert [event["name"] for event in found["events"]] == [
        "video.submitted",
        "video.started",
        "video.completed",
    ]
    assert found["spans"][1] == {
        "name": "video_job sora-2",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "bbbb",
        "parent_id": "00f067aa0ba902b7",
        "start_s": 0.0,
        "duration_s": 14.0,
        "status": "completed",
        "error_type": None,
    }


def test_job_as_text(run):
    """People see the facts, the bill and the tree."""
    out = run("job", "video_1").out

    assert "2026-11-20 11:01:00 UTC by create" in out
    assert "settled by requested, quoted $0.80" in out
    assert "openai/sora-2" in out
    assert "└── generate_content sora-2" in out


def test_failed_job_as_text(run):
    """A failure is shown with its reason and the provider's words."""
    out = run("job", "video_2").out

    assert "failed moderation_output" in out
    assert "not this one" in out
    assert "$0.80?  released by policy_unknown" in out
    assert "no spans recorded" in out


def test_no_such_job(run):
    """An id that fits nothing is an error that says where to look."""
    ran = run("job", "nix")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: no job 'nix' in the ledger; `vidobs jobs` lists them\n"


def test_an_id_that_fits_several_jobs(run):
    """The candidates are named."""
    ran = run("job", "job_019")

    assert ran.code == 2
    assert ran.err.startswith("error: 'job_019' fits 4 jobs: job_019aa0b1c2d470")
    assert ran.err.endswith("give more of the id\n")


def test_a_whole_id_beats_a_beginning(run, memory, a_job):
    """A job whose id is the beginning of another's can still be shown."""
    short = msgspec.structs.replace(a_job(1), job_id="job_1", provider_job_id="v")
    longer = msgspec.structs.replace(a_job(2), job_id="job_12", provider_job_id="w")

    assert run("job", "job_1", "--json", ledger=memory([short, longer])).json["job_id"] == "job_1"


@pytest.mark.parametrize("command", [("jobs",), ("job", "video_1")])
def test_text_of_others_cannot_steer_the_terminal(run, memory, a_job, command):
    """Markup, escape sequences and secrets in a model's name or a tag are shown as text."""
    nasty = "[red]x[/red]\x1b[2J\x9b\u202e sk-canary-0123456789abcdef"
    job = msgspec.structs.replace(a_job(1), model=nasty)

    table = run(*command, ledger=memory([job]), COLUMNS="200").out
    objects = run(*command, "--json", ledger=memory([job])).out

    assert "[red]x[/red]\\x1b[2J\\x9b\\u202e" in table
    assert "canary" not in table
    for out in (table, objects):
        assert out.isascii() or not set("\x1b\x9b\u202e") & set(out)
        assert "\x1b" not in out
