"""A program that knows nothing of vidobs: it makes a video and waits for it."""

import os
import sys
import time
import warnings

import openai

warnings.simplefilter("ignore", DeprecationWarning)
client = openai.OpenAI(api_key="sk-unchanged", base_url=os.environ["SERVER"])
video = client.videos.create(model="sora-2", prompt="a cat on a skateboard", seconds="4")
while video.status not in ("completed", "failed"):
    time.sleep(0.02)
    video = client.videos.retrieve(video.id)
sys.exit(video.status != "completed")
