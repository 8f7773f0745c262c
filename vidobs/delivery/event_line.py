"""An event as one line for a terminal: what the console exporter and `vidobs tail` print."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from vidobs.core.events import EventName
from vidobs.core.money import CostStatus, plain
from vidobs.core.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job, VideoFile

_RESET = "\x1b[0m"
_DIM = "\x1b[2m"
_BOLD = "\x1b[1m"
_GREEN = "\x1b[32m"
_RED = "\x1b[31m"
_YELLOW = "\x1b[33m"
_BLUE = "\x1b[34m"
_CYAN = "\x1b[36m"

_LOOKS = {  # event: glyph, the same in ASCII, colour
    EventName.SUBMITTED: ("○", "o", _BLUE),
    EventName.STARTED: ("▶", ">", _CYAN),
    EventName.PROGRESS: ("·", ".", _CYAN),
    EventName.COMPLETED: ("✓", "+", _GREEN),
    EventName.FAILED: ("✗", "x", _RED),
    EventName.CANCELLED: ("■", "-", _YELLOW),
    EventName.EXPIRED: ("■", "-", _YELLOW),
    EventName.UNKNOWN: ("?", "?", _YELLOW),
    EventName.DOWNLOADED: ("↓", "v", _GREEN),
    EventName.MISMATCH: ("!", "!", _YELLOW),
    EventName.THUMBNAIL: ("▣", "#", _GREEN),
    EventName.EXPIRING: ("!", "!", _YELLOW),
    EventName.STUCK: ("!", "!", _YELLOW),
    EventName.CALL_FAILED: ("✗", "x", _RED),
    EventName.BUDGET_EXCEEDED: ("✗", "x", _RED),
    EventName.BUDGET_WARNING: ("!", "!", _YELLOW),
    EventName.GUARDRAIL_BLOCKED: ("✗", "x", _RED),
    EventName.GUARDRAIL_FLAGGED: ("!", "!", _YELLOW),
    EventName.GUARDRAIL_PASSED: ("✓", "+", _GREEN),
    EventName.EXPORTER_DOWN: ("!", "!", _YELLOW),
    EventName.EXPORTER_RECOVERED: ("✓", "+", _GREEN),
}
_UNLISTED = ("·", ".", _RESET)
_NAME_WIDTH = max(len(name) for name in EventName if name.startswith("video."))
_MODEL_WIDTH = 10
_SHORT = 8  # characters kept of an id
_TEXT = 200  # characters kept of an error message
_LEAST = 24  # to which a fact is cut where the terminal is narrow
_MB = 1_000_000


Part: TypeAlias = tuple[str, str]  # a text and its colour


class Spare(Enum):
    """When a fact is left out of a line that is too long."""

    NEVER = 0
    SECOND = 1
    FIRST = 2


class Fact(NamedTuple):
    """A short text about an event."""

    text: str
    colour: str = ""
    spare: Spare = Spare.NEVER


class EventLine:
    """Turns an event into a line, for one kind of terminal: with or without colours, or Unicode."""

    GLYPHS = "✓▶↓▣…"  # an encoding that can write these can write every glyph of a line

    def __init__(self, *, colour: bool, ascii_only: bool, width: int | None = None) -> None:
        """Make lines that may be of any length, or hold what fits `width` columns best."""
        self._colour = colour
        self._ascii = ascii_only
        self._width = width

    def of(self, event: VideoEvent) -> str:
        """Return the line, without its line break."""
        glyph, plain_glyph, colour = _LOOKS.get(event.name, _UNLISTED)
        job = event.job
        ours = safe(job.job_id[-_SHORT:])
        head = [
            (f"{event.at.astimezone():%H:%M:%S}", _DIM),
            (plain_glyph if self._ascii else glyph, colour),
            (event.name.value.ljust(_NAME_WIDTH), _BOLD + colour),
            (safe(job.model or job.served_model or "-").ljust(_MODEL_WIDTH), ""),
            (ours + self._theirs(job), ""),
        ]
        facts = list(facts_of(event))
        if self._width is not None and self._over(head, facts, self._width) > 0:
            head[-1] = (ours, "")
            facts = self._fitting(head, facts, self._width)
        return " ".join(self._paint(*part) for part in head) + "  " + self._joined(facts)

    def _theirs(self, job: Job) -> str:
        if job.provider_job_id is None:
            return ""
        return safe(f"/{short(job.provider_job_id, self._ellipsis)}")

    def _fitting(self, head: Sequence[Part], facts: list[Fact], width: int) -> list[Fact]:
        """Return what fits: what can be spared goes, then the first fact is cut."""
        for spared in (Spare.FIRST, Spare.SECOND):
            if self._over(head, facts, width) > 0:
                facts = [fact for fact in facts if fact.spare is not spared]
        over = self._over(head, facts, width)
        if over <= 0 or not facts:
            return facts
        first, *others = facts
        size = max(_LEAST, len(first.text) - over - len(self._ellipsis))
        if size < len(first.text):
            first = first._replace(text=first.text[:size] + self._ellipsis)
        return [first, *others]

    def _over(self, head: Sequence[Part], facts: Sequence[Fact], width: int) -> int:
        """Return how many characters too many a line has."""
        told = self._between.join(fact.text for fact in facts)
        return len(" ".join(text for text, _ in head)) + 2 + len(told) - width

    def _joined(self, facts: Sequence[Fact]) -> str:
        between = self._paint(self._between, "" if self._ascii else _DIM)
        return between.join(self._paint(fact.text, fact.colour) for fact in facts)

    @property
    def _between(self) -> str:
        return ", " if self._ascii else " · "

    @property
    def _ellipsis(self) -> str:
        return ".." if self._ascii else "…"

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colour and colour else text


def facts_of(event: VideoEvent) -> Iterator[Fact]:
    """Yield what is worth reading of an event."""
    job = event.job
    if event.name is EventName.SUBMITTED and (asked := asked_for(job)):
        yield Fact(asked)
    if event.name is EventName.PROGRESS and job.progress is not None:
        yield Fact(f"{job.progress} %")
    if event.name is EventName.DOWNLOADED and job.file is not None:
        yield from _file(job.file)
    if event.name is EventName.THUMBNAIL and job.file is not None and job.file.thumbnail:
        yield Fact(safe(job.file.thumbnail))
    if event.name is EventName.EXPIRING and job.expires_at is not None:
        yield Fact(f"gone in {(job.expires_at - event.at).total_seconds() / 60:.0f} min", _YELLOW)
    if job.queue_s is not None and event.name is not EventName.PROGRESS:
        yield Fact(f"queue {job.queue_s:.1f}s", spare=Spare.SECOND)
    if job.render_s is not None:
        yield Fact(f"render {job.render_s:.1f}s", spare=Spare.SECOND)
    if job.reason is not None or job.error is not None or event.detail:
        yield Fact(failure_of(event), _RED)
    if cost := cost_of(job):
        yield Fact(cost, _GREEN if job.cost.status is CostStatus.SETTLED else "")
    yield Fact(f"trace {safe(event.trace_id)[:_SHORT]}", _DIM, Spare.FIRST)


def asked_for(job: Job) -> str:
    """Say how long and how large a video was asked for."""
    request = job.request
    length = None if request.seconds is None else f"{request.seconds.normalize():f}s"
    return safe(" ".join(part for part in (length, request.size) if part))


def failure_of(event: VideoEvent) -> str:
    """Say why: the reason, and the message of the provider or of the call that raised."""
    job = event.job
    said = job.error and (job.error.message or job.error.code)
    parts = [part for part in (job.reason and job.reason.value, said) if part]
    if event.detail:
        parts = [event.detail]
    text = safe(": ".join(parts))
    return text if len(text) <= _TEXT else text[: _TEXT - 3] + "..."


def cost_of(job: Job) -> str:
    """Say what a job costs, as far as that is known."""
    cost = job.cost
    if cost.usd is not None:
        figure = f"${plain(cost.usd)} {cost.status.value}"
    elif cost.possible_usd is None and not job.state.terminal:
        return ""
    else:
        figure = "cost unknown"
    if cost.possible_usd:
        figure += f" (possibly ${plain(cost.possible_usd)})"
    return figure


def _file(file: VideoFile) -> Iterator[Fact]:
    if file.size_bytes is not None:
        yield Fact(f"{file.size_bytes / _MB:.1f} MB")
    if not file.complete:
        yield Fact("incomplete", _RED)


def short(identifier: str, ellipsis: str) -> str:
    """Keep the prefix and the end of a long id: ids of one minute begin alike."""
    prefix, underscore, rest = identifier.rpartition("_")
    if len(rest) <= 2 * _SHORT:
        return identifier
    return f"{prefix}{underscore}{ellipsis}{rest[-_SHORT:]}"


def safe(text: str) -> str:
    """Write everything that could move the cursor or hide text as an escape; no secret stays."""
    text = scrub(text)
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
