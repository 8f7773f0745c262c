"""Watches a download: it ends when the last byte was read, by whoever reads it."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from vidobs.core.delivered import Transfer
from vidobs.core.jobs import JobSnapshot, JobState, VideoFile
from vidobs.core.mp4 import Mp4Reader, VideoProbe
from vidobs.ledger.codec import moment
from vidobs.observer.sought import SoughtJob

if TYPE_CHECKING:
    from vidobs.core.calls import VideoCall
    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Recorded
    from vidobs.media.spool import Spool
    from vidobs.observer.observer import Observer
    from vidobs.observer.outcome import Failure


_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")  # of Content-Range, RFC 9110
_NOTHING = VideoProbe()


class Download:
    """A download under way. Feed it every chunk, then `end` it once; later calls do nothing."""

    __slots__ = (
        "_call", "_digest", "_expected", "_first_ns", "_observer", "_open", "_packed", "_part",
        "_reader", "_size", "_sought", "_span", "_spool", "_start_ns",
    )  # fmt: skip

    def __init__(self, observer: Observer, call: VideoCall) -> None:
        self._observer = observer
        self._call = call
        self._start_ns = observer.clock.time_ns()
        self._sought: SoughtJob | None = None
        job = None
        if call.video_id is not None:
            self._sought = SoughtJob(observer.backlog, call.provider, call.video_id)
            job = self._sought.look()
        self._span = observer.open(
            call,
            start_ns=self._start_ns,
            job_id=job.job_id if job is not None else None,
            origin=job.trace if job is not None else None,
            origin_ns=int(job.created_at.timestamp() * 1e9) if job is not None else None,
            attach=True,
        )
        self._digest = hashlib.sha256()
        self._reader = Mp4Reader() if self._is_video else None
        self._size = 0
        self._first_ns: int | None = None
        self._expected: int | None = None
        self._part: str | None = None
        self._packed = False
        self._spool: Spool | None = None
        self._open = True

    @property
    def video_id(self) -> str | None:
        """The provider's id of the video."""
        return self._call.video_id

    @property
    def overdue(self) -> bool:
        """Whether the provider said that the file would be gone by now."""
        job = self._job
        if job is None or job.expires_at is None:
            return False
        return moment(self._observer.clock.time_ns() // 1000) >= job.expires_at

    def detach(self) -> None:
        """Stop being the current span; in the context that began it."""
        self._span.detach()

    def expect(self, size_bytes: int | None) -> None:
        """Say how many bytes were announced."""
        self._expected = size_bytes

    def part(self, content_range: str) -> None:
        """Say which part of the file was sent: it is complete only where it is all of it."""
        found = _RANGE.fullmatch(content_range)
        if found is None:
            self._part = "unknown"
        elif int(found[1]) or int(found[2]) + 1 != int(found[3].replace("*", "0")):
            self._part = f"{found[1]}-{found[2]}/{found[3]}"

    def packed(self) -> None:
        """Say that the body is compressed on the way: its bytes are not those of the file."""
        self._packed = True

    def feed(self, chunk: bytes, *, stream: bool = True) -> None:
        """Count a chunk on its way to the reader; not `stream`: all that was read long ago."""
        if self._first_ns is None and stream:
            self._first_ns = self._observer.clock.time_ns()
        if not self._size and chunk:
            self._spool = self._begin_to_keep()
        if self._spool is not None:
            self._spool.write(chunk)
        self._size += len(chunk)
        self._digest.update(chunk)
        if self._reader is not None:
            self._reader.feed(chunk)

    def checksum(self, size_bytes: int) -> str | None:
        """Return the SHA-256 of what passed by, if it was so many bytes as they are in the file."""
        if self._packed or self._size != size_bytes:
            return None
        return self._digest.hexdigest()

    def end(self, *, exhausted: bool) -> None:
        """Record what was read. `exhausted`: the stream came to its end."""
        if not self._open:
            return
        self._open = False
        if self._expected is not None:
            complete = self._size >= self._expected
        else:
            complete = exhausted and not (self._reader is not None and self._reader.cut)
        self._record(self._file(complete=complete and self._part is None))

    def unseen(self) -> None:
        """Record a download whose bytes nobody could count."""
        if self._open:
            self._open = False
            self._finish(self._observer.clock.time_ns(), None)
            self._keep(None)

    def fail(self, failure: Failure) -> None:
        """Record that the request, or reading the answer, raised."""
        if not self._open:
            return
        self._open = False
        observer = self._observer
        end_ns = observer.clock.time_ns()
        recorded, file = None, None
        if self._size:
            file = self._file(complete=False)
            self._note(file, end_ns)
        if self._sought is not None:
            recorded = observer.record(
                self._call,
                self._after(failure, file if self._is_video else None),
                now_ns=end_ns,
                job=self._job,
                span=self._span,
                download=file is not None and self._is_video,
                failure=failure,
            )
        self._finish(end_ns, recorded, failure)
        self._keep(None)

    def _after(self, failure: Failure, file: VideoFile | None) -> JobSnapshot:
        """What a download that raised says of the job: what was read, and whether it is gone."""
        said = failure.snapshot if self._is_video else None
        return JobSnapshot(
            provider_job_id=self._call.video_id,
            file=file,
            asset=None if said is None else said.asset,
        )

    @property
    def _job(self) -> Job | None:
        """The job, if this process knows it by now; the ledger may know it all the same."""
        return None if self._sought is None else self._sought.job

    @property
    def _is_video(self) -> bool:
        return self._call.variant in (None, "video")

    def _file(self, *, complete: bool) -> VideoFile:
        """What was read; only a whole file is probed, and has a checksum."""
        reader = self._reader
        said = reader.probe if reader is not None and complete else None
        said = said or _NOTHING
        return VideoFile(
            size_bytes=self._size,
            sha256=self._digest.hexdigest() if complete and not self._packed else None,
            seconds=said.seconds,
            size=said.size,
            complete=complete,
            fps=said.fps,
            audio=said.audio,
            codec=said.codec,
        )

    def _note(self, file: VideoFile, end_ns: int) -> None:
        """Let the span say how it went."""
        first_ns, took_ns = self._first_ns, end_ns - self._start_ns
        transfer = Transfer(
            file=file,
            first_byte_s=None if first_ns is None else max(0, first_ns - self._start_ns) / 1e9,
            bytes_per_s=self._size * 1e9 / took_ns if self._size and took_ns > 0 else None,
            part=self._part,
        )
        self._observer.guard.run("span end", self._span.note, transfer)

    def _record(self, file: VideoFile) -> None:
        observer = self._observer
        end_ns = observer.clock.time_ns()
        recorded = None
        self._note(file, end_ns)
        if self._is_video and self._sought is not None:
            recorded = observer.record(
                self._call,
                JobSnapshot(
                    provider_job_id=self._call.video_id, file=file, state=_state_shown_by(file)
                ),
                now_ns=end_ns,
                job=self._job,
                span=self._span,
                download=True,
            )
        self._finish(end_ns, recorded)
        self._keep(file)

    def _begin_to_keep(self) -> Spool | None:
        """Open a file for the bytes, where the policy asks for it and they are a whole video."""
        keeper, sought = self._observer.keeper, self._sought
        whole = self._is_video and self._part is None and not self._packed
        if keeper is None or sought is None or sought.foreign or not whole:
            return None
        spool = keeper.spool()
        if spool is not None:
            spool.expect(self._expected)
        return spool

    def _keep(self, file: VideoFile | None) -> None:
        """Hand a video over to be kept, or drop what is not a whole one."""
        spool, self._spool = self._spool, None
        keeper, sought, reader = self._observer.keeper, self._sought, self._reader
        if spool is None or keeper is None or sought is None or reader is None:
            return
        if file is not None and file.complete and reader.probe is not None:
            keeper.take(spool, sought)
        else:
            spool.drop()

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


def _state_shown_by(file: VideoFile) -> JobState | None:
    """A whole video shows that its job is completed, also to one who never asked for the status."""
    return JobState.COMPLETED if file.complete and file.seconds is not None else None
