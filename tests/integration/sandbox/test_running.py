"""Starting and stopping the sandbox, in this process and as a process of its own."""

import gc
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from vidobs.core.errors import MissingExtraError
from vidobs.sandbox.signing import webhook_target
from vidobs.testing import Sandbox

KEY = {"authorization": "Bearer sk-test"}
SERVE = [sys.executable, "-m", "vidobs.sandbox"]
COMMAND = [sys.executable, "-c", "from vidobs.cli import main; main()", "sandbox"]
WRONG = Path(__file__).with_name("wrong.yaml")


def threads() -> set[str]:
    """Return the names of the sandbox's threads."""
    return {thread.name for thread in threading.enumerate() if "sandbox" in thread.name}


def test_nothing_is_left_behind():
    """After the block there is no thread, no socket and nobody who answers."""
    with Sandbox(time_scale=0.001) as sandbox, httpx.Client(headers=KEY) as http:
        url = f"{sandbox.base_url}/videos"
        made = http.post(url, json={"prompt": "a cat", "size": "16x16"}).json()["id"]
        while http.get(f"{url}/{made}").json()["status"] != "completed":
            pass
        assert http.get(f"{url}/{made}/content").status_code == 200
        assert threads() > {"vidobs-sandbox"}
    assert threads() == set()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    gc.collect()  # a leaked socket would warn here, and warnings are errors
    assert [job.id for job in sandbox.jobs] == [made]


def test_an_idle_client_does_not_delay_the_stop():
    """A connection that a client keeps open is closed by the server."""
    with httpx.Client(headers=KEY) as http:
        with Sandbox() as sandbox:
            http.get(f"{sandbox.base_url}/videos")
        assert threads() == set()


def test_a_half_sent_request_does_not_delay_the_stop():
    """A client that never finishes its request is cut off after the grace period."""
    with Sandbox() as sandbox:
        address = httpx.URL(sandbox.base_url)
        client = socket.create_connection((address.host, address.port))
        client.sendall(b"POST /v1/videos HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx")
    assert threads() == set()
    client.close()


def test_a_rendering_does_not_delay_the_stop():
    """The largest file that can be asked for is given up when the server stops."""
    body = {"prompt": "a cat", "size": "1920x1920", "seconds": 60}
    with Sandbox(time_scale=0.001) as sandbox, httpx.Client(headers=KEY) as http:
        url = f"{sandbox.base_url}/videos"
        made = http.post(url, json=body).json()["id"]
        while http.get(f"{url}/{made}").json()["status"] != "completed":
            pass
        renders = sandbox._server.backend.renders
        client = threading.Thread(target=http.get, args=(f"{url}/{made}/content",))
        client.start()
        while not renders._running:
            client.join(0.01)
        sandbox.stop()
        client.join(5)
        assert renders.made == 0
        assert threads() == set()


async def test_async_with():
    """The sandbox runs beside an event loop without blocking it."""
    async with Sandbox() as sandbox, httpx.AsyncClient(headers=KEY) as http:
        assert (await http.get(f"{sandbox.base_url}/videos")).status_code == 200
    assert threads() == set()


def test_many_at_once_and_one_again():
    """Each sandbox has a port and jobs of its own; one that stopped can start anew."""
    one = Sandbox()
    with one, Sandbox() as other:
        httpx.post(f"{one.base_url}/videos", json={"prompt": "a"}, headers=KEY)
        assert (len(one.jobs), len(other.jobs)) == (1, 0)
        with pytest.raises(RuntimeError, match="already running"):
            one.start()
    one.stop()
    with one:
        assert one.jobs == []


def test_it_must_be_started():
    """Before the start there is no address, and the error says what to do."""
    with pytest.raises(RuntimeError, match="use `with Sandbox"):
        _ = Sandbox().base_url


