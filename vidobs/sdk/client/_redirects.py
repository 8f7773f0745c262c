"""Downloads that are sent on: by a redirect, or by an error whose text names another address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from vidobs.core.api_errors import APIConnectionError
from vidobs.dialects.openai import pointer_in
from vidobs.sdk.client._addresses import leads_out, same_origin
from vidobs.sdk.client._elsewhere import Place
from vidobs.sdk.client._requests import timeout_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vidobs.sdk.client._options import Options
    from vidobs.sdk.client._wire import Wire

MOST = 5
_NAMED = "vidobs.named"
_FOUND = 302
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


def there(wire: Wire, named: str, answer: httpx.Response, options: Options) -> Place:
    """Return the place that a download is sent on to.

    Keys go to the server they are for, and nowhere else.

    Raises:
        APIConnectionError: it leads into a private network, or is no address.
    """
    try:
        url = _at(answer).join(named)
    except httpx.InvalidURL:
        url = httpx.URL("")
    home = _home(wire)
    if not leads_out(url, home):
        raise _refusal(wire, answer, options)
    ours = same_origin(url, home)
    kept = wire.requests.headers(options) if ours else _public(options.headers)
    return Place(url, ours=ours, headers=kept, timeout=timeout_of(options.timeout))


def home_of(wire: Wire) -> tuple[str, int | None]:
    """Return host and port of the server, whose addresses say which others may be dialled."""
    home = _home(wire)
    return home.raw_host.decode("ascii"), home.port


def dialled(
    wire: Wire,
    place: Place,
    addresses: Sequence[str],
    home: Sequence[str],
    *,
    answer: httpx.Response,
    options: Options,
) -> httpx.Request:
    """Return the request for a place on another host, to the very address that was looked at.

    Raises:
        APIConnectionError: the host has an address that files are not fetched from.
    """
    request = place.at(addresses, home)
    if request is None:
        raise _refusal(wire, answer, options)
    request.extensions[_NAMED] = place.url
    return request


def too_many(wire: Wire, answer: httpx.Response, options: Options) -> APIConnectionError:
    """Return our error for a download that is sent on and on."""
    return APIConnectionError(
        f"{options.method} {options.url}: more than {MOST} redirects",
        provider=wire.server.provider,
        status_code=answer.status_code,
    )


def nowhere(wire: Wire, options: Options) -> APIConnectionError:
    """Return our error for a redirect to what httpx finds to be no address."""
    return APIConnectionError(
        f"{options.method} {options.url}: {wire.base_url} sends on to what is no address; "
        "downloads are not fetched from there",
        provider=wire.server.provider,
        status_code=_FOUND,
    )


def _home(wire: Wire) -> httpx.URL:
    return httpx.URL(wire.base_url)


def _at(answer: httpx.Response) -> httpx.URL:
    """Return the address of an answer as it was named, not as it was dialled."""
    named: httpx.URL = answer.request.extensions.get(_NAMED, answer.url)
    return named


def _refusal(wire: Wire, answer: httpx.Response, options: Options) -> APIConnectionError:
    return APIConnectionError(
        f"{options.method} {options.url}: {wire.base_url} sends on to a place that downloads are "
        "not fetched from",
        provider=wire.server.provider,
        status_code=answer.status_code,
    )


def _public(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what of a request's own headers another host may see."""
    return {name: value for name, value in headers.items() if name.lower() in _PUBLIC}
