"""The commands and listings that LiteLLM's users know, as they write them, against the gateway."""

import json
import shutil
import subprocess

import openai
import pytest
from gateway_kit import MASTER, UPSTREAM_KEY, entry, serving, settings_of

from vidobs.testing import Sandbox

PROMPT = "A cat playing with a ball of yarn in a sunny garden"


@pytest.fixture
def gateway(sandbox, tmp_path, monkeypatch):
    """LiteLLM's `config.yaml` of both providers, keys and addresses from the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", UPSTREAM_KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", UPSTREAM_KEY)
    monkeypatch.setenv("AZURE_OPENAI_API_BASE", sandbox.azure_url)
    openai_params = {"model": "openai/sora-2", "api_key": "os.environ/OPENAI_API_KEY"}
    azure_params = {
        "model": "azure/sora-2",
        "api_key": "os.environ/AZURE_OPENAI_API_KEY",
        "api_base": "os.environ/AZURE_OPENAI_API_BASE",
    }
    content = settings_of(
        {"model_name": "sora-2", "litellm_params": openai_params},
        {"model_name": "azure-sora-2", "litellm_params": azure_params},
        master_key="sk-1234",
    )
    with serving(tmp_path, content) as made:
        yield made


def curl(gateway, path, *options, output=None):
    """Run a command line of curl as people copy it; return its output."""
    found = shutil.which("curl")
    if found is None:
        pytest.skip("needs curl: apt-get install curl")
    command = [found, "-sS", "--location", f"{gateway.url}{path}", *options]
    if output is not None:
        command += ["--output", str(output)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)
    return done.stdout


def lines(*headers):
    """Return headers as options."""
    return [part for header in headers for part in ("--header", header)]


KEY, JSON = "x-litellm-api-key: sk-1234", "Content-Type: application/json"
ACCEPT, PROVIDER = "Accept: application/json", "custom-llm-provider: openai"


@pytest.fixture
def made(gateway):
    """A finished video."""
    body = json.dumps({"model": "sora-2", "prompt": "A beautiful sunset over the ocean"})
    video = json.loads(curl(gateway, "/v1/videos", *lines(JSON, KEY), "--data", body))
    assert video["object"] == "video"
    with gateway.client(key="sk-1234") as client:
        assert client.videos.poll(video["id"]).status == "completed"
    return video["id"]


def test_curl_creates_with_a_bearer_too(gateway):
    """`-H "Authorization: Bearer sk-1234"` with seconds and size."""
    body = {"model": "sora-2", "prompt": PROMPT, "seconds": "8", "size": "720x1280"}
    options = lines("Authorization: Bearer sk-1234", JSON)
    video = json.loads(curl(gateway, "/v1/videos", *options, "-d", json.dumps(body)))
    assert (video["model"], video["seconds"], video["size"]) == ("sora-2", "8", "720x1280")


def test_curl_asks_how_a_video_is_doing(gateway, made):
    """With the header `custom-llm-provider`, by id and by the name of the seeds."""
    options = lines(ACCEPT, KEY, PROVIDER)
    for path in (f"/v1/videos/{made}", f"/videos/{made}", f"/videos/status?video_id={made}"):
        assert json.loads(curl(gateway, path, *options))["id"] == made


def test_curl_fetches_a_file(gateway, made, tmp_path):
    """With the provider in a header, in the query, and by the name of the seeds."""
    file = tmp_path / "video.mp4"
    for path, options in (
        (f"/v1/videos/{made}/content", lines(ACCEPT, KEY, PROVIDER)),
        (f"/v1/videos/{made}/content?custom_llm_provider=openai", lines(ACCEPT, KEY)),
        (f"/videos/retrieval?video_id={made}", lines(KEY)),
    ):
        curl(gateway, path, *options, output=file)
        assert file.read_bytes()[4:8] == b"ftyp"


def test_curl_remixes(gateway, made):
    """With the provider in the body, in a header, and by the name of the seeds."""
    prompt = "New remix instructions"
    for path, headers, body in (
        (f"/v1/videos/{made}/remix", (), {"prompt": prompt, "custom_llm_provider": "openai"}),
        (f"/v1/videos/{made}/remix", (PROVIDER,), {"prompt": prompt}),
        ("/videos/remix", (), {"prompt": prompt, "video_id": made}),
    ):
        options = ["--request", "POST", *lines(ACCEPT, JSON, KEY, *headers)]
        video = json.loads(curl(gateway, path, *options, "--data", json.dumps(body)))
        assert video["remixed_from_video_id"] == made


def test_curl_creates_by_the_name_of_the_seeds(gateway, sandbox):
    """`POST /videos/generations` to Azure, with Azure's path and header of the key."""
    body = {"model": "azure-sora-2", "prompt": PROMPT, "seconds": "8", "size": "720x1280"}
    options = lines(JSON, "Authorization: Bearer sk-1234")
    video = json.loads(curl(gateway, "/videos/generations", *options, "--data", json.dumps(body)))
    assert (video["model"], video["status"]) == ("azure-sora-2", "queued")
    assert sandbox.requests[0].path == "/openai/v1/videos"
    assert "api-key" in sandbox.requests[0].headers


