"""From a file, the environment or Python to what arrives at real servers."""

import json
import os
from itertools import count
from pathlib import Path

import openai
import pytest
from sink_kit import Sink

import vidobs
from vidobs import ConfigError, EventName, runtime
from vidobs.delivery.selection import share_of
from vidobs.testing import FrozenClock, isolated
from vidobs_exporters.webhook import WebhookExporter

ASKED = {"prompt": "a heron", "model": "sora-2", "seconds": "4", "size": "720x1280"}


@pytest.fixture
def sink():
    """A receiver."""
    with Sink() as one:
        yield one


@pytest.fixture
def film():
    """Make one video from create to completion, with a client that vidobs has wrapped."""
    with Sink() as server:
        numbers = count(1)

        def made(**asked):
            video_id = f"video_{next(numbers)}"
            client = vidobs.wrap(
                openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-1", max_retries=0)
            )
            for status in ("queued", "in_progress", "completed"):
                video = {"id": video_id, "object": "video", "status": status, "model": "sora-2"}
                body = json.dumps({"created_at": 1, "progress": 0, "seconds": "4", **video})
                headers = {"Content-Type": "application/json"}
                server.answers_next(200, headers, body=body.encode())
            client.videos.create(**ASKED | asked)
            client.videos.retrieve(video_id)
            client.videos.retrieve(video_id)

        yield made


FILE = """\
exporters:
  webhook/audit: {url: "${env:HOOK_URL}", secret: "${env:HOOK_SECRET}", events: ["video.*"], allow_private: true}
  datadog: {mode: otlp, endpoint: "http://127.0.0.1:4318"}
  otlp/langfuse: {endpoint: "https://otlp.example", headers: {Authorization: "${env:LF_AUTH}"}, dialect: langfuse}
  webhook/later: {url: "${env:NOT_SET}"}
callbacks: [webhook/audit, datadog, otlp/langfuse]
capture: {content: none, media: none}
"""  # noqa: E501 - as one writes it


def test_one_file_sets_up_several_receivers(film, tmp_path, monkeypatch):
    """Each gets its events, with the keys of the environment; one that is off needs no variable."""
    with Sink() as hook, Sink() as agent, Sink() as langfuse:
        path = tmp_path / "vidobs.yaml"
        text = FILE.replace("http://127.0.0.1:4318", agent.url)
        path.write_text(text.replace("https://otlp.example", langfuse.url))
        monkeypatch.setenv("HOOK_URL", f"{hook.url}/audit")
        monkeypatch.setenv("HOOK_SECRET", "whsec_" + "c2VjcmV0" * 5)
        monkeypatch.setenv("LF_AUTH", "Basic cGs6c2s=")

        with isolated(config_file=path):
            film()
            assert vidobs.flush(30) == 0

    told = [request.json()["type"] for request in hook.requests]
    assert told == ["vidobs.video.submitted", "vidobs.video.started", "vidobs.video.completed"]
    assert {request.path for request in hook.requests} == {"/audit"}
    assert all("webhook-signature" in request.headers for request in hook.requests)
    assert "/v1/traces" in {request.path for request in agent.requests}
    assert {request.headers["authorization"] for request in langfuse.requests} == {"Basic cGs6c2s="}
    assert any(b"langfuse.observation" in request.body for request in langfuse.requests)


def test_names_functions_and_objects_together(film, sink, tmp_path):
    """In Python all three stand in one list, and `exporters` filters the object by its name."""
    told = []
    hook = WebhookExporter("audit", url=sink.url, allow_private=True)
    with isolated(
        callbacks=["jsonl", told.append, hook],
        exporters={
            "jsonl": {"path": tmp_path / "all.jsonl", "capture": "none"},
            "audit": {
                "events": "video.completed",
                "models": "sora-*",
                "tags": {"team": "film"},
                "min_cost_usd": "0.40",
                "capture": "hash",
            },
        },
        capture="full",
    ):
        film()
        with vidobs.context(tags={"team": "film"}):
            film(prompt="a tower clock")
        assert vidobs.flush(30) == 0

    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert len(lines) == len(told) == 6
    assert {event.job.prompt for event in told} == {"a heron", "a tower clock"}
    assert not any("prompt" in line["job"] for line in lines)
    [request] = sink.requests
    job = request.json()["data"]["job"]
    assert request.json()["id"] == told[-1].id
    assert job["prompt"] == f"hmac:{job['prompt_hash']}"


