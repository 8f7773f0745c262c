"""Watches a download: it ends when the last byte was read, by whoever reads it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from vidobs.core.jobs import JobSnapshot, VideoFile

if TYPE_CHECKING:
    from vidobs.core.calls import VideoCall
    from vidobs.core.protocols import Recorded
    from vidobs.observer.observer import Observer
    from vidobs.observer.outcome import Failure


class Download:
    """A download under way. Feed it every chunk, then `end` it once; later calls do nothing."""

    __slots__ = (
        "_call", "_digest", "_expected", "_job", "_observer", "_open", "_part", "_size", "_span",
        "_start_ns",
    )  # fmt: skip

    def __init__(self, observer: Observer, call: VideoCall) -> None:
        self._observer = observer
        self._call = call
        self._start_ns = observer.clock.time_ns()
        job = None
        if call.video_id is not None:
            job = observer.job_of(call.provider, call.video_id)
        self._job = job
        self._span = observer.open(
            call,
            start_ns=self._start_ns,
            job_id=job.job_id if job is not None else None,
            origin=job.trace if job is not None else None,
            origin_ns=int(job.created_at.timestamp() * 1e9) if job is not None else None,
            attach=True,
        )
        self._digest = hashlib.sha256()
        self._size = 0
        self._expected: int | None = None
        self._part = False
        self._open = True

    @property
    def video_id(self) -> str | None:
        """The provider's id of the video."""
        return self._call.video_id

    def detach(self) -> None:
        """Stop being the current span; in the context that began it."""
        self._span.detach()

    def expect(self, size_bytes: int | None) -> None:
        """Say how many bytes were announced."""
        self._expected = size_bytes

    def part(self) -> None:
        """Say that only a part of the file was asked for: it is never complete."""
        self._part = True

    def feed(self, chunk: bytes) -> None:
        """Count a chunk on its way to the reader."""
        self._size += len(chunk)
        self._digest.update(chunk)

    def end(self, *, exhausted: bool) -> None:
        """Record what was read. `exhausted`: the stream came to its end."""
        if not self._open:
            return
        self._open = False
        complete = exhausted if self._expected is None else self._size >= self._expected
        complete = complete and not self._part
        self._record(
            VideoFile(
                size_bytes=self._size,
                sha256=self._digest.hexdigest() if complete else None,
                complete=complete,
            )
        )

    def unseen(self) -> None:
        """Record a download whose bytes nobody could count."""
        if self._open:
            self._open = False
            self._finish(self._observer.clock.time_ns(), None)

    def fail(self, failure: Failure) -> None:
        """Record that the request, or reading the answer, raised."""
        if not self._open:
            return
        self._open = False
        observer = self._observer
        end_ns = observer.clock.time_ns()
        recorded = None
        if self._job is not None:
            recorded = observer.record(
                self._call,
                JobSnapshot(provider_job_id=self._call.video_id),
                now_ns=end_ns,
                job=self._job,
                span=self._span,
                failure=failure,
            )
        self._finish(end_ns, recorded, failure)

    def _record(self, file: VideoFile) -> None:
        observer = self._observer
        end_ns = observer.clock.time_ns()
        recorded = None
        is_video = self._call.variant in (None, "video")
        if self._job is not None and is_video:
            recorded = observer.record(
                self._call,
                JobSnapshot(provider_job_id=self._call.video_id, file=file),
                now_ns=end_ns,
                job=self._job,
                span=self._span,
                download=True,
            )
        self._finish(end_ns, recorded)

    def _finish(
        self, end_ns: int, recorded: Recorded | None, failure: Failure | None = None
    ) -> None:
        observer = self._observer
        job = recorded.job if recorded is not None else self._job
        error_type = None if failure is None else failure.error_type
        detail = None if failure is None else failure.detail
        observer.finish(self._span, end_ns, job=job, error_type=error_type, detail=detail)
        observer.tell(
            self._call,
            self._start_ns,
            end_ns,
            recorded=recorded,
            error_type=error_type,
            detail=detail,
        )
