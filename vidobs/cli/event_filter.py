"""Which events `vidobs tail` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.events import EventName, matches
from vidobs.core.jobs import JobState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vidobs.core.events import VideoEvent


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What an event and its job must be; `None` or nothing: anything will do."""

    names: frozenset[EventName] | None = None
    model: str | None = None
    provider: str | None = None
    state: JobState | None = None
    user: str | None = None
    tags: tuple[tuple[str, str], ...] = ()  # all of them

    def fits(self, event: VideoEvent) -> bool:
        """Tell whether an event is wanted."""
        job = event.job
        return (
            (self.names is None or event.name in self.names)
            and self.model in (None, job.model, job.served_model)
            and self.provider in (None, job.provider)
            and self.state in (None, job.state)
            and self.user in (None, job.user)
            and all(job.tags.get(name) == value for name, value in self.tags)
        )


def names_of(patterns: Iterable[str]) -> frozenset[EventName] | None:
    """Return the events that fit any of the patterns; `None` without a pattern.

    Raises:
        ConfigError: a pattern fits no event that there is.
    """
    known = [name.value for name in EventName]
    found: set[EventName] = set()
    for pattern in patterns:
        fitting = {name for name in EventName if matches(pattern, name)}
        if not fitting:
            raise ConfigError(f"--event: {unknown_name('event', pattern, known)}")
        found |= fitting
    return frozenset(found) or None


def tags_of(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Read tags of the form `name=value`.

    Raises:
        ConfigError: one has another form.
    """
    tags = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ConfigError(f"--tag: got {text!r}; write it like team=film")
        tags.append((name, value))
    return tuple(tags)
