"""docs/events.md, metrics.md and attributes.md, made from the code.

`for page in events metrics attributes; do python -m vidobs.telemetry.reference $page >
docs/$page.md; done`
"""

from __future__ import annotations

import ast
import inspect
import logging
import sys
from typing import TYPE_CHECKING, NamedTuple

from vidobs.core import events as events_module
from vidobs.core import names
from vidobs.core.events import EventName
from vidobs.telemetry.deliveries import COUNTED, OBSERVED
from vidobs.telemetry.exposition import series_name
from vidobs.telemetry.fields import level_of
from vidobs.telemetry.kept import KEPT
from vidobs.telemetry.measurements import INSTRUMENTS
from vidobs.telemetry.metrics import MAX_VALUES, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

# Named, so that nobody else takes the name; not emitted by this version.
RESERVED = frozenset({EventName.BUDGET_WARNING})
NO_JOB = frozenset({EventName.EXPORTER_DOWN, EventName.EXPORTER_RECOVERED})

_MADE = (
    "<!-- Made by `python -m vidobs.telemetry.reference {page} > docs/{page}.md`; do not edit. -->"
)

_EVENTS = f"""\
# Events

{_MADE.format(page="events")}

An event is a frozen record, `vidobs.VideoEvent`: `id`, `name`, `at`, the `job` as it then stood,
the `spans` that led to it, and `detail`, the type and scrubbed text of what a call raised. Its `id`
is the same at every exporter and on every retry. `vidobs.event_to_json(event)` writes it as JSON.

`vidobs.on(pattern)` takes a name, a family such as `video.*`, or `*`. A job has at most one of the
events marked *terminal*, whoever sees it end and however often.

| event | when | log level |
|---|---|---|
"""

_METRICS = f"""\
# Metrics

{_MADE.format(page="metrics")}

Recorded as things happen, through the OpenTelemetry meter provider that is set up, and never
derived from spans, which may be sampled away. All carry `{names.PROVIDER_NAME}` and, where it is
known, `{names.REQUEST_MODEL}`; durations of jobs also `{names.JOB_STATE}`, cost also
`{names.COST_BASIS}`, `{names.METRIC_JOBS}` also `{names.EVENT_NAME}` and `{names.JOB_REASON}`,
calls also `{names.OPERATION_NAME}` and `{names.ERROR_TYPE}`. Those about vidobs itself carry
`{names.GUARD_WHERE}` or `{names.LOST_REASON}` alone. No metric carries ids, users, tags, prompts
or keys; behind the first {MAX_VALUES} models a model is `{OTHER}`.

`vidobs.exporter.*` carry `{names.EXPORTER_ID}`, an id of the configuration, and, where there is
one, `{names.EXPORTER_REASON}`: the class of an error, or why events were dropped. Queue and lag are
of the ledger, so every process that shares it shows the same: take the largest, do not add them up.

The exporter `otlp` sends the same metrics as far as events tell of them, see
[exporters/otlp.md](exporters/otlp.md#metrics). `vidobs.metrics_app()` shows them to Prometheus,
under the names of the last column and with underscores in the names of labels. `/metrics` of
`vidobs ui` shows what a ledger tells of them, for all processes that share it: no calls, no polls;
and `vidobs.ledger.*` and `{names.METRIC_EXPORTER_LETTERS}`, which no process has.

| metric | kind | unit | what it measures | for Prometheus |
|---|---|---|---|---|
"""

_ATTRIBUTES = f"""\
# Attributes

{_MADE.format(page="attributes")}

What spans, log records and log lines say. `gen_ai.*` follows the
[OpenTelemetry GenAI conventions](https://github.com/open-telemetry/semantic-conventions-genai);
there is none for video or cost yet, so those are under `vidobs.*`. What is unknown is left out.
Amounts are floats in attributes and exact decimal text in log lines; durations are seconds.

A log line goes to the standard library's logger `vidobs`; its fields, under the short names, are in
`record.vidobs`, with `{names.LOG_TRACE_ID}`, `{names.LOG_SPAN_ID}` and `{names.LOG_TAG_PREFIX}KEY`.

| attribute | in log lines | what it is |
|---|---|---|
"""


class Commented(NamedTuple):
    """A name that is assigned in a source file, and the comment behind it."""

    name: str
    comment: str


def events() -> str:
    """Return docs/events.md."""
    return _EVENTS + "".join(_event_row(name, comment) for name, comment in _events())


def metrics() -> str:
    """Return docs/metrics.md."""
    return _METRICS + "".join(
        f"| `{one.name}` | {one.kind} | `{one.unit}` | {one.description} | `{series_name(one)}` |\n"
        for one in (*INSTRUMENTS, *COUNTED, *OBSERVED, *KEPT)
    )


def attributes() -> str:
    """Return docs/attributes.md."""
    rows = (
        f"| `{value}` | {_code(names.LOG_FIELD_OF.get(value))} | {comment} |\n"
        for value, comment in described_attributes()
    )
    return _ATTRIBUTES + "".join(rows)


def described_attributes() -> list[tuple[str, str]]:
    """Return every attribute of `vidobs.core.names` with its comment."""
    section = inspect.getsource(names).partition("# -- event names of log records")[0]
    known = _assigned(section)
    return [(str(getattr(names, one.name)), one.comment) for one in known if _is_attribute(one)]


def _is_attribute(one: Commented) -> bool:
    return one.name not in ("SCHEMA_URL", "SCOPE")


def _events() -> Iterator[tuple[EventName, str]]:
    for one in _assigned(_class_source(events_module, EventName.__name__)):
        if one.name in EventName.__members__:
            yield EventName[one.name], one.comment


def _event_row(name: EventName, comment: str) -> str:
    marks = [", *terminal*"] if name.terminal else []
    marks += [" (reserved: not emitted yet)"] if name in RESERVED else []
    marks += [" (of no job: a log line and a log record only)"] if name in NO_JOB else []
    level = logging.getLevelName(level_of(name)).lower()
    return f"| `{name.value}` | {comment}{''.join(marks)} | {level} |\n"


def _class_source(module: ModuleType, name: str) -> str:
    return inspect.getsource(getattr(module, name))


def _assigned(source: str) -> Iterator[Commented]:
    """Every `NAME = "text"  # comment` of a source, in order."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            end = node.end_lineno or node.lineno
            comment = lines[end - 1][node.end_col_offset :].strip().removeprefix("#").strip()
            yield Commented(node.targets[0].id, comment)


def _code(text: str | None) -> str:
    return f"`{text}`" if text else "-"


PAGES = {"events": events, "metrics": metrics, "attributes": attributes}

if __name__ == "__main__":
    sys.stdout.write(PAGES[sys.argv[1]]())
