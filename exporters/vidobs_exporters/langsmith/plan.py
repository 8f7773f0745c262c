"""What is to be done for a batch of events, given what LangSmith already has. Pure.

The run of a job is made by `post` when the job is submitted, and ended by `patch` when it ends.
LangSmith takes each of the two once per run and answers 409 to a second
(https://github.com/langchain-ai/langsmith-sdk/issues/1529). It documents neither what becomes of a
`patch` whose `post` it never had, nor what of the new operations in a request that repeats an old
one. And the `post` may be missing: a filter kept it back, the job was created elsewhere, another
process was to send it and died. So:

- Every `post` and `patch` of a job's run carries all that is known by then.
- The end is a `patch` where this very process saw the `post` accepted. Otherwise it is one whole
  `post`, sent alone so that its answer is its own: 409 means that the run was there, and the
  exporter sends the same as a `patch`.
- A job submitted and ended in one batch is one whole `post`, by the same rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs import EventName
from vidobs_exporters._ids import job_uuid
from vidobs_exporters.langsmith import wire
from vidobs_exporters.langsmith.run import Operation, Verb
from vidobs_exporters.langsmith.tree import child_runs, root_run

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence
    from uuid import UUID

    from vidobs import Job, VideoEvent
    from vidobs_exporters.langsmith.run import Run

MOST_OPERATIONS = 100
MOST_BYTES = 18 * 1024 * 1024  # LangSmith takes 20 MiB

_BEGINNINGS = frozenset({EventName.SUBMITTED, EventName.UNKNOWN})
_OF_NO_JOB = frozenset({EventName.EXPORTER_DOWN, EventName.EXPORTER_RECOVERED})


def plan(
    batch: Sequence[VideoEvent],
    *,
    project: str,
    made: Container[UUID],
    picture: Callable[[Job], bytes | None],
) -> list[Operation]:
    """Return the operations for a batch, in the order of its events.

    `made` are the runs of jobs that LangSmith is known to have, and that have not ended.
    """
    last = _last_words(batch)
    told: set[UUID] = set()
    out: list[Operation] = []
    for place, event in enumerate(batch):
        if event.name in _OF_NO_JOB:
            continue
        run_id = job_uuid(event.job)
        root = root_run(last[run_id].job, project, last[run_id].at)
        if run_id not in told and (event.name in _BEGINNINGS or event.name.terminal):
            told.add(run_id)
            out.append(_of_job(root, event, place, made))
        shown = picture(event.job) if event.name is EventName.THUMBNAIL else None
        children = child_runs(event, root.core, shown)
        out += [Operation(verb=Verb.POST, run=child, event=place) for child in children]
    return _once_each(out)


def requests(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Yield operations in as few requests as LangSmith's limits allow."""
    held: list[Operation] = []
    held_bytes = 0
    for operation in operations:
        size = wire.size_bytes(operation)
        full = len(held) == MOST_OPERATIONS or held_bytes + size > MOST_BYTES
        if held and (full or operation.alone or held[-1].alone):
            yield held
            held, held_bytes = [], 0
        held.append(operation)
        held_bytes += size
    if held:
        yield held


def _of_job(root: Run, event: VideoEvent, place: int, made: Container[UUID]) -> Operation:
    """Return what is done with the run of a job at the first event that begins or ends it."""
    ends = root.core.end_time is not None
    if ends and event.name.terminal and root.core.id in made:
        return Operation(verb=Verb.PATCH, run=root, event=place, root=True)
    return Operation(verb=Verb.POST, run=root, event=place, root=True, alone=ends)


def _last_words(batch: Sequence[VideoEvent]) -> dict[UUID, VideoEvent]:
    """Return the event that knows most of each job: the last, but none from before its end."""
    last: dict[UUID, VideoEvent] = {}
    for event in batch:
        run_id = job_uuid(event.job)
        before = last.get(run_id)
        if before is None or event.job.state.terminal or not before.job.state.terminal:
            last[run_id] = event
    return last


def _once_each(operations: Sequence[Operation]) -> list[Operation]:
    """Keep one operation for each run: a span may stand in several events, and the last wins."""
    last = {one.run.core.id: one.run for one in operations}
    first: dict[UUID, Operation] = {}
    for one in operations:
        first.setdefault(one.run.core.id, one)
    return [msgspec.structs.replace(one, run=last[run_id]) for run_id, one in first.items()]
