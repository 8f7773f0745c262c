"""Clients of others that need a place of their own, and ours, against the gateway."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_kit import MASTER, whole
from ways_kit import plain_http

import vidobs
from vidobs.testing import Sandbox

CLIENTS = Path(__file__).parent / "clients"
VENV = Path(__file__).parents[3] / ".venv"
LITELLM = VENV / "litellm" / "bin" / "python"


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", ["2.2.0", "2.54.0"])
def test_older_openai(version):
    """The oldest SDK with videos, and the last 2.x, in front of the installed one."""
    folder = VENV / "compat" / f"openai-{version}"
    if not folder.is_dir():
        pytest.skip(f"openai {version} is not installed; run: make compat")
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "PYTHONPATH": path, "VIDOBS_REQUIRE_ALL": ""}
    check = "import openai; print(openai.__version__)"
    found = subprocess.run(
        [sys.executable, "-c", check], env=env, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == version
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_openai_sdk.py"],
        cwd=CLIENTS,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-8000:]
    assert int(re.search(r"(\d+) passed", run.stdout)[1]) == 6


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(300)
def test_litellm(tmp_path):
    """LiteLLM's functions make, follow, fetch, remix and list; what is refused, they raise."""
    if not LITELLM.exists():
        pytest.skip("LiteLLM is not installed; run: make litellm-env")
    with Sandbox(time_scale=0.01) as sandbox, whole(sandbox, tmp_path, "sora-2") as http:
        key = http.post("/key/generate", json={"max_budget": 100}).json()["key"]
        told = {"GATEWAY": f"{http.base_url}/v1", "GATEWAY_KEY": key}
        run = subprocess.run(
            [LITELLM, CLIENTS / "through_litellm.py"],
            cwd=tmp_path,
            env={**os.environ, **told, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 0, run.stderr[-8000:]
    for kind, seen in json.loads(run.stdout).items():
        assert (seen["status"], seen["same_id"], seen["content"]) == ("completed", True, "ftyp")
        assert seen["remixed"] == "completed", kind
        assert seen["listed"] >= 2
        assert seen["wrong_key"]["raised"] == "AuthenticationError"
        assert seen["unknown_model"]["raised"] == "NotFoundError"  # by the code in the envelope
        assert "not supported for litellm_proxy" in seen["as_proxy"]["said"]


@pytest.mark.parametrize("dialect", ["openai", "litellm", "azure"])
def test_our_client(gateway, sandbox, dialect):
    """Each way of ours to speak to a proxy finds the routes that it needs."""
    address = gateway.url if dialect == "azure" else gateway.base_url
    with plain_http() as http:
        client = vidobs.Client(dialect=dialect, base_url=address, api_key=MASTER, http_client=http)
        made = client.videos.create(model="my-sora", prompt="a cat", seconds="4")
        done = client.videos.wait(made.id, poll_interval=0.01)
        assert done.status == "completed"
        assert client.videos.download(made.id).data[4:8] == b"ftyp"
        client.videos.remix(made.id, prompt="a dog")
        assert client.videos.delete(made.id).deleted
    assert len(sandbox.jobs) == 2


def test_our_functions(gateway, sandbox):
    """LiteLLM's functions, as vidobs has them, with LiteLLM's name for a proxy."""
    where = {"api_base": gateway.base_url, "api_key": MASTER}
    made = vidobs.video_generation("a cat", "litellm_proxy/my-sora", seconds="4", **where)
    done = vidobs.video_wait(made.id, poll_interval=0.01, **where)
    assert done.status == "completed"
    assert vidobs.video_content(made.id, **where)[4:8] == b"ftyp"
    assert vidobs.video_remix(made.id, "a dog", **where).status == "queued"
    assert len(sandbox.jobs) == 2
