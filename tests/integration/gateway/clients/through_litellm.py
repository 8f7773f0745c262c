"""Run by `test_sdk_clients.py` where LiteLLM is: its functions against a gateway.

It is told the address and the key by the environment, and tells what came of it as JSON.
"""

import asyncio
import json
import os
import sys

import litellm
from litellm.types.videos.utils import decode_video_id_with_provider

WHERE = {"api_base": os.environ["GATEWAY"], "api_key": os.environ["GATEWAY_KEY"]}
MOST_POLLS = 2000
litellm.suppress_debug_info = True


class Lite:
    """LiteLLM's functions for videos, sync or async behind one face."""

    def __init__(self, kind):
        self._loop = asyncio.Runner() if kind == "async" else None

    def __call__(self, name, **given):
        """Call `litellm.video_{name}`, or its async twin."""
        given = {**WHERE, **given}
        if self._loop is None:
            return getattr(litellm, f"video_{name}")(**given)
        return self._loop.run(getattr(litellm, f"avideo_{name}")(**given))

    def ended(self, its_id):
        """Ask until a video has ended."""
        for _ in range(MOST_POLLS):
            video = self("status", video_id=its_id)
            if video.status in ("completed", "failed"):
                return video
        raise AssertionError(video)

    def refused(self, name, **given):
        """Return what a call raises."""
        try:
            self(name, **given)
        except Exception as error:  # noqa: BLE001 - it is what is looked at
            return {"raised": type(error).__name__, "said": str(error)[:300]}
        return None


def gateways_id(video):
    """Return what LiteLLM packs into ids of its own, which differ from call to call."""
    return decode_video_id_with_provider(video.id)["video_id"]


def life(kind):
    """Make a video, follow it, fetch it, remix it."""
    lite = Lite(kind)
    made = lite("generation", model="openai/sora-2", prompt="a cat", seconds="4")
    done = lite.ended(made.id)
    content = lite("content", video_id=made.id)
    remixed = lite("remix", video_id=made.id, prompt="a dog")
    return {
        "status": done.status,
        "same_id": gateways_id(done) == gateways_id(made),
        "content": content[4:8].decode(),
        "remixed": lite.ended(remixed.id).status,
        "listed": len(lite("list", custom_llm_provider="openai")["data"]),
        "wrong_key": lite.refused("status", video_id=made.id, api_key="sk-wrong"),
        "unknown_model": lite.refused("generation", model="openai/sora-9", prompt="a cat"),
        "as_proxy": lite.refused("generation", model="litellm_proxy/sora-2", prompt="a cat"),
    }


json.dump({kind: life(kind) for kind in ("sync", "async")}, sys.stdout)
