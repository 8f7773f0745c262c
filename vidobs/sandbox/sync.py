"""`POST /videos/sync`: a create that is answered with the file itself, once it is there."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.responses import Response

from vidobs.sandbox.assets import Variant
from vidobs.sandbox.creates import accept, read_create
from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.jobs import NS
from vidobs.sandbox.voice import voice_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from vidobs.dialects.rows import Facts
    from vidobs.sandbox.backend import Backend
    from vidobs.sandbox.jobs import StoredJob


async def create_and_send(backend: Backend, request: Request) -> Response:
    """Make a video and answer with it; the server keeps no copy."""
    wanted = await read_create(backend, request)
    job = accept(backend, request, wanted, new_id="video_sync-{}".format)
    await _end(backend, job)
    state = job.state(backend.now_ns())
    facts = voice_of(backend, request).facts(job, now_ns=backend.now_ns())
    backend.store.delete(job.id)
    if not facts.completed:
        failure = job.course.failure
        message = f"Video generation failed: {failure.message if failure else state.status}"
        raise ApiError(backend.manner.failed_status(failure.code if failure else ""), message)
    asset = await backend.renders.asset(job, Variant.VIDEO)
    return Response(asset.data, media_type=asset.media_type, headers=_headers(backend, facts))


async def _end(backend: Backend, job: StoredJob) -> None:
    """Wait until a job has ended; one that never does is given up at once."""
    end = job.course.end(job.created_ns)
    if end is None:
        backend.store.delete(job.id)
        raise ApiError(504, "Video generation timed out.")
    left_s = (end[0] - backend.now_ns()) / NS
    if left_s > 0:
        with suppress(TimeoutError):
            await asyncio.wait_for(backend.stopping.wait(), left_s)


def _headers(backend: Backend, facts: Facts) -> Mapping[str, str]:
    """What the server says of its work, which a poll would have in its body."""
    told = backend.manner.more(facts)
    return {
        "x-request-id": facts.id,
        "x-model": facts.model,
        "x-inference-time-s": f"{told['inference_time_s']:.3f}",
        "x-stage-durations": json.dumps(told["stage_durations"]),
        "x-peak-memory-mb": f"{told['peak_memory_mb']:.3f}",
    }
