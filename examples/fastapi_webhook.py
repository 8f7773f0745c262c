"""A service that is told by webhook when a video is done, instead of polling for it.

    OPENAI_WEBHOOK_SECRET=whsec_... uvicorn fastapi_webhook:app

Whichever worker the webhook reaches, the job stays one job and its trace one trace: they share a
ledger.
"""

from pathlib import Path

import fastapi
import openai

import vidobs

app = fastapi.FastAPI()
client = vidobs.wrap(openai.AsyncOpenAI())


@app.post("/videos")
async def create(prompt: str, user: str) -> dict[str, str]:
    with vidobs.context(user=user):
        video = await client.videos.create(model="sora-2", prompt=prompt, seconds="4")
    return {"id": video.id}


@app.post("/webhook", status_code=204)
async def webhook(request: fastapi.Request) -> None:
    try:
        event = client.webhooks.unwrap(await request.body(), dict(request.headers))
    except (openai.InvalidWebhookSignatureError, ValueError):  # ValueError: a header is missing
        raise fastapi.HTTPException(400, "not signed by the provider") from None
    if event.type.startswith("video."):
        video = await client.videos.retrieve(event.data.id)  # vidobs sees the job end here
        if video.status == "completed":
            await save(video.id)


async def save(video_id: str) -> None:
    async with client.videos.with_streaming_response.download_content(video_id) as body:
        await body.stream_to_file(Path(f"{video_id}.mp4"))
