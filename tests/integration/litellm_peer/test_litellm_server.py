"""LiteLLM's own proxy in front of the sandbox: our client, our functions and a wrapped openai."""

import asyncio
import os
import socket
import subprocess
import time
from pathlib import Path

import httpx
import openai
import pytest

import vidobs
from vidobs import exceptions
from vidobs.dialects.litellm_ids import unpacked
from vidobs.testing import Sandbox, isolated

PROGRAM = Path(__file__).parents[3] / ".venv" / "litellm-proxy" / "bin" / "litellm"
KEY = "sk-canarymaster-0123456789"
NOWHERE = "http://127.0.0.1:9"
START_S = 120
CONFIG = """
model_list:
- model_name: sora
  litellm_params: {{model: openai/sora-2, api_key: sk-behind, api_base: "{base}"}}
- model_name: sora-on-azure
  litellm_params: {{model: azure/sora-2-pro, api_key: azure-behind, api_base: "{root}"}}
general_settings: {{master_key: {key}}}
"""

pytestmark = [pytest.mark.slow, pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def sandbox():
    """The provider behind the proxy."""
    with Sandbox(time_scale=0.02) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(sandbox, tmp_path_factory):
    """Run the proxy on a free port; what it would send to the Internet goes nowhere."""
    if not PROGRAM.exists():
        pytest.skip("LiteLLM's proxy is not installed; run: make litellm-proxy-env")
    folder = tmp_path_factory.mktemp("proxy")
    config = folder / "config.yaml"
    config.write_text(
        CONFIG.format(base=sandbox.base_url, root=sandbox.azure_url, key=KEY), "utf-8"
    )
    port = _free_port()
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            [PROGRAM, "--config", config, "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env=_environment(sandbox),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield _ready(f"http://127.0.0.1:{port}", running, folder / "log")
        finally:
            running.terminate()
            running.wait(30)


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _environment(sandbox):
    """The keys that the proxy falls back to, and no way out."""
    foreign = ("VIDOBS_", "OPENAI_", "AZURE_", "LITELLM_", "DATABASE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_TELEMETRY": "False",
        "OPENAI_API_KEY": "sk-of-the-environment",
        "AZURE_API_KEY": "azure-of-the-environment",
        "AZURE_API_BASE": sandbox.azure_url,
        "HTTPS_PROXY": NOWHERE,
        "HTTP_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1",
    }


def _ready(url, running, log):
    """Wait until it serves."""
    until = time.monotonic() + START_S
    while time.monotonic() < until and running.poll() is None:
        try:
            if httpx.get(f"{url}/health/liveliness", trust_env=False).status_code == 200:
                return url
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail(log.read_text("utf-8")[-4000:])


@pytest.fixture
def seen():
    """What vidobs records."""
    with isolated() as found:
        yield found


class OfClient:
    """Our own client, which knows the proxy as a dialect."""

    def __init__(self, url, kind):
        make = vidobs.Client if kind == "sync" else vidobs.AsyncClient
        self._client = make(base_url=url, api_key=KEY, dialect="litellm", max_retries=0)
        self._loop = asyncio.Runner()

    def _run(self, value):
        async def awaited():
            return await value

        return self._loop.run(awaited()) if asyncio.iscoroutine(value) else value

    def create(self, model):
        return self._run(self._client.videos.create(prompt="a cat", model=model, seconds=4)).id

    def wait(self, its_id):
        return self._run(self._client.videos.wait(its_id, poll_interval=0.02)).status

    def download(self, its_id):
        return self._run(self._client.videos.download(its_id)).data

    def remix(self, its_id):
        return self._run(self._client.videos.remix(its_id, prompt="a dog")).id

    def close(self):
        self._run(self._client.close())
        self._loop.close()


class OfFunctions:
    """LiteLLM's functions on vidobs, with `litellm_proxy/` before the model."""

    def __init__(self, url, kind):
        self._where = {"api_base": url, "api_key": KEY}
        self._kind = kind
        self._loop = asyncio.Runner()

    def _run(self, name, *args, **given):
        given = {**self._where, **given}
        if self._kind == "sync":
            return getattr(vidobs, f"video_{name}")(*args, **given)
        return self._loop.run(getattr(vidobs, f"avideo_{name}")(*args, **given))

    def create(self, model):
        return self._run("generation", "a cat", f"litellm_proxy/{model}", seconds="4").id

    def wait(self, its_id):
        return self._run("wait", its_id, poll_interval=0.02).status

    def download(self, its_id):
        return self._run("content", its_id)

    def remix(self, its_id):
        return self._run("remix", its_id, "a dog").id

    def close(self):
        self._loop.close()


WAYS = {"client": OfClient, "functions": OfFunctions}


@pytest.mark.parametrize("model", ["sora", "sora-on-azure"])
@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("way", WAYS)
def test_a_whole_life(proxy, sandbox, seen, way, kind, model):
    """Create, wait, download, remix: two jobs under the provider's own ids, each settled once."""
    caller = WAYS[way](proxy, kind)
    already = len(sandbox.jobs)
    try:
        made = caller.create(model)
        assert caller.wait(made) == "completed"
        data = caller.download(made)
        again = caller.remix(made)
        assert caller.wait(again) == "completed"
        assert caller.download(again) != data
    finally:
        caller.close()

    assert data[4:8] == b"ftyp"
    behind = sandbox.jobs[already:]
    jobs = seen.jobs
    assert [job.provider_job_id for job in jobs] == [job.id for job in behind]
    assert [(job.state, job.cost.status, str(job.cost.usd)) for job in jobs] == [
        ("completed", "settled", _charged(model)),
        ("completed", "settled", _charged("sora")),  # the proxy forgets which model it was
    ]
    assert (jobs[1].operation, jobs[1].parent_id) == ("remix", behind[0].id)
    names = [event.name.value for event in seen.events]
    assert (names.count("video.submitted"), names.count("video.completed")) == (2, 2)


def _charged(model):
    """What LiteLLM says that four seconds cost."""
    return "0.4" if model == "sora" else "1.2"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_wrapped_openai_client(proxy, sandbox, seen, kind):
    """It is told of the dialect; the ledger has the provider's own id, not one of each answer."""
    already = len(sandbox.jobs)
    given = {"base_url": f"{proxy}/v1", "api_key": KEY, "max_retries": 0}
    asked = {"model": "sora", "prompt": "a cat", "seconds": "4"}

    async def in_loop():
        async with vidobs.wrap(openai.AsyncOpenAI(**given), dialect="litellm") as client:
            made = await client.videos.create(**asked)
            while (await client.videos.retrieve(made.id)).status != "completed":
                await asyncio.sleep(0.01)
            content = await client.videos.download_content(made.id)
            return await content.aread()

    def blocking():
        with vidobs.wrap(openai.OpenAI(**given), dialect="litellm") as client:
            made = client.videos.create(**asked)
            while client.videos.retrieve(made.id).status != "completed":
                time.sleep(0.01)
            return client.videos.download_content(made.id).read()

    data = blocking() if kind == "sync" else asyncio.run(in_loop())

    [job] = seen.jobs
    assert job.provider_job_id == sandbox.jobs[already].id
    assert (job.dialect, job.state, job.cost.status) == ("litellm", "completed", "settled")
    assert job.file.size_bytes == len(data)


def test_a_list_goes_to_one_provider(proxy, sandbox, seen):
    """LiteLLM has no list of its own: it asks the provider that is named, by its environment."""
    given = {"base_url": proxy, "api_key": KEY, "dialect": "litellm", "max_retries": 0}
    with vidobs.Client(**given) as client:
        made = client.videos.create(prompt="a cat", model="sora")
        with pytest.raises(exceptions.BadRequestError, match="LLM Provider NOT provided"):
            client.videos.page()
    with vidobs.Client(**given, provider="azure") as client:
        listed = client.videos.page()

    assert sandbox.requests[-1].path == "/openai/v1/videos"
    raws = [unpacked(video.id).raw for video in listed.data]
    assert unpacked(made.id).raw in raws
    assert set(raws) <= {job.id for job in sandbox.jobs}


def test_what_the_proxy_refuses(proxy, seen):
    """A wrong key, a model it has not, a deletion: typed, with the id of the call."""
    given = {"base_url": proxy, "dialect": "litellm", "max_retries": 0}
    with vidobs.Client(**given, api_key="sk-wrong") as client:
        with pytest.raises(exceptions.AuthenticationError):
            client.videos.create(prompt="a cat", model="sora")
    with vidobs.Client(**given, api_key=KEY) as client:
        with pytest.raises(exceptions.BadRequestError) as caught:
            client.videos.create(prompt="a cat", model="nothing")
        made = client.videos.create(prompt="a cat", model="sora")
        with pytest.raises(exceptions.APIError, match="cannot delete a video"):
            client.videos.delete(made.id)

    assert caught.value.request_id
    assert [job.state for job in seen.jobs] == ["failed", "failed", "queued"]
    assert "canary" not in str(caught.value)
