"""`vidobs reconcile`: what it prints, and its exit codes."""

import pytest
from asking_kit import a_client

import vidobs
from vidobs import runtime
from vidobs.testing import Sandbox, isolated

KEY = "sk-cli-reconcile-0123456789"


@pytest.fixture
def sandbox():
    """A server that is a thousand times as fast as a real one."""
    with Sandbox(time_scale=0.001) as server:
        yield server


@pytest.fixture
def make(folder, sandbox):
    """Make jobs as a program does that then ends."""

    def make(*prompts):
        ledger = f"sqlite:///{folder}/ledger.db"
        with (
            isolated(ledger=ledger),
            a_client(base_url=sandbox.base_url, api_key=KEY, max_retries=0) as client,
        ):
            for prompt in prompts:
                try:
                    client.videos.create(prompt=prompt, model="sora-2", seconds=4, size="160x96")
                except vidobs.exceptions.InternalServerError:
                    assert "error_after_accept" in prompt

    return make


@pytest.fixture
def reconcile(run, folder, sandbox):
    """Run the command, as in a process of its own."""

    def invoke(*args, **environ):
        there = {
            "VIDOBS_LEDGER": f"sqlite:///{folder}/ledger.db",
            "OPENAI_BASE_URL": sandbox.base_url,
            "OPENAI_API_KEY": KEY,
        }
        ran = run("reconcile", *args, **{**there, **environ})
        runtime.reset()
        return ran

    return invoke


def test_nothing_is_open(reconcile, folder):
    """Without a ledger there is nothing to do, and none is made."""
    ran = reconcile()

    assert (ran.code, ran.out, ran.err) == (0, "nothing is open\n", "")
    assert list(folder.iterdir()) == []
    empty = {"settled": 0, "left": 0, "jobs": [], "orphans": [], "doubles": []}
    assert reconcile("--json").json == empty


def test_everything_is_settled(make, reconcile):
    """A line for each job, a summary, and exit code 0; then nothing is open."""
    make("a cat", "a dog [[fault:error_after_accept]]")

    ran = reconcile()

    *rows, last = [line.split() for line in ran.out.splitlines()[2:]]
    assert [row[1:] for row in rows] == [
        ["sora-2", "queued", "completed", "$0.40", "settled"],
        ["sora-2", "unknown", "completed", "$0.40", "settled"],
    ]
    assert (ran.code, last) == (0, ["2", "settled"])
    assert reconcile().out == "nothing is open\n"


def test_something_is_left(make, reconcile):
    """The exit code is 1, and it is said what to do."""
    make("a dog [[fault:stuck]]")

    ran = reconcile()

    assert ran.code == 1
    assert ran.out.splitlines()[-1] == "1 running"
    skipped = reconcile(OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert skipped.code == 1
    assert "set OPENAI_BASE_URL to the address of 127.0.0.1:" in " ".join(skipped.out.split())


def test_a_request_that_was_made_twice(make, reconcile):
    """It is named, with what it may have cost too much; that is no reason for another exit code."""
    make("a cat", "a cat")

    ran = reconcile()

    assert ran.code == 0
    said, last = ran.out.splitlines()[-2:]
    assert said.startswith("possible double generation: video_")
    assert said.endswith("one request of openai, $0.40 too much")
    assert last == "2 settled, 1 possibly made twice"


def test_json(make, reconcile, sandbox):
    """Everything that the report has, with the job as `vidobs jobs` prints it."""
    make("a cat")

    ran = reconcile("--json")

    (one,) = ran.json["jobs"]
    job = one.pop("job")
    assert (ran.code, ran.json["settled"], ran.json["left"]) == (0, 1, 0)
    assert one == {
        "kind": "job",
        "outcome": "settled",
        "before": "queued",
        "server": sandbox.base_url,
        "why": None,
        "fix": None,
        "stuck": False,
    }
    assert (job["state"], job["cost"]["usd"]) == ("completed", "0.40")


def test_a_dry_run_and_another_server(make, reconcile, sandbox):
    """Who would be asked, which the exit code says is open; `--base-url` stands in."""
    make("a cat")
    before = len(sandbox.requests)

    ran = reconcile("--dry-run")

    assert (ran.code, len(sandbox.requests)) == (1, before)
    assert f"planned; at {sandbox.base_url}" in ran.out
    there = ("--base-url", sandbox.base_url)
    assert reconcile(*there, OPENAI_BASE_URL="http://127.0.0.1:9/v1").code == 0


@pytest.mark.parametrize(
    ("args", "environ", "said"),
    [
        (["--since", "lately"], {}, "--since: got 'lately'"),
        (["--interval", "fast"], {}, "--interval: got 'fast'; write 60s, 5m or 1h"),
        (["--interval", "0s"], {}, "--interval: got '0s'"),
        ([], {"VIDOBS_LEDGER": "memory:"}, "a ledger in memory can only be seen by"),
    ],
)
def test_what_makes_no_sense(args, environ, said, run):
    """One line of red, and exit code 2."""
    ran = run("reconcile", *args, **environ)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {said}")


def test_a_server_that_cannot_be_asked(make, reconcile):
    """No address, or no key."""
    make("a cat")

    nowhere = reconcile("--base-url", "nowhere")
    keyless = reconcile("--base-url", "http://127.0.0.1:9", OPENAI_API_KEY="")

    assert (nowhere.code, keyless.code) == (2, 2)
    assert nowhere.err.startswith("error: base_url 'nowhere' is no address")
    assert "no API key for openai: give api_key, or set OPENAI_API_KEY" in keyless.err


def test_switched_off(make, reconcile):
    """Then there is nothing to do."""
    make("a cat")

    ran = reconcile(VIDOBS_DISABLED="1")

    assert (ran.code, ran.err) == (
        0,
        "vidobs is switched off by environment VIDOBS_DISABLED\n",
    )
