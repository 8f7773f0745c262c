"""LiteLLM's own proxy as a process, and our ways to call it behind one face."""

import asyncio
import os
import socket
import subprocess
import time
from contextlib import contextmanager

import httpx

import vidobs

KEY = "sk-canarymaster-0123456789"
START_S = 120
_NOWHERE = "http://127.0.0.1:9"
_CONFIG = """
model_list:
- model_name: sora-2
  litellm_params: {{model: openai/sora-2, api_key: sk-behind, api_base: "{base}"}}
- model_name: sora-on-azure
  litellm_params: {{model: azure/sora-2-pro, api_key: azure-behind, api_base: "{root}"}}
general_settings: {{master_key: {key}}}
"""


@contextmanager
def serving(program, sandbox, folder):
    """Run the proxy on a free port; what it would send to the Internet goes nowhere."""
    config = folder / "config.yaml"
    config.write_text(
        _CONFIG.format(base=sandbox.base_url, root=sandbox.azure_url, key=KEY), "utf-8"
    )
    port = _free_port()
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            [program, "--config", config, "--host", "127.0.0.1", "--port", str(port)],
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
        "HTTPS_PROXY": _NOWHERE,
        "HTTP_PROXY": _NOWHERE,
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
    raise RuntimeError(log.read_text("utf-8")[-4000:])


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
        """Make a video; its id."""
        return self._run(self._client.videos.create(prompt="a cat", model=model, seconds=4)).id

    def wait(self, its_id):
        """Wait until it ends; its status."""
        return self._run(self._client.videos.wait(its_id, poll_interval=0.02)).status

    def download(self, its_id):
        """Its bytes."""
        return self._run(self._client.videos.download(its_id)).data

    def remix(self, its_id):
        """Make another from it; its id."""
        return self._run(self._client.videos.remix(its_id, prompt="a dog")).id

    def close(self):
        """Close it."""
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
        """Make a video; its id."""
        return self._run("generation", "a cat", f"litellm_proxy/{model}", seconds="4").id

    def wait(self, its_id):
        """Wait until it ends; its status."""
        return self._run("wait", its_id, poll_interval=0.02).status

    def download(self, its_id):
        """Its bytes."""
        return self._run("content", its_id)

    def remix(self, its_id):
        """Make another from it; its id."""
        return self._run("remix", its_id, "a dog").id

    def close(self):
        """Close it."""
        self._loop.close()


WAYS = {"client": OfClient, "functions": OfFunctions}
