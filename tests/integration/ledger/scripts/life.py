"""The life of one video: `life.py BASE_URL [VIDEO_ID]` creates or goes on, polls and downloads."""

import sys

import openai

import vidobs

PROMPT = "a cat with a ball of yarn"

base_url, *given = sys.argv[1:]
client = vidobs.wrap(openai.OpenAI(base_url=base_url, api_key="sk-child", max_retries=0))
if given:
    video = client.videos.retrieve(given[0])
else:
    video = client.videos.create(model="sora-2", prompt=PROMPT, seconds="4", size="720x1280")
while video.status in ("queued", "in_progress"):
    video = client.videos.retrieve(video.id)
with client.videos.with_streaming_response.download_content(video.id) as body:
    size = sum(len(chunk) for chunk in body.iter_bytes(1024))
sys.stdout.write(f"{video.status} {size > 0}")
sys.exit(vidobs.shutdown(timeout=10))
