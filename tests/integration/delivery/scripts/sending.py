"""A process that makes videos for ever, or only delivers: `sending.py make|drain PLACE`.

`make` says a word and the id of the video after each call that told it something new. `drain`
delivers what can be delivered and says how many events are left.
"""

import json
import os
import sys

import openai

import vidobs
from vidobs import runtime

DRAIN_S = 60.0

what, given = sys.argv[1:]
place = json.loads(given)
vidobs.configure(
    ledger=f"sqlite:///{place['ledger']}",
    callbacks=[f"webhook/{name}" for name in place["sinks"]],
    exporters={
        f"webhook/{name}": {
            "url": url,
            "allow_http": True,
            "allow_private": True,
            "timeout_s": 2,
        }
        for name, url in place["sinks"].items()
    },
)


def say(word, video):
    """Tell at once; what stays in a buffer would be lost with the process."""
    os.write(1, f"{word} {video.id}\n".encode())


def make(client):
    """Make one video, and poll until it is there."""
    video = client.videos.create(model="sora-2", prompt="a heron", seconds="4", size="720x1280")
    say("submitted", video)
    while video.status != "completed":
        video = client.videos.retrieve(video.id)
    say("completed", video)


if what == "drain":
    sys.stdout.write(f"{runtime.current().relay.drain(DRAIN_S)}\n")
    sys.exit()
client = vidobs.wrap(openai.OpenAI(base_url=place["api"], api_key="sk-child"))
while True:
    make(client)
