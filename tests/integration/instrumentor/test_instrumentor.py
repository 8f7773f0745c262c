"""Unchanged programs are observed, by the hand of OpenTelemetry's own tools."""

import asyncio
import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import openai
import pytest

import vidobs
from vidobs import UnsupportedClientError
from vidobs.core.errors import ConfigError
from vidobs.ledger.reader import open_ledger
from vidobs.sdk.instrumentor import VidobsInstrumentor
from vidobs.testing import Sandbox, isolated

APP = Path(__file__).with_name("unchanged_app.py")
CONFIG = """
file_format: "1.0"
resource:
  attributes:
    - {name: service.name, value: studio}
tracer_provider:
  processors:
    - simple: {exporter: {console: {}}}
"""


@pytest.fixture
def instrumentor():
    """The instrumentor, taken back at the end."""
    found = VidobsInstrumentor()
    yield found
    if found.is_instrumented_by_opentelemetry:
        found.uninstrument()
    assert not found.guard.trips


@pytest.fixture
def sandbox():
    """A server whose videos are ready at once."""
    with Sandbox(time_scale=0.01) as server:
        yield server


def clients(base_url):
    """Make one client of each kind."""
    given = {"api_key": "sk-x", "base_url": base_url}
    azure = {"api_key": "sk-x", "api_version": "preview", "base_url": base_url}
    return {
        "OpenAI": openai.OpenAI(**given),
        "AsyncOpenAI": openai.AsyncOpenAI(**given),
        "AzureOpenAI": openai.AzureOpenAI(**azure),
        "AsyncAzureOpenAI": openai.AsyncAzureOpenAI(**azure),
    }


def create(client):
    """Make a video with a client of either kind."""
    wanted = {"model": "sora-2", "prompt": "a cat", "seconds": "4"}
    if not isinstance(client, openai.AsyncOpenAI):
        return client.videos.create(**wanted)

    async def created():
        async with client:
            return await client.videos.create(**wanted)

    return asyncio.run(created())


def test_it_is_found_by_its_entry_point():
    """`opentelemetry-instrument` looks for the group `opentelemetry_instrumentor`."""
    [entry] = entry_points(group="opentelemetry_instrumentor", name="vidobs")

    assert entry.load() is VidobsInstrumentor
    assert VidobsInstrumentor() is VidobsInstrumentor()


def test_every_client_made_from_now_on_is_observed(instrumentor, sandbox):
    """Each kind is, once; those made before, and those made afterwards, are not."""
    with isolated() as seen:
        before = openai.OpenAI(api_key="sk-x", base_url=sandbox.base_url)
        instrumentor.instrument()
        made = clients(sandbox.base_url)
        ids = {kind: create(client).id for kind, client in made.items()}
        copied = create(made["OpenAI"].with_options(timeout=5)).id
        instrumentor.uninstrument()
        create(before)
        create(openai.OpenAI(api_key="sk-x", base_url=sandbox.base_url))

        seen.events.wait_for("video.submitted", count=5)
        jobs = {job.provider_job_id for job in seen.jobs}

    assert jobs == {*ids.values(), copied}


def test_a_client_that_is_wrapped_by_hand_keeps_its_settings(instrumentor, sandbox):
    """`wrap` on top of it changes settings and observes nothing twice."""
    with isolated() as seen:
        instrumentor.instrument()
        client = vidobs.wrap(
            openai.OpenAI(api_key="sk-x", base_url=sandbox.base_url), max_spend_usd="0.01"
        )
        with pytest.raises(vidobs.SpendLimitError):
            create(client)
        seen.events.wait_for("budget.exceeded")

        assert seen.events.names == ["budget.exceeded", "video.failed"]


def test_a_wrong_setting_is_said_at_the_start(instrumentor, monkeypatch):
    """The program is told before it begins, not in the middle of a call."""
    monkeypatch.setenv("VIDOBS_CAPTURE", "everything")

    with pytest.raises(ConfigError, match="VIDOBS_CAPTURE"):
        instrumentor.instrument()


def run(arguments, folder, server, **variables):
    """Run the unchanged program under `opentelemetry-instrument`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "NO_PROXY") if name in os.environ}
    return subprocess.run(
        [str(Path(sys.executable).with_name("opentelemetry-instrument")), *arguments],
        env={
            **kept,
            "SERVER": server.base_url,
            "VIDOBS_LEDGER": f"sqlite:///{folder}/ledger.db",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "httpx,httpx2,logging",
            **variables,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def spans(text):
    """Return what the console exporter printed: JSON objects one behind the other."""
    decoder, found, place = json.JSONDecoder(), [], text.find("{")
    while place >= 0:
        span, end = decoder.raw_decode(text, place)
        found.append(span)
        place = text.find("{", end)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("declarative", [False, True], ids=["variables", "OTEL_CONFIG_FILE"])
def test_an_unchanged_program_is_observed(sandbox, tmp_path, declarative):
    """`opentelemetry-instrument python app.py` gives one trace and one settled job."""
    variables = {"OTEL_SERVICE_NAME": "studio", "OTEL_TRACES_EXPORTER": "console"}
    if declarative:
        (tmp_path / "otel.yaml").write_text(CONFIG, encoding="utf-8")
        variables = {"OTEL_CONFIG_FILE": str(tmp_path / "otel.yaml")}

    ran = run([sys.executable, str(APP)], tmp_path, sandbox, **variables)

    found = spans(ran.stdout)
    assert [span["name"] for span in found if "video" in span["name"]] == ["video_job sora-2"]
    assert {span["resource"]["attributes"]["service.name"] for span in found} == {"studio"}
    assert len({span["context"]["trace_id"] for span in found}) == 1
    [job] = open_ledger(str(tmp_path / "ledger.db")).jobs()
    assert (job.state, job.cost.status) == ("completed", "settled")


def test_what_is_no_client_is_still_refused(instrumentor):
    """Observing all clients does not make `wrap` take anything."""
    instrumentor.instrument()

    with pytest.raises(UnsupportedClientError):
        vidobs.wrap(object())
