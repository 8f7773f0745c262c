"""Take secrets, content and control characters out of text that somebody else wrote.

Error messages of providers, exception texts, unknown statuses and tags may quote an API key, a
signed URL, an uploaded picture or the prompt itself. Everything of that kind passes through here
before it can reach a span, a log line, an event or the ledger.
"""

from __future__ import annotations

import re

from vidobs.core.quotes import without

LIMIT = 2048  # characters kept of a message
READ = 65_536  # characters looked at; what is behind them is dropped unread
SECRET = "[secret]"  # noqa: S105 - what stands where a secret was

# Texts arrive quoted by JSON or by repr(), so an escape such as \n or \u0026 may touch a secret:
# the edge says "a word starts here" in spite of it.
_AFTER_ESCAPE = (
    r"(?<=\\[nrtbf])|(?<=\\x[0-9a-fA-F]{2})|(?<=\\u[0-9a-fA-F]{4})|(?<=\\U[0-9a-fA-F]{8})"
)
_EDGE = rf"(?:(?<![A-Za-z0-9])|{_AFTER_ESCAPE})"
_GAP = r"(?:\s|\\[nrt])"

_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_CONTROL_IN_TEXT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
# Every secret that is looked for has one of these in it, in lower case.
# fmt: off
_SUSPICIOUS = (
    "://", ":\\/", "data:", "\\x", "bearer", "basic", "authoriz", "cookie", "key", "token",
    "secret", "passw", "sig", "credential", "eyj", "sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "gk-",
    "gk_", "lsv2_", "aiza", "ya29", "akia", "asia", "whsec_", "hf_", "r8_", "xai-", "xox", "glpat",
    "gho_", "ghp_", "ghs_", "ghu_", "ghr_",
)
# fmt: on
_LONG = 256  # characters of a run that is data and no word
_DATA_URI = re.compile(
    r"data:(?:[\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+(?:=[\w.+-]*)?)*),((?:[^\s\"'<>\\]|\\[/nr])*)",
    re.IGNORECASE,
)
_BASE64 = re.compile(
    rf"(?:(?<![A-Za-z0-9+/=_-])|{_AFTER_ESCAPE})"
    r"(?:[A-Za-z0-9+/=_-]|\\[nr/]|[\r\n]){256,}"
)
_BYTES_REPR = re.compile(
    r"\\x[0-9a-fA-F]{2}(?:(?:[ -&(-\[\]-~]|\\[nrt\\'\"0]){0,8}\\x[0-9a-fA-F]{2}){7,}"
)
_BYTE = re.compile(r"\\x..|\\.|.")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,14}:(?:\\?/){2}[^\s\"'<>]*")
# What stands between a name and its value. Atomic: a value that was replaced is not matched anew.
_QUOTE = r"\\{0,7}[\"']"
_IS = rf"((?>b?(?:{_QUOTE})?\s*[:=]\s*(?:b?{_QUOTE})?|b?{_QUOTE}\s*,\s*b?{_QUOTE}))(?!\[secret\])"
_IS_SURELY = rf"((?>(?:{_QUOTE})?\s*(?:=\s*(?:{_QUOTE})?|:\s*{_QUOTE})))(?!\[secret\])"
# A name where a value should be begins another pair: `api_key="token": "..."`.
_NAMES = "authorization|cookie|key|token|secret|password|signature|credential|sig"
_NO_NAME = rf"(?!(?:[a-z0-9-]+[-_ ])?(?:{_NAMES})(?:{_QUOTE})?\s*[:=,])"
_VALUE = (
    _NO_NAME + rf"(?:(?:bearer|basic|token){_GAP}+)?"
    r"(?:(?:data:|[a-z][a-z0-9+.-]{0,14}:(?:\\?/){2})[^\s\"'<>]*"
    r"|(?:[^\s\"',;&)}\]\\]|\\(?![nrtu\"']))+)"
)
_HEADER = re.compile(
    rf"(authorization|cookie){_IS}{_NO_NAME}(?:[^\"'\r\n\\]|\\(?![nr\"']))+", re.IGNORECASE
)
_ASSIGNED = re.compile(
    rf"((?:api[-_ ]?key|[-_]key|access[-_ ]key(?:[-_ ]id)?)(?:\s+provided)?){_IS}{_VALUE}",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(token|secret|passw(?:or)?d|signature|credential|(?:[?&;]|\b|\\u0026)sig)"
    rf"{_IS_SURELY}{_VALUE}",
    re.IGNORECASE,
)
_SCHEME = re.compile(
    _EDGE
    + r"(?:(?P<bearer>(?i:bearer))"
    + _GAP
    + r"+(?!(?i:tokens?|auth\w*|schemes?|format|credentials?)\b)[A-Za-z0-9._~+/=*-]{8,}"
    r"|(?P<basic>(?i:basic))" + _GAP + r"+(?=[A-Za-z0-9._~+/=-]*[0-9A-Z=])[A-Za-z0-9._~+/=-]{8,})"
)
_KEY = re.compile(
    _EDGE
    + r"(?:[sprg]k[-_][A-Za-z0-9_*.-]{8,}"  # OpenAI, Anthropic, OpenRouter, Langfuse, Stripe, Groq
    r"|lsv2_[A-Za-z0-9_]{8,}"  # LangSmith
    r"|AIza[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{10,}"  # Google
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}"  # AWS
    r"|whsec_[A-Za-z0-9+/=_-]{8,}"  # Standard Webhooks
    r"|(?:hf|r8)_[A-Za-z0-9]{16,}|xai-[A-Za-z0-9]{16,}"  # Hugging Face, Replicate, xAI
    r"|gh[opsur]_[A-Za-z0-9]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[a-z]-[A-Za-z0-9-]{10,})"
)
_JWT = re.compile(
    rf"(?:(?<![A-Za-z0-9_-])|{_AFTER_ESCAPE})"
    r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?"
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
    if _suspicious(text):
        text = _redacted(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _suspicious(text: str) -> bool:
    """A cheap look that never misses: most texts are clean."""
    if any(map(text.lower().__contains__, _SUSPICIOUS)):
        return True
    return len(text) >= _LONG and max(map(len, text.split(" "))) >= _LONG


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


def _redacted(text: str) -> str:
    text = _HEADER.sub(rf"\1\2{SECRET}", text)
    text = _ASSIGNED.sub(rf"\1\2{SECRET}", text)
    text = _NAMED.sub(rf"\1\2{SECRET}", text)
    text = _SCHEME.sub(lambda found: f"{found['bearer'] or found['basic']} {SECRET}", text)
    text = _DATA_URI.sub(_data_size, text)
    text = _URL.sub(_bare_url, text)
    text = _BASE64.sub(lambda found: f"[data: {len(found[0]) * 3 // 4} bytes]", text)
    text = _BYTES_REPR.sub(lambda found: f"[data: {len(_BYTE.findall(found[0]))} bytes]", text)
    text = _KEY.sub(SECRET, text)
    return _JWT.sub(SECRET, text)


def _data_size(found: re.Match[str]) -> str:
    size = len(found[2])
    return f"[data: {size * 3 // 4 if 'base64' in found[1].lower() else size} bytes]"


def _bare_url(found: re.Match[str]) -> str:
    """Keep scheme, host and path; user names, passwords, queries and fragments go."""
    url = found[0].replace("\\/", "/")
    scheme, _, rest = url.partition("://")
    rest = re.split(r"[?#]|\\u003[fF]|\\u0023", rest, maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    port = authority.rpartition(":")[2] if ":" in authority else "0"
    if "@" not in authority and not port.isdigit() and "@" in path:
        authority, _, path = path.rpartition("@")[2].partition("/")  # a "/" inside a password
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


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
