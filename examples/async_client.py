"""Several videos at once with the asynchronous client, each on somebody's account."""

import asyncio

import openai

import vidobs

client = vidobs.wrap(openai.AsyncOpenAI())
PROMPTS = {
    "ada": "Paper boats race down a gutter",
    "grace": "A lighthouse in a storm",
    "linus": "Rush hour in a city of snails",
}


@vidobs.on("video.*")
async def told(event: vidobs.VideoEvent) -> None:
    if event.name.terminal:
        print(f"{event.job.user}: {event.job.state} ${event.job.cost.usd}")


async def make(user: str, prompt: str) -> None:
    with vidobs.context(user=user, tags={"campaign": "spring"}):
        video = await client.videos.create_and_poll(model="sora-2", prompt=prompt, seconds="4")
        async with client.videos.with_streaming_response.download_content(video.id) as body:
            await body.stream_to_file(f"{user}.mp4")


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        for user, prompt in PROMPTS.items():
            group.create_task(make(user, prompt))


asyncio.run(main())
vidobs.flush()
