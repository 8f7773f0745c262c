"""One contender in a process of its own: measures a block of calls whenever it is told to.

Reads `OPERATION COUNT` from standard input and answers with the CPU microseconds that one operation
took, of all threads of the process. What was put off (writes, spans, log lines) is waited for
inside the measured block, so that it counts. `check` ends with an error when a contender did not
observe what it should have.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import warnings
from typing import TYPE_CHECKING

import contenders
import own_clients
import peers

if TYPE_CHECKING:
    from contenders import Calls

POLLS = 20
WARM_UP = 3  # calls before each block: caches are cold after the other contenders' blocks


def sync_block(calls: Calls, operation: str, count: int) -> None:
    """Run an operation `count` times."""
    create, poll, download = calls.create, calls.poll, calls.download
    if operation == "create":
        for _ in range(count):
            create(contenders.PROMPT)
    elif operation == "poll":
        for _ in range(count):
            poll("steady_1")
    else:
        for _ in range(count):
            video_id = create("a cat on a skateboard").id
            for _ in range(POLLS):
                poll(video_id)
            download(video_id).read()


async def async_block(calls: Calls, operation: str, count: int) -> None:
    """Run an operation `count` times, one after the other."""
    create, poll, download = calls.create, calls.poll, calls.download
    if operation == "create":
        for _ in range(count):
            await create(contenders.PROMPT)
    elif operation == "poll":
        for _ in range(count):
            await poll("steady_1")
    else:
        for _ in range(count):
            video_id = (await create("a cat on a skateboard")).id
            for _ in range(POLLS):
                await poll(video_id)
            (await download(video_id)).read()


def main() -> None:
    """Serve blocks until standard input ends."""
    warnings.simplefilter("ignore")  # openai warns of the end of its own Videos API at each call
    name, place = sys.argv[1], contenders.Place(**json.loads(sys.argv[2]))
    calls = (contenders.HERE | own_clients.HERE | peers.PEERS)[name](place)
    with asyncio.Runner() as runner:

        def block(operation: str, count: int) -> None:
            if place.is_async:
                runner.run(async_block(calls, operation, count))
            else:
                sync_block(calls, operation, count)

        block("job", 3)
        calls.flush()
        gc.collect()
        gc.freeze()
        print("ready", flush=True)
        for line in sys.stdin:
            operation, _, count = line.strip().partition(" ")
            if operation == "check":
                calls.check()
                print("ok", flush=True)
                continue
            block(operation if operation != "job" else "poll", WARM_UP)
            calls.flush()
            before = time.process_time()
            block(operation, int(count))
            calls.flush()
            print((time.process_time() - before) / int(count) * 1e6, flush=True)


if __name__ == "__main__":
    main()
