"""Create here, poll in a Celery worker: two processes, one ledger, one job, one trace.

    celery -A worker_poll worker &
    python worker_poll.py

The message between them is the video's id; vidobs finds the rest in the ledger.
"""

from pathlib import Path

import celery
import openai

import vidobs

app = celery.Celery("worker_poll", broker="filesystem://")  # any broker will do
queue = Path("queue")
queue.mkdir(exist_ok=True)
app.conf.broker_transport_options = {
    "data_folder_in": str(queue),
    "data_folder_out": str(queue),
    "control_folder": str(queue / "control"),
}

client = vidobs.wrap(openai.OpenAI())


@app.task
def finish(video_id: str) -> str:
    video = client.videos.poll(video_id)
    if video.status == "completed":
        with client.videos.with_streaming_response.download_content(video_id) as body:
            body.stream_to_file(f"{video_id}.mp4")
    return video.status


if __name__ == "__main__":
    with vidobs.context(user="ada"):
        video = client.videos.create(model="sora-2", prompt="A tower clock", seconds="4")
    finish.delay(video.id)
    print(video.id)
