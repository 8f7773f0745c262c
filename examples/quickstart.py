"""One video: one trace, one log story, one settled cost.

Start a server with `vidobs sandbox`, export the two variables that it prints, and run this file.
"""

import openai

import vidobs

vidobs.configure(callbacks=["console"])  # one line on stderr for each event
client = vidobs.wrap(openai.OpenAI())  # the same client, now observed


@vidobs.on("video.completed")
def done(event: vidobs.VideoEvent) -> None:
    job = event.job
    print(f"{job.model}: ${job.cost.usd} {job.cost.status} by {job.cost.basis}")


video = client.videos.create_and_poll(
    model="sora-2", prompt="A cat with a ball of yarn", seconds="8", size="720x1280"
)
with client.videos.with_streaming_response.download_content(video.id) as body:
    body.stream_to_file("cat.mp4")

vidobs.flush()  # callbacks run on a thread of their own: wait for them
