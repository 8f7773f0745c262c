"""Take secrets, content and control characters out of text that somebody else wrote.

Error messages of providers, exception texts, unknown statuses and tags may quote an API key, a
signed URL, an uploaded picture or the prompt itself. Everything of that kind passes through here
before it can reach a span, a log line, an event or the ledger.
"""

from __future__ import annotations

import re

from vidobs.core.quotes import without
from vidobs.core.sensitive import SECRET, redacted

__all__ = ["LIMIT", "READ", "SECRET", "scrub", "scrub_error", "scrub_exception", "scrub_text"]

LIMIT = 2048  # characters kept of a message
READ = 65_536  # characters looked at; what is behind them is dropped unread

_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_CONTROL_IN_TEXT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def scrub(text: object, limit: int = LIMIT) -> str:
    """Return `text` in one safe line of at most `limit` characters.

    API keys, credentials of headers and URLs, URL queries, `data:` URIs and long base64 are
    replaced, control and bidirectional characters are written as escapes. Idempotent. What is
    neither text nor a number becomes the name of its type: a `repr()` can hold anything.
    """
    return _scrub(text, limit, _CONTROL)


def scrub_text(text: object, limit: int = LIMIT) -> str:
    """As `scrub`, for content of several lines: line feeds and tabs stay."""
    return _scrub(text, limit, _CONTROL_IN_TEXT)


def _scrub(text: object, limit: int, control: re.Pattern[str]) -> str:
    if not isinstance(text, str):
        text = str(text) if isinstance(text, int | float) else type(text).__name__
    if len(text) > READ:
        text = _head(text)
    if not text.isprintable():
        text = control.sub(_escaped, text)
    text = redacted(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _head(text: str) -> str:
    """The part that is looked at, cut between words so that no secret is cut in two."""
    kept = text[:READ]
    end = max(kept.rfind(" "), kept.rfind("\n"))
    return kept[:end] if end > 0 else f"[data: {len(text)} bytes]"


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] in "\t\n\r":
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[found[0]]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - as repr()


def scrub_exception(exc: BaseException, prompt: str | None = None, limit: int = LIMIT) -> str:
    """Return `Type: message` of an exception, without the prompt and scrubbed.

    Reads `args` only: an exception's own `__str__` is foreign code, and may hold anything.
    """
    said = [str(part) for part in exc.args if isinstance(part, str | int)]
    text = scrub_error(" ".join(said), prompt, limit)
    name = type(exc).__name__
    return f"{name}: {text}" if text else name


def scrub_error(message: object, prompt: str | None = None, limit: int = LIMIT) -> str:
    """Scrub a provider's message that may quote the prompt: what it quotes becomes `[prompt]`.

    Found are the whole prompt and every piece of 20 characters or more, in any case, plain or
    escaped as in JSON or `repr()`.
    """
    if prompt and isinstance(message, str):
        message = without(message if len(message) <= READ else _head(message), prompt)
    return scrub(message, limit)
