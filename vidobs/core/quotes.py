"""Find a prompt, or long pieces of it, in a message that quotes it, and take it out."""

from __future__ import annotations

import re

MARK = "[prompt]"
PIECE = 20  # characters of the prompt in a row that are too many
_GRAM = 11  # every piece holds one such run that starts at a multiple of _STEP in the prompt
_STEP = PIECE - _GRAM + 1
_OFTEN = 8  # a run that the prompt repeats more often counts as a piece by itself
_ESCAPE = re.compile(
    r"\\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\(?:u(?P<u>[0-9a-fA-F]{4})|x(?P<x>[0-9a-fA-F]{2})|(?P<c>.))",
    re.DOTALL,
)
_MEANING = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_Span = tuple[int, int]


def without(message: str, prompt: str) -> str:
    """Replace the prompt, and every piece of it of 20 characters or more, by `[prompt]`.

    Case does not matter, and text escaped as in JSON or `repr()` is recognised. A prompt shorter
    than that is replaced where it stands as whole words.
    """
    wanted = _fold(prompt.strip())
    if not wanted:
        return message
    spans = _found(_fold(message), wanted)
    if "\\" in message:
        plain, places = _unescaped(message)
        meant = _found(_fold(plain), wanted)
        spans += [(places[start][0], places[end - 1][1]) for start, end in meant]
    return _masked(message, sorted(spans))


def _fold(text: str) -> str:
    """Lower case, with every character in its place."""
    folded = text.lower()
    if len(folded) == len(text):
        return folded
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _masked(message: str, spans: list[_Span]) -> str:
    kept: list[str] = []
    at = 0
    for start, end in spans:
        if start >= at:
            kept += (message[at:start], MARK)
        at = max(at, end)
    return "".join((*kept, message[at:]))


def _found(message: str, prompt: str) -> list[_Span]:
    """Where the message quotes the prompt, in order; neighbours may overlap."""
    if len(prompt) < PIECE:
        words = re.compile(rf"(?<!\w){re.escape(prompt)}(?!\w)")
        return [found.span() for found in words.finditer(message)]
    runs: dict[str, list[int]] = {}
    for at in range(0, len(prompt) - _GRAM + 1, _STEP):
        runs.setdefault(prompt[at : at + _GRAM], []).append(at)
    spans: list[_Span] = []
    at = 0
    while at <= len(message) - _GRAM:
        places = runs.get(message[at : at + _GRAM])
        span = _piece(message, at, prompt, places) if places else None
        if span is None:
            at += 1
        else:
            spans.append(span)
            at = max(at + 1, span[1] - PIECE + 1)
    return spans


def _piece(message: str, at: int, prompt: str, places: list[int]) -> _Span | None:
    """The longest common piece around a run, where it is long enough."""
    if len(places) > _OFTEN:
        return at, at + _GRAM
    start, end = max((_grown(message, at, prompt, place) for place in places), key=_length)
    return (start, end) if end - start >= PIECE else None


def _length(span: _Span) -> int:
    return span[1] - span[0]


def _grown(message: str, at: int, prompt: str, place: int) -> _Span:
    start, end, left, right = at, at + _GRAM, place, place + _GRAM
    while start and left and message[start - 1] == prompt[left - 1]:
        start, left = start - 1, left - 1
    while end < len(message) and right < len(prompt) and message[end] == prompt[right]:
        end, right = end + 1, right + 1
    return start, end


def _unescaped(message: str) -> tuple[str, list[_Span]]:
    """The characters that are meant, and where each of them is written."""
    plain: list[str] = []
    places: list[_Span] = []
    at = 0
    while at < len(message):
        escape = _ESCAPE.match(message, at) if message[at] == "\\" else None
        end = escape.end() if escape else at + 1
        plain.append(_meaning(escape) if escape else message[at])
        places.append((at, end))
        at = end
    return "".join(plain), places


def _meaning(escape: re.Match[str]) -> str:
    if escape["high"]:
        return (bytes.fromhex(escape["high"]) + bytes.fromhex(escape["low"])).decode("utf-16-be")
    digits = escape["u"] or escape["x"]
    if digits:
        return chr(int(digits, 16))
    return _MEANING.get(escape["c"], escape["c"])
