"""Jobs of a real client against the sandbox, as they arrive at LangSmith and at Helicone."""

import openai
import pytest
from helicone_kit import KEY as HELICONE_KEY
from helicone_kit import Helicone
from langsmith_kit import KEY, LangSmith

import vidobs
from vidobs.testing import Sandbox

SOON_S = 30
REFUSED = "a cat [[fault:moderation_input]]"
ASKED = {"model": "sora-2", "seconds": "4", "size": "160x96"}


@pytest.fixture(scope="module")
def sandbox():
    """Start a fast sandbox."""
    with Sandbox(time_scale=0.01) as server:
        yield server


def client_of(sandbox, folder, callback, options):
    """Return a wrapped client whose events go to one exporter."""
    vidobs.configure(
        callbacks=[callback],
        exporters={callback: options},
        ledger=f"sqlite:///{folder}/ledger.db",
        capture={"content": "full", "media": "thumbnail"},
    )
    return vidobs.wrap(openai.OpenAI(base_url=sandbox.base_url, api_key="sk-any"))


def test_a_job_is_one_trace_with_cost_and_picture(sandbox, tmp_path):
    """From the create to the thumbnail, everything stands under one root."""
    with LangSmith() as server:
        client = client_of(sandbox, tmp_path, "langsmith", {"url": server.url, "api_key": KEY})
        with vidobs.context(user="ada", tags={"session_id": "s-1"}):
            video = client.videos.create_and_poll(prompt="a cat asleep", **ASKED)
            client.videos.download_content(video.id).read()
        assert vidobs.shutdown(SOON_S) == 0

    assert server.complaints == []
    [root] = [run for run in server.runs.values() if "parent_run_id" not in run]
    children = [run for run in server.runs.values() if run.get("parent_run_id") == root["id"]]
    names = {child["name"] for child in children}
    assert {"generate_content sora-2", "fetch_response", "video.thumbnail"} < names
    assert len(children) == len(server.runs) - 1
    assert root["inputs"]["prompt"] == "a cat asleep"
    assert root["extra"]["metadata"]["usage_metadata"]["total_cost"] == "0.4"
    assert {run["extra"]["metadata"]["session_id"] for run in server.runs.values()} == {"s-1"}
    [(_, picture)] = server.attached.items()
    assert picture.content.startswith(b"\xff\xd8\xff")


def test_a_refused_create_is_a_run_with_an_error(sandbox, tmp_path):
    """It has no video, no cost, and the provider's words."""
    with LangSmith() as server:
        client = client_of(sandbox, tmp_path, "langsmith", {"url": server.url, "api_key": KEY})
        with pytest.raises(openai.BadRequestError):
            client.videos.create(prompt=REFUSED, **ASKED)
        assert vidobs.shutdown(SOON_S) == 0

    assert server.complaints == []
    [root] = [run for run in server.runs.values() if "parent_run_id" not in run]
    assert root["error"].startswith("moderation_input: ")
    assert root["extra"]["metadata"]["vidobs.job.state"] == "failed"
    [child] = [run for run in server.runs.values() if "parent_run_id" in run]
    assert child["error"].startswith("BadRequestError: ")


def test_a_result_is_one_log_with_its_cost(sandbox, tmp_path):
    """However many polls there were, and whatever was downloaded."""
    with Helicone() as server:
        options = {"url": server.url, "api_key": HELICONE_KEY}
        client = client_of(sandbox, tmp_path, "helicone", options)
        video = client.videos.create_and_poll(prompt="a cat asleep", **ASKED)
        client.videos.download_content(video.id).read()
        with pytest.raises(openai.BadRequestError):
            client.videos.create(prompt=REFUSED, **ASKED)
        assert vidobs.shutdown(SOON_S) == 0

    assert server.complaints == []
    assert [(log.model, log.status, log.cost) for log in server.logs.values()] == [
        ("sora-2", 200, "0.4"),
        ("sora-2", 400, 0),
    ]
