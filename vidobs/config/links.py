"""Deep links into the user's other tools: templates of addresses, checked when they are read.

A link is `NAME: ADDRESS`. For the tools below the address may be the one that the tool is opened
at; otherwise it is a template with places such as `{trace_id}` in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import urlsplit

from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.scrub import scrub

PLACES = (
    "trace_id",  # 32 hex digits, as W3C has it
    "trace_id_decimal",  # its lower 64 bits as a number, as Datadog has it
    "span_id",  # of the create
    "job_id",
    "job_uuid",  # the UUID that the job's id is made of: its run at LangSmith
    "video_id",  # the provider's id
    "start_ms",  # of the job, since 1970
    "end_ms",
)
# Grafana's Explore with one query, at the data source whose uid is `tempo`.
_EXPLORE = (
    "/explore?schemaVersion=1&orgId=1&panes=%7B%22t%22:%7B%22datasource%22:%22tempo%22,"
    "%22queries%22:%5B%7B%22refId%22:%22A%22,%22datasource%22:%7B%22type%22:%22tempo%22,"
    "%22uid%22:%22tempo%22%7D,%22queryType%22:%22traceql%22,%22query%22:%22{trace_id}%22%7D%5D,"
    "%22range%22:%7B%22from%22:%22{start_ms}%22,%22to%22:%22{end_ms}%22%7D%7D%7D"
)
TOOLS = {  # what comes behind the address that a tool is opened at
    "datadog": "/apm/trace/{trace_id_decimal}",
    "langsmith": "/r/{job_uuid}",
    "langfuse": "/traces/{trace_id}",
    "grafana": _EXPLORE,
    "jaeger": "/trace/{trace_id}",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
_PLACE = re.compile(r"\{([^{}]*)\}")
_NEXT = re.compile(r"[,\s]+(?=[\w.-]+=https?:)")  # between two links in one text
_PRINTABLE = re.compile(r"[!-~]+")


def links(value: object, where: str = "links") -> dict[str, str]:
    """Read links, from a mapping or from a text such as `jaeger=https://...,mine=https://...`.

    Returns a whole template for each name.

    Raises:
        ConfigError: one is no address of the web, or has a place that there is not; the message
            starts with `where`.
    """
    if isinstance(value, str):
        pairs = [part.partition("=") for part in _NEXT.split(value.strip()) if part]
        value = {name.strip(): address.strip() for name, _, address in pairs}
    if not isinstance(value, Mapping):
        got = type(value).__name__
        raise ConfigError(f"{where}: got {got}; allowed: a mapping of names to addresses")
    return {_name(name, where): _template(str(name), value[name], where) for name in value}


def _name(name: object, where: str) -> str:
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    raise ConfigError(f"{where}: got {scrub(str(name), 80)!r} as a name; allowed: a short word")


def _template(name: str, given: object, where: str) -> str:
    at = f"{where}.{name}"
    if not isinstance(given, str):
        raise ConfigError(f"{at}: got {type(given).__name__}; allowed: {_ALLOWED}")
    address = given.strip()
    _check_address(address, at)
    for place in _PLACE.findall(address):
        if place not in PLACES:
            raise ConfigError(f"{at}: {unknown_name('place', str(place), PLACES)}")
    rest = _PLACE.sub("", address)
    if "{" in rest or "}" in rest:
        raise ConfigError(f"{at}: a brace that is no place is written %7B or %7D")
    if rest != address:
        return address
    if name.lower() not in TOOLS:
        known = ", ".join(TOOLS)
        raise ConfigError(
            f"{at}: the address has no place such as {{trace_id}} in it; only of {known} it is "
            "known what comes behind the address"
        )
    return address.rstrip("/") + TOOLS[name.lower()]


def _check_address(address: str, at: str) -> None:
    """Insist on an address of the web that no value of a job can point elsewhere."""
    try:
        url = urlsplit(address)
        fine = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        fine = False
    if not fine or not _PRINTABLE.fullmatch(address):
        _refuse(at, address)
    if "{" in url.netloc or "@" in url.netloc:
        raise ConfigError(f"{at}: the host must be a plain one, without places, users or passwords")


_ALLOWED = "an address such as https://jaeger.example/trace/{trace_id}"


def _refuse(at: str, address: str) -> NoReturn:
    raise ConfigError(f"{at}: got {scrub(address, 80)!r}; allowed: {_ALLOWED}")
