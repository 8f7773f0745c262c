"""The real gateway in front of the real sandbox, in this process or in one of its own.

with running(sandbox) as gateway:
    gateway.client().videos.create(...)
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import openai
import yaml

from vidobs import config as settings
from vidobs import runtime
from vidobs.gateway.app import create_gateway
from vidobs.gateway.config import read_config
from vidobs.gateway.server import GatewayServer

MASTER = "sk-master-1234"
UPSTREAM_KEY = "sk-upstream-secret"
COMMAND = "from vidobs.cli import main; main()"


def entry(name, model, base_url, **more):
    """Return an entry of `model_list`; `info` and what else belongs to `litellm_params`."""
    info = more.pop("info", None)
    params = {"model": model, "api_base": base_url, "api_key": UPSTREAM_KEY, **more}
    return {"model_name": name, "litellm_params": params, **({"model_info": info} if info else {})}


def settings_of(*entries, master_key=MASTER, gateway=None, **sections):
    """Return a file's content."""
    general = {"master_key": master_key} if master_key else {}
    found = {"model_list": list(entries), "general_settings": general, **sections}
    return {**found, "gateway": gateway} if gateway else found


class Served:
    """A gateway that serves in a thread of this process."""

    def __init__(self, app, made, config):
        self.app = app
        self.runtime = made
        self.config = config
        self._ready = threading.Event()
        self.server = GatewayServer(
            app, host="127.0.0.1", port=0, on_ready=lambda _: self._ready.set()
        )
        self.url = self.server.root_url
        self.base_url = f"{self.url}/v1"
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)

    def start(self):
        """Serve."""
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self):
        """End."""
        self.server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()

    def client(self, key=MASTER, **more):
        """Return the official client."""
        return openai.OpenAI(
            base_url=self.base_url, api_key=key, max_retries=more.pop("max_retries", 0), **more
        )

    def async_client(self, key=MASTER, **more):
        """Return the official async client."""
        return openai.AsyncOpenAI(base_url=self.base_url, api_key=key, max_retries=0, **more)

    def http(self, key=MASTER, **more):
        """Return a plain HTTP client."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, **more)

    def jobs(self):
        """Return the jobs of the ledger, the newest first."""
        reader = runtime.open_reader(self.runtime.settings)
        try:
            return reader.jobs()
        finally:
            reader.close()

    def until(self, condition, timeout_s=15):
        """Wait until something holds; each look is a request of its own to the server."""
        deadline = time.monotonic() + timeout_s
        with self.http(None) as http:
            while not condition():
                assert time.monotonic() < deadline
                http.get("/health/live")

    def _run(self):
        asyncio.run(self.server.serve(sockets=[self.server.listener]))


@contextmanager
def serving(folder, content, *, parts=None, key=b"k" * 32):
    """Serve with a configuration; the ledger is in the folder."""
    file = Path(folder) / "config.yaml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    config = read_config(file, os.environ)
    loaded = settings.load(
        {
            "ledger": f"sqlite:///{Path(folder) / 'ledger.db'}",
            **({"prices": list(config.prices)} if config.prices else {}),
        },
        {},
        file,
        read_elsewhere=("model_list", "general_settings", "router_settings"),
    )
    with runtime.replaced(loaded) as made:
        app = create_gateway(config, runtime=made, key=key, **(parts or {}))
        served = Served(app, made, config).start()
        try:
            yield served
        finally:
            served.stop()


@contextmanager
def process(folder, *arguments, environ=None, program=COMMAND):
    """Run `vidobs gateway` as a user does; yields the process and its address."""
    command = [sys.executable, "-c", program, "gateway", "--port", "0", *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running, running.stdout.readline().strip()
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGTERM)
            running.stdout.read()
            running.stderr.read()
            running.wait(20)


@contextmanager
def whole(sandbox, folder, name="my-sora", *, master_key=MASTER):
    """Run the command with all its parts; yields an HTTP client with the master key."""
    content = settings_of(
        entry(name, "openai/sora-2", sandbox.base_url),
        master_key=master_key,
        gateway={"webhooks": {"allow_private": True, "allow_http": True}},
    )
    text = yaml.safe_dump({**content, "ledger": "sqlite:///ledger.db"})
    (Path(folder) / "config.yaml").write_text(text, "utf-8")
    headers = {"Authorization": f"Bearer {master_key}"} if master_key else {}
    with (
        process(folder, "--config", "config.yaml") as (_, url),
        httpx.Client(base_url=url, timeout=20, headers=headers) as http,
    ):
        yield http
