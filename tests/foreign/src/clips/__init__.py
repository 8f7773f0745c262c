"""A small service that makes clips, observed by vidobs."""

from pathlib import Path

import openai

import vidobs


class Clips:
    """Makes clips with a client of the openai SDK."""

    def __init__(self, client: openai.OpenAI) -> None:
        self._client = vidobs.wrap(client)

    def make(self, prompt: str, *, user: str, folder: Path) -> Path:
        """Make a clip and return its file; raises `RuntimeError` when there is none."""
        with vidobs.context(user=user):
            video = self._client.videos.create_and_poll(
                model="sora-2", prompt=prompt, seconds="4", size="720x1280"
            )
        if video.status != "completed":
            raise RuntimeError(f"no clip: {video.error.code if video.error else video.status}")
        file = folder / f"{video.id}.mp4"
        with self._client.videos.with_streaming_response.download_content(video.id) as body:
            body.stream_to_file(file)
        return file
