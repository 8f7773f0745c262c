"""Every fault, in every way of calling the SDK: vidobs changes nothing and records the truth."""

import asyncio
import io
import json

import av
import httpx2
import openai
import pytest

import vidobs
from vidobs.sandbox.fault_table import FAULTS
from vidobs.testing import Sandbox, isolated

FASTER = 0.01  # for the answers and downloads that are slow by the real clock
ENDS = {  # the job's state and reason in vidobs' record, after one look when it had ended
    "fail": ("failed", "provider_error"),
    "moderation_input": ("failed", "moderation_input"),
    "moderation_output": ("failed", "moderation_output"),
    "rate_limit": ("failed", "rate_limited"),
    "stuck": ("in_progress", None),
    "failed_as_4xx": ("failed", "moderation_output"),
    "failed_as_5xx": ("failed", "provider_error"),
    "garbage_json": ("queued", None),  # nothing could be read
}
COMPLETED = ("completed", None)  # all others
ERRORS = (openai.OpenAIError, json.JSONDecodeError, httpx2.RemoteProtocolError)


class Calls:
    """One way to call the SDK; `call` returns the bytes of the answer."""

    def __init__(self, client: openai.OpenAI | openai.AsyncOpenAI, way: str) -> None:
        self.videos = client.videos
        self.way = way

    async def call(self, name: str, *args: object, **kwargs: object) -> object:
        """Call one method, and give what a user would look at."""
        if self.way == "streaming":
            with getattr(self.videos.with_streaming_response, name)(*args, **kwargs) as answer:
                return answer.status_code, b"".join(answer.iter_bytes())
        if self.way == "raw":
            answer = getattr(self.videos.with_raw_response, name)(*args, **kwargs)
            return answer.status_code, answer.http_response.content
        if self.way == "async":
            result = await getattr(self.videos, name)(*args, **kwargs)
        else:
            result = getattr(self.videos, name)(*args, **kwargs)
        return (200, result.read()) if name == "download_content" else result.to_dict()


def shown(result: object) -> object:
    """Return what must be the same with and without vidobs: no ids, no colours that they choose."""
    if isinstance(result, openai.APIStatusError):
        return type(result), result.status_code, result.code
    if isinstance(result, Exception):
        return type(result)
    if isinstance(result, dict):
        return shown_members(result)
    status, body = result
    if body[4:8] == b"ftyp":
        return status, "a file", seconds_of(body)
    try:
        return status, shown_members(json.loads(body))
    except ValueError:
        return status, len(body)


def seconds_of(data: bytes) -> float:
    """Return how long a file plays."""
    with av.open(io.BytesIO(data)) as container:
        return container.duration / av.time_base


def shown_members(video: dict) -> dict:
    """Return a Video object without its id."""
    return {name: value for name, value in video.items() if name != "id"}


async def live(client, way: str, sandbox: Sandbox, clock, fault: str) -> list[object]:
    """Create, look and download, whatever goes wrong, and return all that was seen."""
    calls = Calls(client, way)
    prompt = f"a cat [[fault:{fault}]]"
    seen = [await attempt(calls, "create", prompt=prompt, size="64x64", seconds="2")]
    if sandbox.jobs:
        video_id = sandbox.jobs[-1].id
        clock.move(100)
        seen.append(await attempt(calls, "retrieve", video_id))
        seen.append(await attempt(calls, "download_content", video_id))
    closed = client.close()
    if way == "async":
        await closed
    return seen


async def attempt(calls: Calls, name: str, *args: object, **kwargs: object) -> object:
    """Call a method, and show its answer or its error."""
    try:
        return shown(await calls.call(name, *args, **kwargs))
    except ERRORS as error:
        return shown(error)


def client_for(sandbox: Sandbox, way: str) -> openai.OpenAI | openai.AsyncOpenAI:
    """Return a client without retries of its own."""
    kind = openai.AsyncOpenAI if way == "async" else openai.OpenAI
    return kind(base_url=sandbox.base_url, api_key="k", max_retries=0, timeout=5)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["sync", "async", "raw", "streaming"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault(clock, fault: str, way: str):
    """The caller sees what the bare SDK shows, and the job's record says how it went."""
    seen, born_ns = [], clock.now_ns
    for wrap in (lambda client: client, vidobs.wrap):
        clock.now_ns = born_ns
        with Sandbox(clock=clock, time_scale=FASTER) as sandbox, isolated(clock=clock) as watched:
            seen.append(
                asyncio.run(live(wrap(client_for(sandbox, way)), way, sandbox, clock, fault))
            )
            jobs = [(str(job.state), job.reason and str(job.reason)) for job in watched.jobs]
    assert seen[0] == seen[1]
    assert jobs == [ENDS.get(fault, COMPLETED)]
