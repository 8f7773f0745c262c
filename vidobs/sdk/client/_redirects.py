"""Downloads that are sent on: by a redirect, or by an error whose text names another address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from vidobs.core.api_errors import APIConnectionError
from vidobs.dialects.openai import pointer_in
from vidobs.sdk.client._addresses import leads_out, same_origin
from vidobs.sdk.client._requests import timeout_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.sdk.client._options import Options
    from vidobs.sdk.client._wire import Wire

MOST = 5
_PUBLIC = frozenset({"range", "if-range", "if-match", "accept"})


def may_point(wire: Wire, answer: httpx.Response, options: Options) -> bool:
    """Tell whether the body of an answer has to be read, since it may name another address."""
    return options.stream and answer.status_code == wire.server.variant.pointer_status


def place_of(wire: Wire, answer: httpx.Response, options: Options) -> str | None:
    """Return where the file of a download is, when an answer sends there.

    An error sends on only where it is the server's own.
    """
    if options.stream and answer.is_redirect:
        return str(answer.headers.get("location", ""))
    if may_point(wire, answer, options) and same_origin(answer.url, _home(wire)):
        return pointer_in(answer.content)
    return None


def request_there(
    wire: Wire, place: str, answer: httpx.Response, options: Options
) -> dict[str, Any]:
    """Return the request for the place that a download is sent on to.

    Keys go to the server they are for, and nowhere else.

    Raises:
        APIConnectionError: it leads into a private network, or is no address.
    """
    try:
        url = answer.url.join(place)
    except httpx.InvalidURL:
        url = httpx.URL("")
    home = _home(wire)
    if not leads_out(url, home):
        raise APIConnectionError(
            f"{options.method} {options.url}: {wire.base_url} sends on to a place that downloads "
            "are not fetched from",
            provider=wire.server.provider,
            status_code=answer.status_code,
        )
    ours = same_origin(url, home)
    kept = wire.requests.headers(options) if ours else _public(options.headers)
    return {"url": url, "headers": kept, "timeout": timeout_of(options.timeout)}


def too_many(wire: Wire, options: Options) -> APIConnectionError:
    """Return our error for a download that is sent on and on."""
    return APIConnectionError(
        f"{options.method} {options.url}: more than {MOST} redirects",
        provider=wire.server.provider,
    )


def _home(wire: Wire) -> httpx.URL:
    return httpx.URL(wire.base_url)


def _public(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what of a request's own headers another host may see."""
    return {name: value for name, value in headers.items() if name.lower() in _PUBLIC}
