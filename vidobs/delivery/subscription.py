"""What stands between the relay and an exporter that does not want every event as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.core.content import lowered
from vidobs.core.errors import ExportError
from vidobs.core.events import VideoEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.core.protocols import Exporter
    from vidobs.delivery.options import Choices, Processor


class SubscribedExporter:
    """An exporter that gets some events, in the form that was chosen for it.

    In everything else it is the exporter itself. Processors run at each try, and what one raises is
    a failure of the batch: nothing goes out unprocessed.
    """

    def __init__(self, exporter: Exporter, choices: Choices) -> None:
        self.name = exporter.name
        self.durable = exporter.durable
        self.passed_over = 0  # events that it did not want, or a processor took out
        self._exporter = exporter
        self._choices = choices

    def __getattr__(self, name: str) -> object:
        """Find the exporter's own members, such as `check` and `max_batch`."""
        value: object = getattr(self._exporter, name)
        return value

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Hand on what is wanted of a batch, if anything."""
        made = [(place, self._made(event)) for place, event in enumerate(batch, start=1)]
        kept = [(place, event) for place, event in made if event is not None]
        if kept:
            try:
                self._exporter.export([event for _, event in kept])
            except ExportError as error:
                arrived = min(error.delivered, len(kept))
                error.delivered = kept[arrived - 1][0] if arrived > 0 else 0
                self.passed_over += error.delivered - max(arrived, 0)
                raise
        self.passed_over += len(batch) - len(kept)

    def close(self) -> None:
        """Close the exporter."""
        self._exporter.close()

    def _made(self, event: VideoEvent) -> VideoEvent | None:
        """What the exporter is to see of an event; `None` for nothing."""
        if not self._choices.selection.wants(event):
            return None
        made: VideoEvent | None = lowered(event, self._choices.capture)
        for processor in self._choices.processors:
            if made is not None:
                made = self._processed(made, processor)
        return made

    def _processed(self, event: VideoEvent, processor: Processor) -> VideoEvent | None:
        made = processor.function(event)
        if made is None:
            return None
        if not isinstance(made, VideoEvent):
            raise self._wrong(processor, f"returned {type(made).__name__}")
        if made.id != event.id:
            raise self._wrong(processor, "changed the id, by which receivers know an event again")
        return made

    def _wrong(self, processor: Processor, what: str) -> ExportError:
        return ExportError(
            f"exporter {self.name!r}: processor {processor.name} {what}; return the event, a copy "
            "made by msgspec.structs.replace(), or None to leave it out",
            retryable=None,
        )
