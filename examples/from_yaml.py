"""Everything set up in a file: `vidobs.yaml`, beside this program."""

from pathlib import Path

import openai

import vidobs

vidobs.configure(config_file=Path(__file__).with_name("vidobs.yaml"))
client = vidobs.wrap(openai.OpenAI())

video = client.videos.create_and_poll(model="house-model", prompt="A tower clock", seconds="4")

vidobs.flush()  # the exporter `jsonl` has written every event when this returns 0
print(f"{video.id}: {len(Path('events.jsonl').read_text().splitlines())} events in events.jsonl")
