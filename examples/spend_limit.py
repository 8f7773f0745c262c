"""A client that cannot spend more than a dollar."""

import openai

import vidobs

client = vidobs.wrap(openai.OpenAI(), max_spend_usd="1.00")

quote = vidobs.cost(model="sora-2", seconds=8, size="720x1280")
print(f"one video: ${quote}")

for number in (1, 2):
    try:
        client.videos.create_and_poll(
            model="sora-2", prompt=f"Lighthouse {number}", seconds="8", size="720x1280"
        )
        print(f"video {number}: made")
    except vidobs.SpendLimitError as error:  # raised before anything was sent
        print(f"video {number}: {error}")
