"""Downloads a video to a file, and tells the ledger of it once the file is there.

A download that a user makes counts as soon as its last byte was read. This one has no reader but
the disk, which may be full: it counts when the file is whole, on the disk, and read from there.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from vidobs.core.api_errors import APIError
from vidobs.core.calls import Operation, VideoCall
from vidobs.observer.downloads import Download
from vidobs.runtime.reach import Stored
from vidobs.sdk import _openai_errors as errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vidobs.core.jobs import Job
    from vidobs.runtime import Runtime
    from vidobs.sdk.asking._asker import Asker

_PIECE = 1 << 20


def store(
    asker: Asker, runtime: Runtime, job: Job, path: Path, *, between: Callable[[], None]
) -> Stored:
    """Download a video to a file, unless it is there already; raise what stops that."""
    guard = runtime.guard
    seen = guard.run("store", Download, runtime.observer, _call(job))
    try:
        if seen is not None:
            guard.run("store", seen.detach)
        if not path.exists():  # else an earlier process ended before it could tell of it
            asker.download(job.provider_job_id or "", path, between)
        stored = _read(path, seen)
    except APIError as error:
        if seen is not None:
            guard.run("store", _failed, seen, asker, runtime, error)
        raise
    except BaseException:  # the disk, or the end of the process: nothing to say of the job
        if seen is not None:
            guard.run("store", seen.unseen)
        raise
    if seen is not None:
        guard.run("store", seen.end, exhausted=True)
    return stored


def _read(path: Path, seen: Download | None) -> Stored:
    """Read what was stored, for its checksum and for what the ledger wants to know of it."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            if seen is not None:
                seen.feed(piece, stream=False)
    return Stored(size, digest.hexdigest())


def _failed(seen: Download, asker: Asker, runtime: Runtime, error: APIError) -> None:
    key = asker.server.key
    prompt = runtime.observer.prompts.get((asker.server.provider, seen.video_id or ""))
    private = errors.Private(prompt, key if isinstance(key, str) else None)
    seen.fail(errors.of_download(error, private, overdue=seen.overdue))


def _call(job: Job) -> VideoCall:
    return VideoCall(
        operation=Operation.DOWNLOAD,
        provider=job.provider,
        dialect=job.dialect,
        model=job.model,
        video_id=job.provider_job_id,
        server_address=job.server_address,
        server_port=job.server_port,
        attribution=job.attribution,
    )
