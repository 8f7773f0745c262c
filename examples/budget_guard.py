"""A budget that holds: ask before spending, take the smaller video, wait when nothing fits.

Every create reserves its quote until the job ends and is settled. Of a failed job that may or may
not be billed (the provider does not say) the money stays reserved: the limit is never passed.
"""

import openai
from openai.types import VideoSeconds

import vidobs

PROMPTS = ["A lighthouse", "Fireworks [[fault:fail]]", "Paper boats", "A tower clock", "Masks"]
LENGTHS: tuple[VideoSeconds, ...] = ("8", "4")  # the best first

client = vidobs.wrap(openai.OpenAI(), max_spend_usd="2.00")


@vidobs.on("video.*")
def told(event: vidobs.VideoEvent) -> None:
    cost = event.job.cost
    if event.name.terminal and event.job.reason != vidobs.Reason.BUDGET:
        print(f"  {event.job.state}: ${cost.usd} {cost.status}, possibly ${cost.possible_usd or 0}")


def make(prompt: str) -> None:
    for seconds in LENGTHS:
        try:
            video = client.videos.create(
                model="sora-2", prompt=prompt, seconds=seconds, size="720x1280"
            )
        except vidobs.SpendLimitError:  # raised before anything was sent
            continue
        print(f"{prompt}: {seconds} s")
        client.videos.poll(video.id)
        vidobs.flush()
        return
    print(f"{prompt}: waits for the next budget")


for prompt in PROMPTS:
    make(prompt)