def test_a_taken_port_is_an_error():
    """The reason is raised where the sandbox is started, and no thread stays."""
    with Sandbox() as sandbox:
        port = httpx.URL(sandbox.base_url).port
        with pytest.raises(OSError, match="in use"):
            Sandbox(port=port).start()
    assert threads() == set()


def test_every_interface():
    """Listening everywhere still gives a URL that a client here can use."""
    with Sandbox(host="0.0.0.0") as sandbox:  # noqa: S104 - that is the test
        assert sandbox.base_url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{sandbox.base_url}/videos", headers=KEY).status_code == 200


def test_a_missing_package_names_the_install_command():
    """Without the extra, the start raises the command that helps; the import is free."""
    code = """
import sys
sys.modules["av"] = None
from vidobs.testing import Sandbox
from vidobs.core.errors import MissingExtraError
from vidobs.sandbox.signing import webhook_target
try:
    Sandbox().start()
except MissingExtraError as error:
    print(error, {"starlette", "uvicorn", "PIL"} & set(sys.modules))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip().endswith("pip install 'vidobs[sandbox]' set()")
    assert issubclass(MissingExtraError, ImportError)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_process_of_its_own(number: signal.Signals):
    """The first line is the base URL, a signal ends it with exit code 0."""
    with subprocess.Popen(
        [*SERVE, "--port", "0", "--time-scale", "0.01", "--fault", "fail:0.5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        base_url = process.stdout.readline().strip()
        made = [
            httpx.post(f"{base_url}/videos", json={"prompt": "a"}, headers=KEY).json()["id"]
            for _ in range(2)
        ]
        deadline_s = time.monotonic() + 10
        states: set[str] = set()
        while states != {"completed", "failed"} and time.monotonic() < deadline_s:
            listed = httpx.get(f"{base_url}/videos", headers=KEY).json()["data"]
            states = {video["status"] for video in listed}
        process.send_signal(number)
        rest, errors = process.communicate(timeout=10)
    assert {video["id"]: video["status"] for video in listed} == {
        made[0]: "completed",
        made[1]: "failed",
    }
    assert (process.returncode, rest, errors) == (0, "", "")


def test_a_new_webhook_secret_is_the_second_line():
    """A secret that was made is printed, one that was given is not."""
    given = ["--webhook-secret", "whsec_c2VjcmV0"]
    for args in ([], given):
        command = [*SERVE, "--webhook", "http://127.0.0.1:9/hook", *args]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline().startswith("http://127.0.0.1:")
            secret = None if args else process.stdout.readline().strip()
            process.terminate()
            rest, _ = process.communicate(timeout=10)
        assert (process.returncode, rest) == (0, "")
        assert args or webhook_target("http://127.0.0.1", secret).secret == secret


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--fault", "fial"], "unknown fault 'fial'"),
        (["--time-scale", "0"], "time_scale must be a number above 0"),
        (["--port", "99999"], "65535"),
        (["--host", "256.0.0.1"], ""),
        (["--webhook", "https://example.com"], "not a loopback address"),
        (["--scenario", "none.yaml"], "No such file or directory: 'none.yaml'"),
        (["--scenario", str(WRONG)], f"{WRONG}:2: unknown fault 'fial'"),
        (["--record", str(WRONG)], "exists and is no recording"),
        (["--record", "none/there.yaml"], "No such file or directory: 'none/there.yaml'"),
    ],
    ids=[
        *["fault", "time scale", "port", "host", "webhook"],
        *["no scenario", "wrong scenario", "recording over a file", "recording nowhere"],
    ],
)
@pytest.mark.parametrize("command", [SERVE, COMMAND], ids=["python -m", "vidobs"])
def test_a_wrong_option_ends_the_process(command: list[str], args: list[str], reason: str):
    """Exit code 2, the reason on stderr, and no traceback."""
    out = subprocess.run([*command, *args], capture_output=True, text=True, check=False)
    assert out.returncode == 2
    assert reason in out.stderr
    assert "Traceback" not in out.stderr
    assert out.stdout == ""
