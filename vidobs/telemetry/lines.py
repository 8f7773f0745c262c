"""Log lines: vidobs' own structlog chain, ending in the standard library's logger `vidobs`.

structlog is used without being configured, so the application's own configuration is neither
touched nor followed. The message is logfmt for people, `record.vidobs` the same fields for a
formatter. Control and bidirectional characters are escaped: a provider's text cannot forge a line.
"""

from __future__ import annotations

import logging
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vidobs.core.names import LOG_EXTRA, SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from structlog.stdlib import BoundLogger

    from vidobs.telemetry.attributes import Attributes

# Controls (C0, DEL, C1), invisible and bidirectional formatting, line separators, lone surrogates,
# interlinear annotations and the tag characters.
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    r"\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_QUOTED = re.compile(r'[\s"=]')
_KEY = re.compile(r'[\s"=\\]')
_BMP = 0xFFFF


class Lines:
    """Writes log lines to a standard library logger."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger(SCOPE)
        if not self._logger.handlers:
            self._logger.addHandler(logging.NullHandler())

    def enabled(self, level: int) -> bool:
        """Tell whether a line of this level would go anywhere."""
        return self._logger.isEnabledFor(level)

    def write(self, level: int, name: str, fields: Callable[[], Attributes]) -> None:
        """Write one line; the fields are made only when it goes somewhere."""
        if self._logger.isEnabledFor(level):
            self._log.log(level, name, **fields())

    def leads_to_otel(self) -> bool:
        """Tell whether a handler on the way already turns lines into OpenTelemetry log records."""
        logger: logging.Logger | None = self._logger
        while logger is not None:
            if any(map(_is_otel, logger.handlers)):
                return True
            logger = logger.parent if logger.propagate else None
        return False

    @cached_property
    def _log(self) -> BoundLogger:
        """Make the chain, at the first line that goes anywhere: structlog is large."""
        import structlog

        made: BoundLogger = structlog.wrap_logger(
            self._logger,
            processors=[escape_fields, to_stdlib],
            wrapper_class=structlog.stdlib.BoundLogger,
            context_class=dict,
            cache_logger_on_first_use=True,
        ).bind()
        return made


def escape_fields(
    _logger: object, _method: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Escape every text in the fields, and make every key one word."""
    return {
        _KEY.sub("_", escape(key)): escape(value) if isinstance(value, str) else value
        for key, value in fields.items()
    }


def to_stdlib(
    _logger: object, _method: str, fields: MutableMapping[str, Any]
) -> tuple[tuple[str], dict[str, Any]]:
    """Turn the fields into the message and the `extra` of a standard library record."""
    name = fields.pop("event")
    message = " ".join([name, *(f"{key}={_value(value)}" for key, value in fields.items())])
    return (message,), {"extra": {LOG_EXTRA: {"event": name, **fields}}}


def escape(text: str) -> str:
    r"""Return a text that stays on its line and reads in one direction.

    >>> print(escape("ok\n2026-01-01 forged"))
    ok\n2026-01-01 forged
    """
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    char = match.group()
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if short is not None:
        return short
    code = ord(char)
    return f"\\U{code:08x}" if code > _BMP else f"\\u{code:04x}"


def _value(value: object) -> str:
    """Return a logfmt value, quoted where it has to be."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if text and not _QUOTED.search(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_otel(handler: logging.Handler) -> bool:
    """Tell OpenTelemetry's handlers, the SDK's and the contributed one, without importing them."""
    return any(
        kind.__name__ == "LoggingHandler" and kind.__module__.startswith("opentelemetry.")
        for kind in type(handler).__mro__
    )
