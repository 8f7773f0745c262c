"""LiteLLM's own proxy in front of the sandbox: our client, our functions and a wrapped openai."""

import asyncio
from pathlib import Path

import openai
import pytest
from litellm_proxy_kit import KEY, WAYS, serving

import vidobs
from vidobs import exceptions
from vidobs.dialects.litellm_ids import unpacked
from vidobs.testing import Sandbox, isolated

PROGRAM = Path(__file__).parents[3] / ".venv" / "litellm-proxy" / "bin" / "litellm"

pytestmark = [pytest.mark.slow, pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def sandbox():
    """The provider behind the proxy."""
    with Sandbox(time_scale=0.02) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(sandbox, tmp_path_factory):
    """The proxy."""
    if not PROGRAM.exists():
        pytest.skip("LiteLLM's proxy is not installed; run: make litellm-proxy-env")
    with serving(PROGRAM, sandbox, tmp_path_factory.mktemp("proxy")) as url:
        yield url


@pytest.fixture
def seen():
    """What vidobs records."""
    with isolated() as found:
        yield found


@pytest.fixture(params=[(way, kind) for way in WAYS for kind in ("sync", "async")])
def caller(request, proxy):
    """Each way to call the proxy."""
    way, kind = request.param
    made = WAYS[way](proxy, kind)
    yield made
    made.close()


@pytest.mark.parametrize("model", ["sora-2", "sora-on-azure"])
def test_a_whole_life(caller, sandbox, seen, model):
    """Create, wait, download, remix: two jobs under the provider's own ids, each settled once."""
    already = len(sandbox.jobs)
    made = caller.create(model)
    assert caller.wait(made) == "completed"
    data = caller.download(made)
    again = caller.remix(made)
    assert caller.wait(again) == "completed"
    assert caller.download(again) != data

    assert data[4:8] == b"ftyp"
    behind = sandbox.jobs[already:]
    jobs = seen.jobs
    assert [job.provider_job_id for job in jobs] == [job.id for job in behind]
    charged = "0.4" if model == "sora-2" else "1.2"  # by LiteLLM, in a header
    for job in jobs:
        assert (job.state, job.cost.status, str(job.cost.usd)) == ("completed", "settled", charged)
    assert (jobs[1].operation, jobs[1].parent_id) == ("remix", behind[0].id)
    names = [event.name.value for event in seen.events]
    assert (names.count("video.submitted"), names.count("video.completed")) == (2, 2)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_wrapped_openai_client(proxy, sandbox, seen, kind):
    """It is told of the dialect; the ledger has the provider's own id, not one of each answer.

    The SDK does not show the header with the cost, so the price is that of whoever is behind.
    """
    already = len(sandbox.jobs)
    given = {"base_url": f"{proxy}/v1", "api_key": KEY, "max_retries": 0}
    known = {"dialect": "litellm", "provider": "openai"}
    asked = {"model": "sora-2", "prompt": "a cat", "seconds": "4"}

    async def in_loop():
        async with vidobs.wrap(openai.AsyncOpenAI(**given), **known) as client:
            made = await client.videos.create(**asked)
            while (await client.videos.retrieve(made.id)).status != "completed":
                pass
            content = await client.videos.download_content(made.id)
            return await content.aread()

    def blocking():
        with vidobs.wrap(openai.OpenAI(**given), **known) as client:
            made = client.videos.create(**asked)
            while client.videos.retrieve(made.id).status != "completed":
                pass
            return client.videos.download_content(made.id).read()

    data = blocking() if kind == "sync" else asyncio.run(in_loop())

    [job] = seen.jobs
    assert job.provider_job_id == sandbox.jobs[already].id
    assert (job.dialect, job.state) == ("litellm", "completed")
    assert (job.cost.status, str(job.cost.usd)) == ("settled", "0.4")
    assert job.file.size_bytes == len(data)


def test_a_list_goes_to_one_provider(proxy, sandbox, seen):
    """LiteLLM has no list of its own: it asks the provider that is named, by its environment."""
    given = {"base_url": proxy, "api_key": KEY, "dialect": "litellm", "max_retries": 0}
    with vidobs.Client(**given) as client:
        made = client.videos.create(prompt="a cat", model="sora-2")
        with pytest.raises(exceptions.BadRequestError, match="LLM Provider NOT provided"):
            client.videos.page()
    with vidobs.Client(**given, provider="azure") as client:
        listed = client.videos.page()

    assert sandbox.requests[-1].path == "/openai/v1/videos"
    raws = [unpacked(video.id).raw for video in listed.data]
    assert unpacked(made.id).raw in raws
    assert set(raws) <= {job.id for job in sandbox.jobs}


def test_what_the_proxy_refuses(proxy, seen):
    """A key it does not know, a model it has not, a deletion: typed, with the id of the call."""
    given = {"base_url": proxy, "dialect": "litellm", "max_retries": 0}
    no_db = pytest.raises(exceptions.BadRequestError, match="No connected db")
    with vidobs.Client(**given, api_key="sk-wrong") as client, no_db:
        client.videos.create(prompt="a cat", model="sora-2")
    with vidobs.Client(**given, api_key=KEY) as client:
        with pytest.raises(exceptions.BadRequestError) as caught:
            client.videos.create(prompt="a cat", model="nothing")
        made = client.videos.create(prompt="a cat", model="sora-2")
        with pytest.raises(exceptions.APIError, match="cannot delete a video"):
            client.videos.delete(made.id)

    assert caught.value.request_id
    assert [job.state for job in seen.jobs] == ["failed", "failed", "queued"]
    assert "canary" not in str(caught.value)
