"""What was asked for, as receivers show it that have no shape of their own for videos."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidobs import Job

HASHED = "hmac:"  # how a prompt begins of which only a keyed hash was kept


def asked(job: Job) -> dict[str, object]:
    """Return what was asked for; the prompt only where the capture policy kept it."""
    request = job.request
    prompt = job.prompt or ""
    hashed = prompt.startswith(HASHED)
    return known(
        model=job.model,
        operation=job.operation.value,
        prompt=None if hashed else prompt or None,
        prompt_hash=prompt if hashed else None,
        prompt_chars=request.prompt_chars,
        seconds=request.seconds,
        size=request.size,
        fps=request.fps,
        audio=request.audio,
        n=request.n,
        input_images=request.input_images or None,
        input_seconds=request.input_seconds,
        source_video_id=job.parent_id,
    )


def known(**values: object) -> dict[str, object]:
    """Return what is known of some values."""
    return {name: value for name, value in values.items() if value is not None}
