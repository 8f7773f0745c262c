"""How each backend wants the attributes of a span: pure functions, one file each.

One dialect per receiver, never a union of all: a backend that reads two keys for the cost adds them
up, or takes the wrong one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vidobs import ConfigError
from vidobs_exporters.otlp.dialects.genai import genai
from vidobs_exporters.otlp.dialects.langfuse import langfuse
from vidobs_exporters.otlp.dialects.openinference import openinference
from vidobs_exporters.otlp.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs import Job, SpanRecord
    from vidobs_exporters.otlp.values import Values


class Dialect(NamedTuple):
    """What a kind of receiver wants: its attributes of spans, and the signals that it takes."""

    attributes: Callable[[Values, SpanRecord, Job], Values]
    signals: tuple[Signal, ...]


DIALECTS = {
    "genai": Dialect(genai, tuple(Signal)),
    "langfuse": Dialect(langfuse, (Signal.TRACES,)),
    "openinference": Dialect(openinference, (Signal.TRACES,)),
}


def dialect(exporter: str, name: object) -> Dialect:
    """Return a dialect by its name; raises `ConfigError` for one that is not known."""
    known = DIALECTS.get(name) if isinstance(name, str) else None
    if known is None:
        raise ConfigError(
            f"exporter {exporter!r}: unknown dialect {name!r}; known: {', '.join(DIALECTS)}"
        )
    return known
