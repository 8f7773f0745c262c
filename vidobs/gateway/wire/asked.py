"""One request, as its handlers see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import msgspec

from vidobs.gateway.seams import Principal, Receive, Refusal, Send

if TYPE_CHECKING:
    from vidobs.gateway.seams import Scope

PROVIDER = "custom_llm_provider"
_BEARER = b"bearer "
_KEYS = (b"x-litellm-api-key", b"api-key")
_MOST_QUERY = 50  # parameters


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose sender is known."""

    method: str
    headers: Mapping[bytes, bytes]  # the last of each name
    query: bytes
    principal: Principal
    request_id: str
    now: datetime
    receive: Receive
    send: Send
    told: tuple[tuple[bytes, bytes], ...] = ()  # headers of the answer: id, limits
    video_id: str | None = None  # of the path, or of where the route has it

    def header(self, name: bytes) -> str | None:
        """Return a header as text."""
        found = self.headers.get(name)
        return None if found is None else found.decode("latin-1")

    def parameter(self, name: str) -> str | None:
        """Return a parameter of the query.

        Raises:
            Refusal: 400, there are too many.
        """
        if not self.query:
            return None
        try:
            found = parse_qs(self.query.decode("latin-1"), max_num_fields=_MOST_QUERY)
        except ValueError:
            raise Refusal(400, "the query has too many parameters", code="bad_query") from None
        values = found.get(name)
        return None if not values else values[-1]

    def provider(self, body: Mapping[str, object] | None = None) -> str | None:
        """Return the provider that was named: in the header, the query or the body."""
        named = self.header(b"custom-llm-provider") or self.parameter(PROVIDER)
        if named is None and body is not None:
            given = body.get(PROVIDER)
            named = given if isinstance(given, str) and given else None
        return named


def token_of(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the key that a request came with; `None` for one without."""
    for name in _KEYS:
        found = headers.get(name)
        if found:
            if found[:7].lower() == _BEARER:
                found = found[7:]
            return found.strip().decode("latin-1")
    given = headers.get(b"authorization")
    if not given:
        return None
    if given[:7].lower() == _BEARER:
        return given[7:].strip().decode("latin-1") or None
    return None


def path_of(scope: Scope) -> str:
    """Return the path without what versions and vendors put in front."""
    path: str = scope["path"]
    path = path.removeprefix("/openai")
    return path[3:] if path.startswith("/v1/") or path == "/v1" else path
