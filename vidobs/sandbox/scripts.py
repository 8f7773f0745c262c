"""A job whose states somebody wrote down, one after another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vidobs.sandbox.jobs import NS, Course, Failure, State, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDS = (Status.COMPLETED, Status.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One state of a job and how long it lasts; `None` is for ever, and stands at the last one.

    Without `progress` a job that is in progress moves evenly from 0 to 99 while the step lasts.
    """

    status: Status
    for_s: float | None = None
    progress: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A plan that follows steps; any order of states may be scripted, also one that cannot be."""

    steps: tuple[Step, ...]
    kept_s: float

    def scaled(self, time_scale: float) -> Script:
        """Return the script with every duration multiplied."""
        steps = tuple(
            step if step.for_s is None else replace(step, for_s=step.for_s * time_scale)
            for step in self.steps
        )
        return Script(steps=steps, kept_s=self.kept_s * time_scale)

    @property
    def failure(self) -> Failure | None:
        """Why the job fails, `None` when it does not."""
        return next((step.failure for step in self.steps if step.failure), None)

    def state(self, created_ns: int, now_ns: int) -> State:
        """Return where the job stands at a time."""
        before = 0
        for step, start_ns, end_ns in self._spans(created_ns):
            if end_ns is None or now_ns < end_ns:
                return self._state(step, start_ns, end_ns, now_ns=now_ns, before=before)
            before = _progress_at_end(step, before)
        raise AssertionError("the last step has no end")

    def end(self, created_ns: int) -> tuple[int, Status] | None:
        """Return when the job completes or fails, and which; `None` when it never does."""
        spans = self._spans(created_ns)
        return next(
            ((start, step.status) for step, start, _ in spans if step.status in _ENDS), None
        )

    def _spans(self, created_ns: int) -> Iterator[tuple[Step, int, int | None]]:
        """Return each step with its start and its end."""
        start_ns = created_ns
        for step in self.steps:
            end_ns = None if step.for_s is None else start_ns + round(step.for_s * NS)
            yield step, start_ns, end_ns
            start_ns = start_ns if end_ns is None else end_ns

    def _state(
        self, step: Step, start_ns: int, end_ns: int | None, *, now_ns: int, before: int
    ) -> State:
        progress = step.progress
        if progress is None and step.status is Status.IN_PROGRESS:
            whole_ns = (end_ns or start_ns) - start_ns
            progress = 100 * max(0, now_ns - start_ns) // whole_ns if whole_ns else 0
        if progress is None:
            progress = _progress_at_end(step, before)
        if step.status is not Status.COMPLETED:
            return State(status=step.status, progress=progress)
        return State(
            status=step.status,
            progress=progress,
            completed_ns=start_ns,
            expires_ns=start_ns + round(self.kept_s * NS),
        )


def _progress_at_end(step: Step, before: int) -> int:
    if step.progress is not None:
        return step.progress
    return {Status.QUEUED: 0, Status.IN_PROGRESS: 99, Status.COMPLETED: 100}.get(
        step.status, before
    )


def usual_steps() -> tuple[Step, ...]:
    """Return the steps of a job that nobody scripted."""
    usual = Course()
    return (
        Step(status=Status.QUEUED, for_s=usual.queued_s),
        Step(status=Status.IN_PROGRESS, for_s=usual.rendering_s),
        Step(status=Status.COMPLETED),
    )
