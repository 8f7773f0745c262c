"""Downloads one file and prints by how much its process grew: BASE_URL bare|wrapped HOW KIND."""

import asyncio
import json
import sys
import warnings
from pathlib import Path

import msgspec
import openai

import vidobs
from vidobs import runtime

warnings.simplefilter("ignore", DeprecationWarning)


def memory_bytes(which):
    """Return what the process has (`VmRSS`), or the most it had (`VmHWM`)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(which))


def forget_the_peak():
    """Let the peak begin anew from what is used now."""
    Path("/proc/self/clear_refs").write_text("5")


def read(client, how):
    """Read the whole file, one way or the other."""
    if how == "buffered":
        return client.videos.download_content("video_1")
    with client.videos.with_streaming_response.download_content("video_1") as response:
        for _ in response.iter_bytes():
            pass
    return None


async def read_async(client, how):
    """Do the same with an async client."""
    if how == "buffered":
        return await client.videos.download_content("video_1")
    async with client.videos.with_streaming_response.download_content("video_1") as response:
        async for _ in response.iter_bytes():
            pass
    return None


def main(base_url, mode, how, kind):
    """Make a job, download it, and print what came of it."""
    vidobs.configure(ledger="memory:")
    options = {"base_url": base_url, "api_key": "sk-test"}
    wrap = vidobs.wrap if mode == "wrapped" else lambda client: client
    asked = {"prompt": "a cat", "model": "sora-2", "seconds": "8", "size": "720x1280"}
    if kind == "sync":
        client = wrap(openai.OpenAI(**options))
        client.videos.create(**asked)
        before = _begin()
        kept = read(client, how)
    else:
        client = wrap(openai.AsyncOpenAI(**options))

        async def both():
            await client.videos.create(**asked)
            return _begin(), await read_async(client, how)

        before, kept = asyncio.run(both())
    grown = {"peak": memory_bytes("VmHWM") - before, "kept": memory_bytes("VmRSS") - before}
    del kept
    file = None
    if mode == "wrapped":
        vidobs.flush(30)
        (job,) = runtime.current().store.reader().jobs()
        file = msgspec.to_builtins(job.file)
    sys.stdout.write(json.dumps({"grown_bytes": grown, "file": file}))


def _begin():
    forget_the_peak()
    return memory_bytes("VmHWM")


if __name__ == "__main__":
    main(*sys.argv[1:])
