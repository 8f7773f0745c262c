"""`vidobs demo` from the outside: what it makes, what it says, and how it ends."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from vidobs import runtime
from vidobs.cli import demo as demo_module
from vidobs.cli._demo_scenes import SCENES, plain_scenes
from vidobs.cli.app import app
from vidobs.testing import Sandbox

VIDOBS = Path(sys.executable).with_name("vidobs")
FAST = 0.05
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
SHOW_CURSOR = "\x1b[?25h"


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """Run the demo in this process, fast, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo_module, "TIME_SCALE", FAST)

    def run(*args: str, **env: str):
        environ = {"COLUMNS": "100", "NO_COLOR": "1", **env}
        ran = CliRunner().invoke(app, ["demo", *args], env=environ, catch_exceptions=False)
        assert runtime._process.runtime is None  # whatever happened, nothing runs on
        return ran

    yield run
    runtime.reset()


@pytest.fixture
def server():
    """Start a fast sandbox, as somebody else's server."""
    with Sandbox(time_scale=FAST) as sandbox:
        yield sandbox


@pytest.mark.slow
def test_the_demo_as_a_newcomer_meets_it(tmp_path):
    """It exits 0, says each job as planned, and its last lines are commands that work."""
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": "100"}

    ran = subprocess.run(
        [VIDOBS, "demo"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "all 8 jobs came out as planned" in ran.stdout
    assert "total $4.80 for 8 jobs; possibly $0.80 more" in ran.stdout
    assert re.search(r"trace [0-9a-f]{32}\n└── generate_content sora-2 ", ran.stdout)
    assert not (tmp_path / "state").exists()  # the user's own ledger is another one

    (command,) = re.findall(r"^  VIDOBS_LEDGER=(\S+) \S+ jobs$", ran.stdout, re.MULTILINE)
    assert command == "sqlite:///vidobs-demo/demo.db"
    again = subprocess.run(
        [VIDOBS, "jobs", "--json"],
        cwd=tmp_path,
        env={**env, "VIDOBS_LEDGER": command},
        capture_output=True,
        check=True,
    )
    assert len(json.loads(again.stdout)) == len(SCENES)


@pytest.mark.slow
def test_every_scene_comes_out_as_written(demo, tmp_path):
    """Five finish, one fails, two are moderated, one is sent twice, one is a remix."""
    ran = demo("--json")

    said = json.loads(ran.stdout)
    jobs = {scene["scene"]: scene["job"] for scene in said["scenes"]}
    assert (ran.exit_code, said["ok"], said["problems"]) == (0, True, [])
    assert (said["total_usd"], said["possible_usd"]) == ("4.80", "0.80")
    assert said["ledger"] == "sqlite:///vidobs-demo/demo.db"
    assert {name: (job["state"], job["reason"], job["attempts"]) for name, job in jobs.items()} == {
        "kitten": ("completed", None, 1),
        "paper-boats": ("completed", None, 1),
        "lighthouse": ("completed", None, 1),
        "snails": ("completed", None, 2),
        "clockwork": ("failed", "provider_error", 1),
        "masks": ("failed", "moderation_output", 1),
        "fireworks": ("failed", "moderation_input", 1),
        "snow-kitten": ("completed", None, 1),
    }
    assert jobs["snow-kitten"]["operation"] == "remix"
    assert jobs["kitten"]["user"] == "ada"
    assert jobs["kitten"]["tags"] == {"scene": "kitten", "team": "film"}
    assert len({job["trace_id"] for job in jobs.values()}) == len(SCENES)


@pytest.mark.slow
def test_the_files_are_videos(demo, tmp_path):
    """Each finished scene is an MP4 file of the size and length that were asked for."""
    demo("--out", "films/today")

    made = {}
    for file in sorted(Path("films/today").glob("*.mp4")):
        with av.open(str(file)) as video:
            stream = video.streams.video[0]
            made[file.stem] = (f"{stream.width}x{stream.height}", round(video.duration / 1e6))
    assert made == {
        "kitten": ("720x1280", 8),
        "paper-boats": ("1280x720", 4),
        "lighthouse": ("1280x720", 8),
        "snails": ("1280x720", 4),
        "snow-kitten": ("720x1280", 8),
    }
    assert not list(Path("films/today").glob("*.part"))


@pytest.mark.slow
def test_a_second_run_shows_its_own_jobs_only(demo, server):
    """The ledger keeps both runs; the table and the total are of the second."""
    args = ("--base-url", server.base_url, "--api-key", "any", "--json")
    demo(*args)

    second = json.loads(demo(*args).stdout)

    assert len(second["scenes"]) == len(plain_scenes("sora-2"))
    assert len(server.jobs) == 2 * len(plain_scenes("sora-2"))


@pytest.mark.slow
def test_another_server(demo, server):
    """With --base-url plain prompts go to that server, with the given key and model."""
    ran = demo("--base-url", server.base_url, "--model", "wan-2", OPENAI_API_KEY="sk-of-mine-1234")

    assert ran.exit_code == 0, ran.output
    assert "all 7 jobs came out as planned" in ran.output
    assert {job.model for job in server.jobs} == {"wan-2"}
    assert not any("fault" in job.prompt for job in server.jobs)
    assert "sk-of-mine" not in ran.output


def test_a_job_that_comes_out_otherwise_is_named(demo, server):
    """A job that a server fails or moderates is shown with its reason; exit code 1."""
    with Sandbox(time_scale=FAST, faults=["moderation_output:0.15"]) as moderating:
        ran = demo("--base-url", moderating.base_url, "--api-key", "any")

    assert ran.exit_code == 1
    (problem,) = re.findall(r"^[a-z-]+: expected .*$", ran.output, re.MULTILINE)
    assert problem.endswith(
        ": expected completed, got failed moderation_output; "
        "The generated video was blocked by moderation."
    )
    assert "came out as planned" not in ran.output


def test_a_wrong_url(demo):
    """Nobody listens there: one line with what to do, exit code 2, and nothing is sent twice."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"

    ran = demo("--base-url", url, "--api-key", "any")

    assert ran.exit_code == 2
    assert re.fullmatch(
        rf"error: cannot reach {url} \(ConnectError: .*\); check --base-url, .*\n", ran.stderr
    )


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--base-url", "localhost:80/v1", "--api-key", "k"], "write it like http://127.0.0.1:"),
        (["--base-url", "http://127.0.0.1:1/v1"], "give one with --api-key or OPENAI_API_KEY"),
        (["--api-key", "k"], "name it with --base-url"),
        (["--model", "m"], "name it with --base-url"),
        (["--out", "file"], "--out: cannot make 'file'"),
    ],
)
def test_wrong_options(demo, args, says):
    """Each is one line that names the fix, before anything is started."""
    Path("file").touch()

    ran = demo(*args)

    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: ")
    assert says in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_base_url_without_its_path(demo, server):
    """A server that has no videos at that address: the text says what is usually wrong."""
    ran = demo("--base-url", server.azure_url, "--api-key", "any")

    assert ran.exit_code == 2
    assert "has no videos (404); check --base-url, which usually ends in /v1" in ran.stderr


def test_a_refused_key(demo):
    """A 401 becomes one line that names option and variable; the key is in no output."""
    answer = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
    with Answering(answer) as url:
        ran = demo("--base-url", url, "--api-key", "sk-canary-0123456789")

    assert ran.exit_code == 2
    assert "refused the API key (401); give the right one with --api-key" in ran.stderr
    assert "canary" not in ran.output


def test_a_web_page(demo):
    """An address where a web page answers is no server of videos."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n"
    with Answering(answer) as url:
        ran = demo("--base-url", url, "--api-key", "any")

    assert ran.exit_code == 2
    assert "answers with a web page; check --base-url" in ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "args", "install"),
    [
        ("openai", [], "pip install 'vidobs[demo]'"),
        ("openai", ["--base-url", "http://h/v1", "--api-key", "k"], "pip install 'vidobs[openai]'"),
        ("starlette", [], "pip install 'vidobs[sandbox]'"),
    ],
)
def test_a_missing_extra(tmp_path, missing, args, install):
    """Without the packages of an extra the install command is printed."""
    code = f"import sys; sys.modules[{missing!r}] = None; from vidobs.cli import main; main()"

    ran = subprocess.run(
        [sys.executable, "-c", code, "demo", *args],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 2
    assert ran.stderr.startswith("error: ")
    assert install in ran.stderr.replace("\n", " ")


@pytest.mark.slow
def test_on_a_terminal_the_jobs_are_drawn_in_place(tmp_path, server):
    """Frames are drawn over each other, and at the end the cursor is visible."""
    said = _in_terminal(tmp_path, server, until=None)

    assert said.count("\x1b[1A") > len(plain_scenes("sora-2"))
    assert said.rfind(SHOW_CURSOR) > said.rfind("\x1b[?25l")
    plain = ESCAPE.sub("", said)
    assert "✓  kitten" in plain
    assert "[exit 0]" in plain, plain[-2000:]


def test_ctrl_c_leaves_a_clean_terminal(tmp_path):
    """In the middle of the jobs it stops at once, shows the cursor, and says no traceback."""
    with Sandbox(time_scale=1000) as slow:  # without Ctrl-C it would take half an hour
        said = _in_terminal(tmp_path, slow, until="~$0.40  queued")

    assert said.rfind(SHOW_CURSOR) > said.rfind("\x1b[?25l")
    assert "Traceback" not in said
    assert said.rstrip().endswith("stopped; what the server accepted goes on there\r\n[exit 130]")


class Answering:
    """A server that gives every request the same answer."""

    def __init__(self, answer: bytes) -> None:
        script = (
            "import socket, sys\n"
            "listening = socket.create_server(('127.0.0.1', 0))\n"
            "print(listening.getsockname()[1], flush=True)\n"
            "while True:\n"
            "    peer = listening.accept()[0]\n"
            "    peer.recv(65536)\n"
            f"    peer.sendall({answer!r})\n"
            "    peer.close()\n"
        )
        self._process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)

    def __enter__(self) -> str:
        """Return its base URL."""
        return f"http://127.0.0.1:{int(self._process.stdout.readline())}/v1"

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def _in_terminal(folder: Path, server: Sandbox, *, until: str | None) -> str:
    """Run the demo on a pseudo-terminal; send Ctrl-C when it shows a text. Return what it wrote."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [VIDOBS, "demo", "--base-url", server.base_url, "--api-key", "any"],
        cwd=folder,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = ""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        said += chunk.decode(errors="replace")
        if until is not None and until in ESCAPE.sub("", said):
            process.send_signal(signal.SIGINT)
            until = None
    os.close(ours)
    return f"{said}[exit {process.wait()}]"
