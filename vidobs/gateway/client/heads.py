"""The heads of requests, of which most is the same each time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vidobs.gateway.client.answers import UNFIT, CallError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.gateway.client.addresses import Url

AGENT = "vidobs-gateway"
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token, RFC 9110
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})  # which say so even where it is empty


class Heads:
    """Writes the heads of requests to one host."""

    def __init__(self, authority: str, headers: Mapping[str, str]) -> None:
        """`headers` go with every request; the last of a name counts, in whatever case."""
        usual = {"Host": authority, "Accept-Encoding": "identity", **headers}
        self._usual = {name.lower(): (name, value) for name, value in usual.items()}
        self._templates: dict[tuple[str, ...], str] = {}

    def head(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        *,
        size_bytes: int | None = None,
    ) -> bytes:
        """Return everything before the body; `headers` replace the usual ones of their names.

        Raises:
            CallError: it could be read as something else.
        """
        names, values = (tuple(headers), tuple(headers.values())) if headers else ((), ())
        template = self._templates.get(names)
        try:
            if template is None:
                template = self._template(names)
            if not (target.isascii() and target.isprintable()) or " " in target:
                raise ValueError("a path must be of printable ASCII characters")  # noqa: TRY301
            for value in values:
                if not (value.isascii() and value.isprintable()):
                    _check_value(value)
        except ValueError as error:
            raise CallError(UNFIT, sent=False, why=str(error)) from None
        text = template % (method, target, *values)
        if size_bytes is not None or method in _WITH_BODY:
            return f"{text}Content-Length: {size_bytes or 0}\r\n\r\n".encode("latin-1")
        return f"{text}\r\n".encode("latin-1")

    def _template(self, names: tuple[str, ...]) -> str:
        """Return a head with gaps for method, target and values; names are few and our own."""
        replaced = {name.lower() for name in names}
        lines = ["%s %s HTTP/1.1\r\n"]
        for known, (name, value) in self._usual.items():
            if known not in replaced:
                _check_name(name)
                _check_value(value)
                lines.append(f"{name}: {value}\r\n".replace("%", "%%"))
        for name in names:
            _check_name(name)
            lines.append(f"{name.replace('%', '%%')}: %s\r\n")
        made = self._templates[names] = "".join(lines)
        return made


def head_of_post(url: Url, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the head of a request that is not one of many.

    Raises:
        CallError: see `Heads.head`.
    """
    heads = Heads(url.authority, {"User-Agent": AGENT})
    return heads.head("POST", url.target, headers, size_bytes=len(body))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header")


def _check_value(value: str) -> None:
    if not _VALUE.fullmatch(value):  # the value may be secret
        raise ValueError("a header must not hold control characters, or any beyond Latin-1")
