"""A large download through `with_streaming_response`: how fast, and how much the process grows."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING

from calls import BARE, environment
from rows import DOWNLOAD_GROWTH_MB, DOWNLOAD_SHARE, VIDOBS, Row

if TYPE_CHECKING:
    from pathlib import Path

WHAT = "download of {} MiB, streamed"

SERVER = """
import asyncio, sys
size = int(sys.argv[1]) << 20
video = (b'{"id":"video_1","object":"video","created_at":1795132800,"status":"completed",'
         b'"completed_at":1795132900,"model":"sora-2","progress":100,"seconds":"4","size":"720x1280"}')
ftyp = b"\\0\\0\\0\\x18ftypisom\\0\\0\\2\\0isomiso2"
start = ftyp + b"\\0\\0\\0\\1mdat" + (size - len(ftyp)).to_bytes(8, "big")
head = b"HTTP/1.1 200 OK\\r\\ncontent-type: %b\\r\\ncontent-length: %d\\r\\n\\r\\n"
async def serve(reader, writer):
    while (request := await reader.readuntil(b"\\r\\n\\r\\n")):
        low = request.lower()
        at = low.find(b"content-length:")
        if at >= 0:
            await reader.readexactly(int(low[at + 15:].split(b"\\r\\n")[0]))
        if b"/content" not in request.split(b"\\r\\n")[0]:
            writer.write(head % (b"application/json", len(video)) + video)
            continue
        writer.write(head % (b"video/mp4", size) + start)
        left, chunk = size - len(start), bytes(1 << 20)
        while left:
            writer.write(chunk[:left])
            left -= min(left, len(chunk))
            await writer.drain()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"""
_CLIENT = """
import json, resource, sys, time, warnings
warnings.simplefilter("ignore")
import openai
client = openai.OpenAI(api_key="k", base_url=sys.argv[1])
if sys.argv[2] == "vidobs":
    import vidobs
    vidobs.configure(ledger="sqlite:///" + sys.argv[3])
    vidobs.wrap(client)
video = client.videos.create(model="sora-2", prompt="a cat", seconds="4", size="720x1280")
client.videos.retrieve(video.id)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, size, started = peak(), 0, time.perf_counter()
with client.videos.with_streaming_response.download_content(video.id) as body:
    for chunk in body.iter_bytes():
        size += len(chunk)
took = time.perf_counter() - started
if sys.argv[2] == "vidobs":
    assert vidobs.flush(30) == 0
print(json.dumps([size / took / 1e6, peak() - before, size]))
"""


def rows(mebibytes: int, times: int, folder: Path) -> list[Row]:
    """Download in turns, each time in a fresh process; return speed and growth of both."""
    found: dict[str, list[list[float]]] = {BARE: [], VIDOBS: []}
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(mebibytes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        base_url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        for turn in range(times):
            for who, measured in found.items():
                measured.append(_once(base_url, who, folder / f"{turn}.db"))
    finally:
        server.stdin.close()
        server.wait(10)
    assert {one[2] for each in found.values() for one in each} == {mebibytes << 20}
    return [*_speeds(found, mebibytes), *_growths(found, mebibytes)]


def _once(base_url: str, who: str, ledger: Path) -> list[float]:
    mode = "vidobs" if who == VIDOBS else "bare"
    ran = subprocess.run(
        [sys.executable, "-c", _CLIENT, base_url, mode, str(ledger)],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    return json.loads(ran.stdout)


def _speeds(found: dict[str, list[list[float]]], mebibytes: int) -> list[Row]:
    made = []
    ours = median(one[0] for one in found[VIDOBS])
    bare = median(one[0] for one in found[BARE])
    for who, measured in found.items():
        values = [one[0] for one in measured]
        made.append(
            Row(
                WHAT.format(mebibytes),
                who,
                "MB/s",
                median(values),
                min(values),
                max(values),
                ratio=median(values) / ours,
                target=bare * DOWNLOAD_SHARE if who == VIDOBS else None,
                at_least=True,
            )
        )
    return made


def _growths(found: dict[str, list[list[float]]], mebibytes: int) -> list[Row]:
    made = []
    for who, measured in found.items():
        values = [one[1] for one in measured]
        made.append(
            Row(
                WHAT.format(mebibytes),
                f"{who}, growth",
                "MB",
                median(values),
                min(values),
                max(values),
                target=DOWNLOAD_GROWTH_MB if who == VIDOBS else None,
            )
        )
    return made
