"""The sandbox against its description, by tools that know nothing of it."""

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
import yaml

from vidobs.sandbox.app import ROUTES
from vidobs.testing import Sandbox

ROOT = Path(__file__).parents[3]
FIXTURES = ROOT / "tests" / "fixtures"
DOCUMENT = FIXTURES / "openai-videos.openapi.yaml"
TOOLS = ROOT / ".venv" / "schemathesis" / "bin"
KEY = {"authorization": "Bearer sk-test"}
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def tools():
    """The folder with schemathesis and a Python that has `standardwebhooks`."""
    if not (TOOLS.parent / ".installed").exists():
        pytest.skip("schemathesis is not installed; run: make schemathesis-env")
    return TOOLS


def test_the_description_has_every_operation():
    """What the sandbox serves and what the document describes are the same."""
    paths = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))["paths"]
    described = {
        (method.upper(), path) for path, item in paths.items() for method in METHODS & item.keys()
    }
    assert described == {(method, path) for path, methods in ROUTES.items() for method in methods}
    assert len(described) == 10


@pytest.mark.real
@pytest.mark.slow
def test_schemathesis_finds_nothing(tools, tmp_path):
    """Valid requests are taken, invalid ones refused, and every answer is as described."""
    with Sandbox(time_scale=0.001) as sandbox:
        command = [
            *[tools / "schemathesis", "--config-file", FIXTURES / "schemathesis.toml"],
            *["run", DOCUMENT, "--url", sandbox.base_url, "--header", "Authorization: Bearer k"],
            *["--generation-deterministic", "--max-examples", "40", "--no-color"],
        ]
        ran = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
        )
        statuses = {request.status for request in sandbox.requests}
    assert ran.returncode == 0, ran.stdout[-8000:]
    assert "10 selected / 10 total" in ran.stdout
    assert {200, 206, 400, 401, 404, 405} <= statuses
    assert not {status for status in statuses if status and status >= 500}


@pytest.mark.real
def test_an_independent_library_verifies_a_webhook(tools):
    """The package of the Standard Webhooks project accepts what the sandbox sends."""
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            taken.append({"body": body, "headers": headers})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as receiver:
        url = f"http://127.0.0.1:{receiver.server_port}/"
        thread = threading.Thread(target=receiver.handle_request)
        thread.start()
        with Sandbox(time_scale=0.001, webhook_url=url) as sandbox:
            httpx.post(f"{sandbox.base_url}/videos", json={"prompt": "a"}, headers=KEY)
            thread.join()
    code = """
import json, sys
from standardwebhooks import Webhook
given = json.load(sys.stdin)
print(Webhook(given["secret"]).verify(given["body"], given["headers"])["type"])
"""
    given = json.dumps({"secret": sandbox.webhook_secret, **taken[0]})
    ran = subprocess.run(
        [tools / "python", "-c", code], input=given, capture_output=True, text=True, check=False
    )
    assert ran.stdout == "video.completed\n", ran.stderr
