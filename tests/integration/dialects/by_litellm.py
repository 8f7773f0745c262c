"""Makes a video by LiteLLM's own client: `by_litellm.py PROVIDER API_BASE`; prints what came."""

import json
import sys
import time

import litellm

provider, api_base = sys.argv[1:]
where = {"api_base": api_base, "api_key": "any"}

made = litellm.video_generation(
    model=f"{provider}/wan", prompt="A tram", seconds="1", size="64x64", **where
)
video = made
while video.status not in ("completed", "failed"):
    time.sleep(0.01)
    video = litellm.video_status(video_id=made.id, **where)
data = litellm.video_content(video_id=made.id, **where)
print(json.dumps({"status": video.status, "kind": data[4:8].decode(), "size": len(data)}))  # noqa: T201
