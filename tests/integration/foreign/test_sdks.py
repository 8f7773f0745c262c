"""The examples of docs/other-sdks.md, with the real SDKs, in a venv of their own.

Three of them talk to their providers' hosts over TLS, as they do outside: a proxy on this machine
ends it, and hands them on to a server beside it.
"""

import json
import os
import re
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
from foreign_kit import fake, port_of
from front_kit import Front, certificate
from sink_kit import Sink

from vidobs.config import only
from vidobs.runtime import open_reader

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "other-sdks.md"
PYTHON = ROOT / ".venv" / "other-sdks" / "bin" / "python"
HASTE = """
import time
pause, time.sleep = time.sleep, lambda seconds: pause(seconds / 50)  # SDKs wait for real GPUs
"""
MP4 = "https://v3.fal.media/files/boats.mp4"

VERTEX = """
import httpx, vidobs
from google import genai

http = vidobs.wrap(httpx.Client())
client = genai.Client(vertexai=True, http_options={"httpx_client": http})
asked = {"duration_seconds": 4, "resolution": "720p", "aspect_ratio": "16:9"}
operation = client.models.generate_videos(
    model="veo-3.1-lite-generate-001", prompt="A tram", config=asked
)
while not operation.done:
    time.sleep(5)
    operation = client.operations.get(operation)
print(operation.response.generated_videos[0].video.video_bytes[4:8].decode())
"""
ASYNC = """
import asyncio, runwayml, vidobs

async def main():
    http = vidobs.wrap(runwayml.DefaultAsyncHttpxClient())
    client = runwayml.AsyncRunwayML(http_client=http)
    task = await client.image_to_video.create(
        model="gen4_turbo", prompt_image="https://example.com/a.png", prompt_text="A tram",
        ratio="1280:720", duration=5,
    )
    while True:
        done = await client.tasks.retrieve(task.id)
        if done.status == "SUCCEEDED":
            return

asyncio.run(main())
"""

pytestmark = [pytest.mark.real, pytest.mark.slow]


def examples():
    """The blocks of the page that only these SDKs can run, by the heading they stand under."""
    page = PAGE.read_text("utf-8")
    blocks = re.compile(
        r"^## (\S+)\n\n<!-- runs: no -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL
    )
    return {found[1]: found[2] for found in blocks.finditer(page)}


