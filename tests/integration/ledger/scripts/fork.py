"""A process that forks between two jobs: `fork.py BASE_URL`; parent and child both go on."""

import os
import sys

import openai

import vidobs

ALONE = {"connection": "close"}  # two processes must not share a socket
client = openai.OpenAI(base_url=sys.argv[1], api_key="sk-fork", default_headers=ALONE)
vidobs.wrap(client)
told = []
vidobs.on("video.completed")(lambda event: told.append(event.job.provider_job_id))


def make(prompt):
    """Make a video to its end."""
    video = client.videos.create_and_poll(model="sora-2", prompt=prompt, seconds="4")
    return video.id


first = make("before")
pid = os.fork()
mine = make("child" if pid == 0 else "parent")
client.videos.retrieve(first)
left = vidobs.shutdown(timeout=20)
expected = [mine] if pid == 0 else [first, mine]
if pid == 0:
    os._exit(0 if (left, told) == (0, expected) else 1)
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 0, "the child"
assert (left, told) == (0, expected), (left, told)
