"""The rendered files: made when first asked for, once, off the event loop, and kept for a while."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.faults import without_tags
from vidobs.sandbox.mp4 import RenderStoppedError, probe_mp4, render_mp4
from vidobs.sandbox.picture import Clip

if TYPE_CHECKING:
    from vidobs.sandbox.jobs import StoredJob
    from vidobs.sandbox.mp4 import Probe

_WORKERS = 2


class Renders:
    """A bounded cache in front of two worker threads.

    A file that was dropped is rendered again, to the same bytes. `made` counts the renderings.
    """

    def __init__(self, max_bytes: int) -> None:
        self.made = 0
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._running: dict[str, asyncio.Task[bytes]] = {}
        self._stopped = threading.Event()
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="vidobs-sandbox-render")

    async def mp4(self, job: StoredJob) -> bytes:
        """Return the file of a job; all who ask while it is rendered wait for the same one."""
        if job.id in self._kept:
            self._kept.move_to_end(job.id)
            return self._kept[job.id]
        task = self._running.get(job.id)
        if task is None:
            task = self._running[job.id] = asyncio.create_task(self._render(job))
        return await asyncio.shield(task)

    async def probe(self, data: bytes) -> Probe | None:
        """Return what an uploaded video says of itself, or `None` when it is not one."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, probe_mp4, data)

    async def _render(self, job: StoredJob) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            data = await loop.run_in_executor(self._workers, self._make, clip_of(job))
        except RenderStoppedError as error:
            message = "The server is shutting down."
            raise ApiError(503, message, kind="server_error") from error
        finally:
            del self._running[job.id]
        self.made += 1
        self._keep(job.id, data)
        return data

    def _make(self, clip: Clip) -> bytes:
        return render_mp4(clip, stopped=self._stopped.is_set)

    def _keep(self, video_id: str, data: bytes) -> None:
        self._kept[video_id] = data
        self._kept_bytes += len(data)
        while self._kept_bytes > self._max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped)

    def stop(self) -> None:
        """Give up what is being rendered. Returns at once; safe to call from any thread."""
        self._stopped.set()

    def close(self) -> None:
        """End the workers and wait for them, at most for one frame."""
        self.stop()
        self._workers.shutdown(wait=True, cancel_futures=True)


def clip_of(job: StoredJob) -> Clip:
    """Return what the file of a job shows."""
    return Clip(
        text=without_tags(job.prompt),
        caption=f"{job.model}  ·  {job.seconds} s  ·  {job.size}  ·  vidobs sandbox",
        size=job.size,
        seconds=job.seconds,
        hue=sum(job.id.encode()) % 97 / 97,
    )
