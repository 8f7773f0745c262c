"""Guardrails and alerts in the real gateway, in front of the real sandbox, set up by a file."""

import os
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest
import yaml
from gateway_kit import MASTER, Served, entry, settings_of
from sink_kit import Sink

from vidobs import config as settings
from vidobs import runtime
from vidobs.core.jobs import JobState, Reason
from vidobs.gateway.assembly import assembled
from vidobs.gateway.config import read_config
from vidobs.testing import Sandbox

WORDS = {"name": "brands", "type": "denylist", "words": ["acme"]}


@pytest.fixture
def sandbox():
    """A server whose jobs take a moment."""
    with Sandbox(time_scale=0.02) as running:
        yield running


@contextmanager
def whole(folder, sandbox, *, gateway, **sections):
    """Serve with every part that a file names."""
    content = settings_of(
        entry("my-sora", "openai/sora-2", sandbox.base_url), gateway=gateway, **sections
    )
    file = Path(folder) / "config.yaml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    config = read_config(file, os.environ)
    ledger = {"ledger": f"sqlite:///{Path(folder) / 'ledger.db'}"}
    elsewhere = ("model_list", "general_settings", "router_settings", "guardrails")
    loaded = settings.load(ledger, {}, file, read_elsewhere=elsewhere)
    with runtime.replaced(loaded) as made:
        parts = assembled(config, runtime=made, key=b"k" * 32)
        with parts.closing:
            served = Served(parts.gateway, made, config).start()
            try:
                yield served
            finally:
                served.stop()


def create(client, prompt):
    """Ask for a video."""
    return client.videos.create(model="my-sora", prompt=prompt, seconds="4")


def test_a_blocked_prompt_never_leaves(sandbox, tmp_path):
    """The SDK raises what it raises for OpenAI; the ledger has one failed job that cost nothing."""
    with whole(tmp_path, sandbox, gateway={"guardrails": [WORDS]}) as gateway:
        with gateway.client() as client, pytest.raises(openai.BadRequestError) as caught:
            create(client, "the ACME logo")
        [job] = gateway.jobs()
        reader = runtime.open_reader(gateway.runtime.settings)
        events = reader.events(job.job_id)
        reader.close()

    assert caught.value.code == "content_policy_violation"
    assert caught.value.param == "prompt"
    assert list(sandbox.jobs) == []
    assert (job.state, job.reason, job.cost.usd) == (JobState.FAILED, Reason.MODERATION_INPUT, 0)
    assert [event.name for event in events] == ["guardrail.blocked", "video.failed"]
    guard, made = events[0].spans[0], events[1].spans[0]
    assert guard.parent_id == made.span_id
    assert made.start_ns <= guard.start_ns <= guard.end_ns <= made.end_ns


def test_a_redacted_prompt_is_what_is_sent(sandbox, tmp_path):
    """The server never sees what was taken out, in JSON and in forms."""
    with whole(tmp_path, sandbox, gateway={"guardrails": [{**WORDS, "mode": "redact"}]}) as gateway:
        with gateway.client() as client:
            create(client, "a cat with an Acme hat")
        with gateway.http() as http:
            form = {"model": (None, "my-sora"), "prompt": (None, "acme!"), "seconds": (None, "4")}
            assert http.post("/v1/videos", files=form).status_code == 200

    assert sorted(job.prompt for job in sandbox.jobs) == [
        "[redacted]!",
        "a cat with an [redacted] hat",
    ]


def test_litellms_list_is_understood(sandbox, tmp_path, caplog):
    """At the top of the file, as it is there; what is not understood is one warning."""
    guardrails = [
        {"guardrail_name": "brands", "litellm_params": {
            "guardrail": "denylist", "mode": "pre_call", "default_on": True, "words": ["acme"]}},
        {"guardrail_name": "pii", "litellm_params": {"guardrail": "presidio", "mode": "pre_call"}},
    ]  # fmt: skip
    with (
        whole(tmp_path, sandbox, gateway=None, guardrails=guardrails) as gateway,
        gateway.client() as client,
        pytest.raises(openai.BadRequestError),
    ):
        create(client, "acme")

    said = [line.getMessage() for line in caplog.records if "leaves out" in line.getMessage()]
    assert len(said) == 1
    assert "pii (presidio)" in said[0]


