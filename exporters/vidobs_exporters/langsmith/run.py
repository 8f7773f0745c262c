"""A run as LangSmith takes it, and what is done with it. Field names are those of its API."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

import msgspec


class Core(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The fields that find a run and place it in its trace."""

    id: UUID
    trace_id: UUID  # the id of the root
    dotted_order: str  # start and id of each run from the root to this one
    session_name: str  # the project
    name: str
    run_type: str
    start_time: str
    parent_run_id: UUID | None = None
    end_time: str | None = None
    tags: list[str] | None = None


class Attachment(msgspec.Struct, frozen=True):
    """A file beside a run. Its name has no dot: what is behind one would be another field."""

    name: str
    content_type: str
    content: bytes


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run, in the parts that LangSmith stores apart. `None` is a part that is not sent."""

    core: Core
    inputs: dict[str, object]
    outputs: dict[str, object] | None = None
    events: list[dict[str, object]] | None = None
    extra: dict[str, object]
    error: str | None = None
    attachments: tuple[Attachment, ...] = ()


class Verb(StrEnum):
    """What is done with a run. LangSmith takes each once per run."""

    POST = "post"  # make it
    PATCH = "patch"  # end it


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing done with one run, for the event at this place of the batch."""

    verb: Verb
    run: Run
    event: int
    root: bool = False  # the run of the job, not of a call
    alone: bool = False  # its answer must not be mixed with that of others

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.run.core.end_time is not None
