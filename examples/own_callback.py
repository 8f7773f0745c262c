"""Two ways to be told of events: a function, and an exporter of one's own.

A function sees what this process records. A durable exporter gets every event from the ledger, at
least once, also after a crash; the same event carries the same id, so it can drop what it knows.
"""

from collections.abc import Sequence

import openai

import vidobs


class Bill:
    """An exporter: `export` raises `vidobs.ExportError` to have a batch sent again later."""

    name = "bill"
    durable = True

    def __init__(self) -> None:
        self.cents: dict[str, int] = {}  # by event id: a repeated event changes nothing

    def export(self, batch: Sequence[vidobs.VideoEvent]) -> None:
        """Take some events, oldest first."""
        for event in batch:
            usd = event.job.cost.usd
            if event.name.terminal and usd is not None:
                self.cents[event.id] = round(usd * 100)

    def close(self) -> None:
        """Say what came together."""
        print(f"to be paid: {sum(self.cents.values())} cents")


@vidobs.on("video.failed")
def failed(event: vidobs.VideoEvent) -> None:
    print(f"{event.job.reason}: possibly ${event.job.cost.possible_usd}")


vidobs.configure(callbacks=[Bill()])
client = vidobs.wrap(openai.OpenAI())

client.videos.create_and_poll(model="sora-2", prompt="A carnival of masks", seconds="4")
client.videos.create_and_poll(model="sora-2", prompt="Fireworks [[fault:fail]]", seconds="4")

vidobs.shutdown()  # delivers what is left, then closes the exporters
