"""The rendered files: made when first asked for, once, off the event loop, and kept for a while."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from vidobs.sandbox.assets import make_asset
from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.fault_table import fault_named
from vidobs.sandbox.faults import without_tags
from vidobs.sandbox.mp4 import RenderStoppedError, probe_mp4
from vidobs.sandbox.picture import Clip

if TYPE_CHECKING:
    from vidobs.sandbox.assets import Asset, Variant
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
        self._kept: OrderedDict[tuple[str, Variant], Asset] = OrderedDict()
        self._kept_bytes = 0
        self._running: dict[tuple[str, Variant], asyncio.Task[Asset]] = {}
        self._stopped = threading.Event()
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="vidobs-sandbox-render")

    async def asset(self, job: StoredJob, variant: Variant) -> Asset:
        """Return a file of a job; all who ask while it is made wait for the same one."""
        key = job.id, variant
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._render(job, variant))
        return await asyncio.shield(task)

    async def probe(self, data: bytes) -> Probe | None:
        """Return what an uploaded video says of itself, or `None` when it is not one."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, probe_mp4, data)

    async def _render(self, job: StoredJob, variant: Variant) -> Asset:
        loop = asyncio.get_running_loop()
        key = job.id, variant
        try:
            asset = await loop.run_in_executor(self._workers, self._make, clip_of(job), variant)
        except RenderStoppedError as error:
            message = "The server is shutting down."
            raise ApiError(503, message, kind="server_error") from error
        finally:
            del self._running[key]
        self.made += 1
        self._keep(key, asset)
        return asset

    def _make(self, clip: Clip, variant: Variant) -> Asset:
        return make_asset(clip, variant, stopped=self._stopped.is_set)

    def _keep(self, key: tuple[str, Variant], asset: Asset) -> None:
        self._kept[key] = asset
        self._kept_bytes += len(asset.data)
        while self._kept_bytes > self._max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped.data)

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
        seconds=file_seconds(job),
        hue=sum(job.id.encode()) % 97 / 97,
    )


def file_seconds(job: StoredJob) -> int:
    """Return how long the file of a job is: as asked for, unless scenario or fault differ."""
    if job.file_seconds is not None:
        return job.file_seconds
    fault = fault_named(job.fault)
    return fault.length(job.seconds) if fault and fault.length else job.seconds
