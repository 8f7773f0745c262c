r"""Find what may not be kept in a text, and put marks in its place.

Every pattern looks at the text as it came, and what any of them found goes: one that took something
out could hide from the next what stands beside it. Texts arrive quoted by JSON or by repr(), so an
escape such as \n or \u0026 may touch a secret.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "[secret]"  # noqa: S105 - what stands where a secret was
_Span = tuple[int, int, str]  # from, to, and what comes there instead

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
_NEARBY = 64  # characters at the end of a value in which another name may begin

_AFTER_ESCAPE = (
    r"(?<=\\[nrtbf])|(?<=\\x[0-9a-fA-F]{2})|(?<=\\u[0-9a-fA-F]{4})|(?<=\\U[0-9a-fA-F]{8})"
)
_EDGE = rf"(?:(?<![A-Za-z0-9])|{_AFTER_ESCAPE})"  # a word starts here
_GAP = r"(?:\s|\\[nrt])"
_QUOTE = r"\\{0,7}[\"']"
# What stands between a name and its value: in a mapping, a header, a keyword or a pair.
_IS = rf"(?:b?(?:{_QUOTE})?\s*[:=]\s*(?:b?{_QUOTE})?|b?{_QUOTE}\s*,\s*b?{_QUOTE})"
_IS_SURELY = rf"(?:(?:{_QUOTE})?\s*(?:=\s*(?:{_QUOTE})?|:\s*{_QUOTE}))"
_VALUE = (
    rf"(?!\[secret\])(?:(?:bearer|basic|token){_GAP}+)?"
    r"(?:(?:data:|[a-z][a-z0-9+.-]{0,14}:(?:\\?/){2})[^\s\"'<>]*"
    r"|(?:[^\s\"',;&)}\]\\]|\\(?![nrtu\"']))+)"
)
# Pairs of a name and the value behind it.
_PAIRS = tuple(
    (re.compile(name, re.IGNORECASE), re.compile(value))
    for name, value in (
        (
            rf"(?:authorization|cookie){_IS}",
            r"(?!\[secret\])(?:[^\"'\r\n\\]|\\(?![nr\"']))+",
        ),
        (
            r"(?:api[-_ ]?key|[-_]key|access[-_ ]key(?:[-_ ]id)?)(?:\s+provided)?" + _IS,
            f"(?i:{_VALUE})",
        ),
        (
            r"(?:token|secret|passw(?:or)?d|signature|credential|(?:[?&;]|\b|\\u0026)sig)"
            + _IS_SURELY,
            f"(?i:{_VALUE})",
        ),
        (
            rf"{_EDGE}bearer{_GAP}+",
            r"(?!(?i:tokens?|auth\w*|schemes?|format|credentials?)\b)[A-Za-z0-9._~+/=*-]{8,}",
        ),
        (
            rf"{_EDGE}basic{_GAP}+",
            r"(?=[A-Za-z0-9._~+/=-]*[0-9A-Z=])[A-Za-z0-9._~+/=-]{8,}",
        ),
    )
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
_DATA_URI = re.compile(
    r"data:(?:[\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+(?:=[\w.+-]*)?)*),((?:[^\s\"'<>\\]|\\[/nr])*)",
    re.IGNORECASE,
)
_BASE64 = re.compile(
    rf"(?:(?<![A-Za-z0-9+/=_-])|{_AFTER_ESCAPE})(?:[A-Za-z0-9+/=_-]|\\[nr/]|[\r\n]){{256,}}"
)
_BYTES_REPR = re.compile(
    r"\\x[0-9a-fA-F]{2}(?:(?:[ -&(-\[\]-~]|\\[nrt\\'\"0]){0,8}\\x[0-9a-fA-F]{2}){7,}"
)
_BYTE = re.compile(r"\\x..|\\.|.")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,14}:(?:\\?/){2}(?P<rest>[^\s\"'<>]*)")
_QUERY = re.compile(r"[?#]|\\u003[fF]|\\u0023")


def redacted(text: str) -> str:
    """Return a text without credentials, URL queries, `data:` URIs and long encoded data."""
    if not _suspicious(text):
        return text
    kept: list[str] = []
    at = 0
    for start, end, mark in _merged(sorted(_found(text))):
        kept += (text[at:start], mark)
        at = end
    return "".join((*kept, text[at:]))


def _suspicious(text: str) -> bool:
    """A cheap look that never misses: most texts are clean."""
    if any(map(text.lower().__contains__, _SUSPICIOUS)):
        return True
    return len(text) >= _LONG and max(map(len, text.split(" "))) >= _LONG


def _merged(spans: list[_Span]) -> Iterator[_Span]:
    """Spans that do not overlap; one that lies within another has no mark of its own."""
    start, end, mark = 0, 0, ""
    for next_start, next_end, next_mark in spans:
        if next_start >= end:
            yield start, end, mark
            start, end, mark = next_start, next_end, next_mark
        elif next_end > end:
            end, mark = next_end, SECRET
    yield start, end, mark


def _found(text: str) -> Iterator[_Span]:
    for name, value in _PAIRS:
        yield from _values(text, name, value)
    for pattern in (_KEY, _JWT):
        for found in pattern.finditer(text):
            yield *found.span(), SECRET
    yield from _private_parts(text)
    for found in _DATA_URI.finditer(text):
        size = len(found[2])
        yield *found.span(), _data(size * 3 // 4 if "base64" in found[1].lower() else size)
    for found in _BASE64.finditer(text):
        yield *found.span(), _data(len(found[0]) * 3 // 4)
    for found in _BYTES_REPR.finditer(text):
        yield *found.span(), _data(len(_BYTE.findall(found[0])))


def _data(size: int) -> str:
    return f"[data: {size} bytes]"


def _values(text: str, name: re.Pattern[str], value: re.Pattern[str]) -> Iterator[_Span]:
    """What stands behind names; a value may hold the next name, and is read once all the same."""
    at = 0
    while found := name.search(text, at):
        at = found.end()
        told = value.match(text, at)
        if told:
            yield *told.span(), SECRET
            at = max(at, told.end() - _NEARBY)


def _private_parts(text: str) -> Iterator[_Span]:
    """User names and passwords, queries and fragments of URLs: scheme, host and path stay."""
    at = 0
    while url := _URL.search(text, at):
        start, end = url.span("rest")
        at = start  # the path may hold another URL
        query = _QUERY.search(url["rest"])
        if query:
            at, end = end, start + query.start()
            yield end, at, ""
        yield from _userinfo(text[start:end], start)


def _userinfo(rest: str, start: int) -> Iterator[_Span]:
    """Everything up to the "@" of a URL without its scheme."""
    authority, _, path = rest.partition("/")
    cut = authority.rfind("@") + 1
    _, colon, port = authority[cut:].rpartition(":")
    if colon and "@" in path and not port.rstrip("\\").isdigit():  # a "/" inside a password
        cut = rest.rindex("@") + 1
    if cut:
        yield start, start + cut, ""
