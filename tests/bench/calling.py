"""A program that makes videos, observed by vidobs with one webhook: `calling.py API SINK FOLDER`.

Reads how many creates to make from standard input, and answers with how long each took.
"""

from __future__ import annotations

import json
import sys
import time
import warnings


def main() -> None:
    """Serve blocks of creates until standard input ends."""
    warnings.simplefilter("ignore")  # openai warns of the end of its own Videos API at each call
    import openai

    import vidobs

    api, sink, folder = sys.argv[1:]
    vidobs.configure(
        ledger=f"sqlite:///{folder}/ledger.db",
        callbacks=["webhook"],
        exporters={"webhook": {"url": sink, "allow_http": True, "allow_private": True}},
    )
    client = vidobs.wrap(openai.OpenAI(base_url=api, api_key="sk-bench"))
    print("ready", flush=True)
    for line in sys.stdin:
        took = []
        for _ in range(int(line)):
            start = time.perf_counter()
            client.videos.create(model="sora-2", prompt="a cat", seconds="4", size="720x1280")
            took.append(time.perf_counter() - start)
        print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
