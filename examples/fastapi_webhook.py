"""A service that is told by webhook when a video is done, instead of polling for it.

    OPENAI_WEBHOOK_SECRET=whsec_... uvicorn fastapi_webhook:app

vidobs checks the signature, deals with each webhook once, and closes the job in its trace,
whichever worker it reaches: they share a ledger.
"""

import asyncio
from pathlib import Path

import fastapi
import openai

import vidobs
from vidobs import webhooks

app = fastapi.FastAPI()
client = vidobs.wrap(openai.AsyncOpenAI())


@app.post("/videos")
async def create(prompt: str, user: str) -> dict[str, str]:
    with vidobs.context(user=user):
        video = await client.videos.create(model="sora-2", prompt=prompt, seconds="4")
    return {"id": video.id}


@app.post("/webhook")
async def webhook(request: fastapi.Request) -> fastapi.Response:
    told = await asyncio.to_thread(webhooks.handle, request.headers, await request.body())
    if told.job is not None and told.job.asset == "available":  # completed, and not downloaded yet
        await save(told.job.provider_job_id)
    return fastapi.Response(status_code=told.status)


async def save(video_id: str) -> None:
    async with client.videos.with_streaming_response.download_content(video_id) as body:
        await body.stream_to_file(Path(f"{video_id}.mp4"))
