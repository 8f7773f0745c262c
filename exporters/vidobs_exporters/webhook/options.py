"""What the user set for a webhook, checked before the first event."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from vidobs import ConfigError
from vidobs_exporters.webhook.cloud_event import CONTENT_TYPE
from vidobs_exporters.webhook.signature import keys_of

if TYPE_CHECKING:
    from vidobs_exporters.webhook.guard import Guard
    from vidobs_exporters.webhook.signature import Keys

URL_VARIABLES = ("VIDOBS_WEBHOOK_URL", "WEBHOOK_URL")  # the second is LiteLLM's
SECRET_VARIABLE = "VIDOBS_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
LEAST_BYTES = 4096  # room for a thin event

_OURS = frozenset({"content-length", "content-type", "host", "transfer-encoding"})
_OUR_PREFIX = "webhook-"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?|")


def url_of(name: str, url: object) -> str:
    """Return the address to send to: the option, else the first variable that is set.

    Raises:
        ConfigError: there is none, or it is not one of HTTP.
    """
    if url is None:
        url = next((os.environ[one] for one in URL_VARIABLES if os.environ.get(one)), None)
    if url is None:
        raise ConfigError(
            f"exporter {name!r} needs an address; set url under 'exporters: {name}:', or the "
            f"variable {URL_VARIABLES[0]}"
        )
    try:
        parsed = httpx.URL(url.strip()) if isinstance(url, str) else None
    except httpx.InvalidURL:
        parsed = None
    if parsed is None or parsed.scheme not in {"http", "https"} or not parsed.host.strip("."):
        raise ConfigError(
            f"exporter {name!r}: url cannot be used; it starts with https:// and has a host, "
            "as in https://hooks.example.com/vidobs"
        )
    return str(parsed.copy_with(fragment=None))


def keys_for(name: str, secret: object) -> Keys:
    """Return the keys to sign with: of the option, else of the variable.

    Raises:
        ConfigError: a secret cannot be used.
    """
    return keys_of(name, secret if secret is not None else os.environ.get(SECRET_VARIABLE) or None)


def headers_of(name: str, headers: object) -> dict[str, str]:
    """Return the headers that go with each request, those of the user included.

    Raises:
        ConfigError: one is vidobs' own, or cannot be sent; the text does not repeat its value.
    """
    given = {} if headers is None else headers
    if not isinstance(given, Mapping):
        raise ConfigError(f"exporter {name!r}: headers is no mapping of names to values")
    for key, value in given.items():
        if not (isinstance(key, str) and _TOKEN.fullmatch(key)):
            raise ConfigError(f"exporter {name!r}: headers: {key!r} is no name of a header")
        if key.lower() in _OURS or key.lower().startswith(_OUR_PREFIX):
            raise ConfigError(f"exporter {name!r}: headers: {key} is set by vidobs; leave it out")
        if not (isinstance(value, str) and _VALUE.fullmatch(value)):
            raise ConfigError(
                f"exporter {name!r}: headers: the value of {key} cannot be sent; give one line of "
                "ASCII text without spaces around it"
            )
    return {**given, "content-type": CONTENT_TYPE}


def source_of(name: str, source: object) -> str:
    """Return who says so, a URI reference: the option, else with the name of the service.

    Raises:
        ConfigError: it is empty, or no text.
    """
    if source is None:
        service = os.environ.get("OTEL_SERVICE_NAME", "")
        return f"//vidobs/{quote(service, safe='')}" if service else "//vidobs"
    if not isinstance(source, str) or not source.strip():
        raise ConfigError(
            f"exporter {name!r}: source is {source!r}; give a URI such as '//vidobs/shop'"
        )
    return quote(source.strip(), safe="/:?#[]@!$&'()*+,;=~-._%")


def seconds_of(name: str, timeout_s: object) -> float:
    """Return how long to wait for an answer.

    Raises:
        ConfigError: it is not a number above 0.
    """
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not timeout_s > 0:
        raise ConfigError(
            f"exporter {name!r}: timeout_s is {timeout_s!r}; give a number of seconds above 0"
        )
    return float(timeout_s)


def bytes_of(name: str, max_bytes: object) -> int:
    """Return how large a body may be.

    Raises:
        ConfigError: it is no number, or too low for anything.
    """
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < LEAST_BYTES:
        raise ConfigError(
            f"exporter {name!r}: max_bytes is {max_bytes!r}; give a number of bytes, "
            f"{LEAST_BYTES} or more"
        )
    return max_bytes


def check_reachable(url: str, guard: Guard) -> None:
    """Refuse an address that the guard would refuse at each event, where that is known by now.

    Raises:
        ConfigError: the host is such an address, or nothing at all may be called.
    """
    parsed = httpx.URL(url)
    if parsed.scheme == "http" and not (guard.public or guard.kinds or guard.networks):
        raise ConfigError(
            f"exporter {guard.name!r}: url starts with http://, so that anybody on the way could "
            "read it; use https://, or set allow_private: true for a host of your own network, or "
            "allow_http: true for any"
        )
    host = "127.0.0.1" if parsed.host == "localhost" else parsed.host
    try:
        ip_address(host)
    except ValueError:  # a name; the guard sees its addresses when they are dialled
        return
    why = guard.objection(host)
    if why:
        raise ConfigError(f"exporter {guard.name!r}: {parsed.host} is {why}")