def test_a_result_that_is_held_back(sandbox, tmp_path, monkeypatch):
    """The job is completed and paid for; its file answers 400, in every variant.

    So it does after a restart without any guardrail, and a job that nobody held back is there.
    """
    (tmp_path / "checks_of_results.py").write_text(
        "def look(subject):\n    return subject.job is None\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    own = {
        "name": "own",
        "type": "function",
        "function": "checks_of_results:look",
        "when": "result",
    }
    with whole(tmp_path, sandbox, gateway={"guardrails": [own]}) as gateway:
        held = made(gateway)
        refuse_content(gateway, held)
        [job] = gateway.jobs()
    with whole(tmp_path, sandbox, gateway=None) as gateway:
        refuse_content(gateway, held)
        free = made(gateway)
        with gateway.client() as client:
            assert client.videos.download_content(free).read()

    assert (job.state, job.withheld) == (JobState.COMPLETED, "own")


def made(gateway):
    """Make a video; return its id."""
    with gateway.client() as client:
        video = client.videos.create_and_poll(
            model="my-sora", prompt="a cat", seconds="4", poll_interval_ms=10
        )
    assert video.status == "completed"
    return video.id


def refuse_content(gateway, video_id):
    """See that no file of a video is handed out."""
    with gateway.client() as client:
        for variant in ("video", "thumbnail"):
            with pytest.raises(openai.BadRequestError) as caught:
                client.videos.download_content(video_id, variant=variant)
            assert caught.value.code == "content_policy_violation"


def test_a_refused_budget_is_a_row_and_an_alert(sandbox, tmp_path):
    """One failed job with its reason, and one message to Slack."""
    with Sink() as slack:
        alerts = {"slack": {"url": slack.url}}
        with whole(tmp_path, sandbox, gateway={"alerts": alerts}) as gateway:
            with gateway.http() as http:
                given = http.post("/key/generate", json={"max_budget": 0.1}).json()
            with gateway.client(given["key"]) as client:
                for _ in range(2):
                    with pytest.raises(openai.BadRequestError) as caught:
                        create(client, "a cat")
                    assert caught.value.code == "budget_exceeded"
            [message] = slack.wait(1)
            jobs = gateway.jobs()

    assert {job.reason for job in jobs} == {Reason.BUDGET}
    assert [job.cost.usd for job in jobs] == [0, 0]
    assert "used up its budget" in message.json()["text"]
    assert len(slack.requests) == 1
    assert MASTER not in message.body.decode()


def test_a_second_prompt_does_not_slip_through(sandbox, tmp_path):
    """Of several prompts in a form only the one that was looked at is sent; a file is none."""
    form = [("model", (None, "my-sora")), ("seconds", (None, "4")), ("prompt", (None, "fine"))]
    with (
        whole(tmp_path, sandbox, gateway={"guardrails": [WORDS]}) as gateway,
        gateway.http() as http,
    ):
        hidden = [("prompt", (None, "acme")), ("prompt[]", (None, "acme")), *form]
        assert http.post("/v1/videos", files=hidden).status_code == 200
        blocked = http.post("/v1/videos", files=[*form, ("prompt", (None, "acme"))])
        uploaded = http.post("/v1/videos", files=[("prompt", ("p.txt", b"acme")), *form])

    assert blocked.json()["error"]["code"] == "content_policy_violation"
    assert (uploaded.status_code, uploaded.json()["error"]["code"]) == (400, "invalid_type")
    [request] = [one for one in sandbox.requests if one.method == "POST"]
    assert "acme" not in str(request.fields)
    assert request.fields["prompt"] == "fine"
