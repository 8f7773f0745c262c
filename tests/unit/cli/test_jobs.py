"""`vidobs jobs` and `vidobs job`."""

import re

import msgspec
import pytest

from vidobs.core.calls import Operation

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


def a_phase(name, *times, estimated=False):
    """Return a phase as JSON has it."""
    keys = ("start_s", "sure_start_s", "sure_end_s", "end_s")
    flags = {"estimated": estimated, "open": False, "failed": False}
    return {"name": name, **dict(zip(keys, times, strict=True)), **flags}


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
    assert found["phases"] == [
        a_phase("submit", 0, 0, 0.25, 0.25),
        a_phase("queue", 0.25, 0.25, 1.25, 1.75, estimated=True),  # the third poll saw it start
        a_phase("render", 1.25, 1.75, 9.916667, 14, estimated=True),  # the sixth saw the end
    ]
    assert found["request"]["size"] == "720x1280"
    assert (found["file"], found["parent"], found["children"]) == (None, None, [])
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


WHOLE = """\
job       job_019aa0b1c2d170000000000000000001
provider  openai video_1
state     completed
model     sora-2
created   2026-11-20 11:01:00 UTC by create

          0            5 s           10 s
submit    ━                                         0.25 s
queue      ━━┄┄                                     1.50 s  about 1.00 to 1.50 s
render       ┄┄━━━━━━━━━━━━━━━━━━━━━━┄┄┄┄┄┄┄┄┄┄     12.2 s  about 8.17 to 12.8 s
polls           ╷                                        6  1 recorded

cost      quoted $0.80 → settled $0.80  by requested
          8 output_second at $0.10 = $0.80  openai/sora-2

request   8 s, 720x1280
asset     none
user      ada
tags      team=film
sent      1 time
trace     4bf92f3577b34da6a3ce929d0e0e4736

"""


def test_job_as_text(run):
    """People see the facts, the waterfall, the bill and the small print, at 80 columns."""
    lines = run("job", "video_1", COLUMNS="80").out.splitlines()

    assert [line.rstrip() for line in lines] == WHOLE.splitlines()


def test_the_trace_as_a_tree_on_request(run):
    """With --spans the spans hang under each other as well."""
    assert "└── generate_content sora-2" in run("job", "video_1", "--spans").out
    assert "generate_content" not in run("job", "video_1").out


def test_failed_job_as_text(run):
    """A failure is shown with its reason and the provider's words; what it may cost is apart."""
    out = run("job", "video_2", "--spans").out

    assert "failed moderation_output" in out
    assert "moderation_blocked: not this one" in out
    assert "released $0.00, possibly $0.80 more  by policy_unknown" in out
    assert "no spans recorded" in out


def test_a_job_in_progress(run):
    """What goes on is said to go on, up to now, and its cost is an estimate of a kind."""
    out = run("job", "video_3", COLUMNS="80").out

    assert re.search(r"^render +┄━*┄+ +57m 00s  so far$", out, re.MULTILINE)
    assert "reserved $0.40  by requested" in out


def test_an_unknown_cost_is_said(run):
    """A job without a price costs neither nothing nor a guess."""
    assert re.search(r"^cost +unknown *$", run("job", "video_4").out, re.MULTILINE)


def test_lineage(run, memory, a_job):
    """A remix names its source, the source its remixes, and a source from elsewhere is said."""
    source = a_job(1)
    remix = a_job(2, operation=Operation.REMIX, parent_id="video_1")
    orphan = a_job(3, operation=Operation.EXTEND, parent_id="video_77")
    ledger = memory([orphan, remix, source])

    def family(wanted):
        out = run("job", wanted, ledger=ledger).out
        return [" ".join(x.split()) for x in out.splitlines() if " of " in x or "became" in x]

    assert family("video_1") == ["became video_2 completed remix"]
    assert family("video_2") == ["remix of video_1 completed"]
    assert family("video_3") == ["extension of video_77 not in this ledger"]
    found = run("job", "video_1", "--json", ledger=ledger).json
    assert found["children"] == [
        {
            "provider_job_id": "video_2",
            "job_id": remix.job_id,
            "operation": "remix",
            "state": "completed",
        }
    ]
    assert run("job", "video_3", "--json", ledger=ledger).json["parent"] == {
        "provider_job_id": "video_77",
        "job_id": None,
        "operation": None,
        "state": None,
    }


def test_a_search_for_children_that_did_not_see_all_says_so(run, memory, a_job):
    """Where only the next jobs were looked through, nobody reads a promise into the silence."""
    ledger = memory([a_job(number) for number in range(1, 13)])

    assert "only the jobs made soon after" in run("job", "video_1", ledger=ledger).out
    assert run("job", "video_1", "--json", ledger=ledger).json["children_complete"] is False


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