def test_half_of_the_jobs(film, sink):
    """A job is in the sample with all its events, or not at all."""
    told = []
    hook = WebhookExporter("audit", url=sink.url, allow_private=True)
    with isolated(callbacks=[told.append, hook], exporters={"audit": {"sample": 0.5}}):
        for _ in range(12):
            film()
        assert vidobs.flush(30) == 0

    sent = [request.json()["id"] for request in sink.requests]
    assert len(told) == 36
    assert sent == [event.id for event in told if share_of(event.job.job_id) < 0.5]


def test_a_processor_that_raises_leaks_nothing(film, sink):
    """Its event is tried again and again, and in the end is a dead letter; the others arrive."""
    clock = FrozenClock()
    hook = WebhookExporter("audit", url=sink.url, allow_private=True)

    def unsafe(event):
        if event.name is EventName.STARTED:
            raise LookupError(event.job.job_id)
        return event

    with isolated(clock=clock, callbacks=[hook], exporters={"audit": {"processors": [unsafe]}}):
        film()
        while vidobs.flush(0.2):
            clock.advance(60)

        told = [request.json()["type"] for request in sink.requests]
        assert told == ["vidobs.video.submitted", "vidobs.video.completed"]


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"VIDOBS_CALLBACKS": "console,webhook"},
            (
                "environment VIDOBS_CALLBACKS: exporter 'webhook' needs an address; set url under "
                "'exporters: webhook:', or the variable VIDOBS_WEBHOOK_URL"
            ),
        ),
        (
            {"VIDOBS_CALLBACKS": "langsmith"},
            "environment VIDOBS_CALLBACKS: exporter 'langsmith': no API key; set LANGSMITH_API_KEY",
        ),
        ({"VIDOBS_CALLBACKS": "datdog"}, "environment VIDOBS_CALLBACKS: unknown exporter 'datdog'"),
        (
            {"VIDOBS_CONFIG": "wrong.yaml"},
            "wrong.yaml:2: exporter 'webhook/audit': url cannot be used; it starts with https://",
        ),
        (
            {"VIDOBS_CONFIG": "misspelt.yaml"},
            "misspelt.yaml:4: unknown option of exporter 'webhook/audit': 'evnts'; known: ",
        ),
        (
            {"VIDOBS_CONFIG": "capture.yaml"},
            "capture.yaml:2: exporter 'jsonl': capture: 'full' is more than is kept at all",
        ),
    ],
)
def test_what_is_wrong_is_said_at_the_first_wrap(environ, message, tmp_path, monkeypatch):
    """With its place, before anything is sent; and again at the next one, until it is mended."""
    monkeypatch.chdir(tmp_path)
    Path("wrong.yaml").write_text(
        "exporters:\n  webhook/audit: {url: example}\ncallbacks: [webhook/audit]\n"
    )
    Path("misspelt.yaml").write_text(
        "exporters:\n  webhook/audit:\n    url: https://h.example\n    evnts: [video.*]\n"
        "callbacks: [webhook/audit]\n"
    )
    Path("capture.yaml").write_text(
        "exporters:\n  jsonl: {path: x, capture: full}\ncallbacks: [jsonl]\n"
    )
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    runtime.reset()
    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            vidobs.wrap(openai.OpenAI(base_url="http://127.0.0.1:1/v1", api_key="sk-1"))
        assert str(caught.value).startswith(message)
    for name in environ:
        del os.environ[name]
