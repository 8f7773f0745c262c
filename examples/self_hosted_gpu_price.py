"""Your own server, priced by the GPU time that it reports when a video is done.

For servers with OpenAI's videos API, such as vLLM-Omni. What a GPU second costs is yours to say.
"""

import openai

import vidobs

GPU_HOUR_USD = 3.96  # of one card, with power, housing and idle time

vidobs.configure(
    prices=[
        {
            "provider": "self_hosted",
            "model": "wan2.2-t2v",
            "unit": "gpu_second",
            "usd": GPU_HOUR_USD / 3600,
            "gpus": 4,  # that one job keeps busy
        }
    ]
)
client = vidobs.wrap(openai.OpenAI(), provider="self_hosted")


@vidobs.on("video.*")
def told(event: vidobs.VideoEvent) -> None:
    job = event.job
    if event.name == "video.submitted":
        print(f"quoted: {job.cost.usd}")  # None: nobody knows yet how long it will take
    if event.name == "video.completed" and job.usage:
        print(f"{job.usage.gpu_seconds} s on 4 GPUs: ${job.cost.usd} by {job.cost.basis}")


client.videos.create_and_poll(model="wan2.2-t2v", prompt="A tower clock", seconds="4")

vidobs.flush()
