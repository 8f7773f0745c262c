"""A program that makes videos all the time and shows its metrics: what Prometheus scrapes.

`loaded.py PORT SANDBOX_URL GOOD_URL REFUSING_URL DOWN_URL`, until it is terminated.
"""

import sys
import threading
from contextlib import suppress

import openai
import uvicorn

import vidobs
from vidobs import ExportError


class Turning:
    """An exporter that keeps nothing and takes nothing: what it refuses is dropped."""

    name = "turning"
    durable = False

    def export(self, batch):
        """Refuse."""
        raise ExportError(f"{len(batch)} too many", retryable=False)

    def close(self):
        """Hold nothing."""


def work(base_url):
    """Make videos, some of which fail, and ask for one that there never was."""
    client = vidobs.wrap(openai.OpenAI(base_url=base_url, api_key="any", max_retries=0))
    for model in iter(lambda: "sora-2", None):
        with suppress(openai.APIError):
            video = client.videos.create_and_poll(model=model, prompt="x", poll_interval_ms=20)
            client.videos.download_content(video.id).read()
        with suppress(openai.APIError):
            client.videos.retrieve("video_never")


def main():
    """Serve and work."""
    port, base_url, good, refusing, down = sys.argv[1:]
    hook = {"allow_private": True}
    vidobs.configure(
        ledger="sqlite:///ledger.db",
        callbacks=["webhook/good", "webhook/refusing", "webhook/down", Turning()],
        exporters={
            "webhook/good": {"url": good, **hook},
            "webhook/refusing": {"url": refusing, **hook},
            "webhook/down": {"url": down, **hook},
        },
    )
    app = vidobs.metrics_app()
    for _ in range(2):
        threading.Thread(target=work, args=(base_url,), daemon=True).start()
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