def test_the_listing_of_the_openai_client(sandbox, tmp_path, monkeypatch):
    """`litellm --model azure/sora-2` takes any key and any name of a model, without `/v1`."""
    from vidobs.gateway.config import from_model

    environ = {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_API_BASE": sandbox.azure_url}
    config = from_model("azure/sora-2", environ)
    assert (config.default_model, config.master_key) == ("azure/sora-2", None)
    one = entry("azure/sora-2", "azure/sora-2", sandbox.azure_url)
    content = settings_of(one, master_key=None, gateway={"default_model": "azure/sora-2"})
    with serving(tmp_path, content) as made:
        client = openai.OpenAI(api_key="anything", base_url=made.url)
        with client:
            response = client.videos.create(
                model="azure-sora-2", prompt=PROMPT, seconds=8, size="720x1280"
            )
            assert (response.status, response.seconds) == ("queued", "8")


def test_every_way_to_bring_a_key(gateway):
    """A bearer, LiteLLM's header and Azure's; a wrong one is refused in OpenAI's envelope."""
    with gateway.http(None) as http:
        for headers in (
            {"Authorization": "Bearer sk-1234"},
            {"x-litellm-api-key": "sk-1234"},
            {"x-litellm-api-key": "Bearer sk-1234"},
            {"api-key": "sk-1234"},
        ):
            assert http.get("/v1/models", headers=headers).status_code == 200
        for headers in ({}, {"api-key": MASTER}, {"Authorization": "Basic sk-1234"}):
            refused = http.get("/v1/models", headers=headers)
            error = refused.json()["error"]
            assert (refused.status_code, error["code"]) == (401, "invalid_api_key")
            assert error.keys() == {"message", "type", "param", "code"}


def test_vllm_gets_forms_though_the_client_sends_json(tmp_path):
    """`hosted_vllm/...` speaks forms only, and tells of failed jobs with HTTP 4xx."""
    with Sandbox(dialect="vllm-omni", time_scale=0.02) as server:
        one = entry("wan", "hosted_vllm/wan-2.2", server.base_url)
        with serving(tmp_path, settings_of(one)) as gateway, gateway.http() as http:
            body = {"model": "wan", "prompt": "a cat", "seconds": "4", "num_inference_steps": 20}
            video = http.post("/v1/videos", json=body).json()
            assert video["model"] == "wan"
            assert server.requests[0].fields["num_inference_steps"] == "20"
            failed = http.post("/v1/videos", json={**body, "prompt": "[[fault:fail]]"}).json()
            with gateway.client() as client:
                assert client.videos.poll(video["id"]).status == "completed"
                done = client.videos.poll(failed["id"])
            assert done.status == "failed"
            assert isinstance(done.error.code, str)