@pytest.fixture
def run(tmp_path):
    """Run an example; what vidobs recorded is read from its ledger."""
    if not PYTHON.exists():
        pytest.skip("the SDKs are not installed; run: make other-sdks-env")
    ledger = f"sqlite:///{tmp_path}/ledger.db"

    def start(code, **env):
        ran = subprocess.run(
            [PYTHON, "-c", HASTE + examples().get(code, code)],
            cwd=tmp_path,
            env={**os.environ, "VIDOBS_LEDGER": ledger, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr[-4000:]
        reader = open_reader(only({"ledger": ledger}).settings)
        try:
            [job] = reader.jobs()
            return ran.stdout, job, reader.events(job.job_id)
        finally:
            reader.close()

    return start


@pytest.fixture
def behind(tmp_path):
    """Let a port of this machine answer for a host, and return the environment that says so."""
    with ExitStack() as ends:

        def start(host, port):
            pem = certificate(host, tmp_path)
            front = ends.enter_context(Front(port, certificate=pem))
            return {
                "HTTPS_PROXY": f"http://127.0.0.1:{front.port}",
                "SSL_CERT_FILE": str(tmp_path / "certificate"),
            }

        yield start


def check(job, events, *, file, usd, basis):
    """One trace, one settled cost; the video was downloaded where the example does that."""
    assert (job.state, job.cost.status, job.cost.basis) == ("completed", "settled", basis)
    assert str(job.cost.usd) == usd
    assert {span.trace_id for event in events for span in event.spans} == {job.trace.trace_id}
    assert [event.name for event in events].count("video.completed") == 1
    if file is not None:
        assert file.read_bytes()[4:8] == b"ftyp"
        assert (job.asset, job.file.size_bytes) == ("downloaded", file.stat().st_size)


def test_google_genai(run, behind, tmp_path):
    """Interactions through the httpx client that the SDK was given."""
    with fake("gemini") as server:
        env = behind("generativelanguage.googleapis.com", port_of(server))
        _, job, events = run("google-genai", GEMINI_API_KEY="AIzaCanary", **env)
        assert len(server.jobs) == 1

    assert (job.provider, job.model, job.request.size) == (
        "gemini",
        "gemini-omni-1.1-flash",
        "720p",
    )
    assert job.server_address == "generativelanguage.googleapis.com"
    check(job, events, file=tmp_path / "boats.mp4", usd="0.4063835", basis="usage")


def test_runwayml(run, behind, tmp_path):
    """Tasks through the httpx client that the SDK was given."""
    with fake("runway") as server:
        env = behind("api.dev.runwayml.com", port_of(server))
        _, job, events = run("runwayml", RUNWAYML_API_SECRET="key_canary", **env)
        assert len(server.jobs) == 1

    assert (job.provider, job.model, job.request.size) == ("runwayml", "gen4.5", "1280x720")
    assert job.server_address == "api.dev.runwayml.com"
    check(job, events, file=tmp_path / "boats.mp4", usd="0.6", basis="reported")


def test_google_genai_on_vertex(run, behind):
    """Operations of Veo, whose file comes along with the last poll."""
    with fake("gemini") as server:
        env = behind("aiplatform.googleapis.com", port_of(server))
        told, job, events = run(VERTEX, GOOGLE_API_KEY="AIzaCanary", **env)

    assert told.strip() == "ftyp"
    assert (job.provider, job.model) == ("vertex_ai", "veo-3.1-lite-generate-001")
    assert (job.request.size, str(job.request.seconds)) == ("1280x720", "4")
    check(job, events, file=None, usd="0.2", basis="requested")


def test_runwayml_async(run, behind):
    """The async client of the SDK."""
    with fake("runway") as server:
        env = behind("api.dev.runwayml.com", port_of(server))
        _, job, events = run(ASYNC, RUNWAYML_API_SECRET="key_canary", **env)

    assert (job.model, job.request.input_images) == ("gen4_turbo", 1)
    check(job, events, file=None, usd="0.25", basis="reported")


def test_fal_client(run, behind):
    """A queue that is polled, followed by hand."""
    place = "https://queue.fal.run/bytedance/seedance-2.5/requests/r-1"
    said = [
        {"status": "IN_QUEUE", "queue_position": 0, "request_id": "r-1", "response_url": place}
        | {"status_url": f"{place}/status", "cancel_url": f"{place}/cancel"},
        {"status": "IN_QUEUE", "queue_position": 0},
        {"status": "IN_PROGRESS", "logs": None},
        *[{"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 41.2}}] * 2,
        {"video": {"url": MP4}, "seed": 7},
    ]
    with Sink() as queue:
        _answers(queue, said)
        env = behind("queue.fal.run", queue.port)
        told, job, events = run("fal-client", FAL_KEY="canary", **env)
        asked = queue.requests

    assert told.strip() == MP4
    assert [request.method for request in asked] == ["POST", *["GET"] * 5]
    assert asked[0].path == "/bytedance/seedance-2.5/text-to-video"
    assert (job.provider_job_id, job.request.size, job.raw_status) == ("r-1", "720p", "Completed")
    assert [event.name for event in events][:2] == ["video.submitted", "video.started"]
    check(job, events, file=None, usd="2.365", basis="requested")


def test_replicate(run):
    """Predictions that are polled, followed by hand."""
    prediction = {
        "id": "p1", "model": "google/veo-3.1-fast", "version": "v", "input": {"prompt": "boats"},
        "output": None, "logs": "", "error": None, "metrics": {}, "urls": {}, "status": "starting",
        "created_at": "2026-11-20T10:00:00Z", "started_at": None, "completed_at": None,
    }  # fmt: skip
    done = {"status": "succeeded", "output": MP4, "metrics": {"predict_time": 41.2}}
    said = [prediction, prediction | {"status": "processing"}, prediction | done]
    with Sink() as server:
        _answers(server, said)
        env = {"REPLICATE_BASE_URL": server.url, "REPLICATE_API_TOKEN": "r8_canary"}
        told, job, events = run("replicate", **env)
        asked = server.requests

    assert told.strip() == MP4
    assert asked[0].path == "/v1/models/google/veo-3.1-fast/predictions"
    assert [request.path for request in asked[1:]] == ["/v1/predictions/p1"] * 2
    assert (job.provider_job_id, job.raw_status) == ("p1", "succeeded")
    check(job, events, file=None, usd="1.2", basis="requested")


def _answers(server, bodies):
    """Let a server answer with one JSON body after the other."""
    for body in bodies:
        headers = {"content-type": "application/json"}
        server.answers_next(200, headers, body=json.dumps(body).encode())


def test_every_example_is_run():
    """None stands on the page that no test here names."""
    assert set(examples()) == {"google-genai", "runwayml", "fal-client", "replicate"}
