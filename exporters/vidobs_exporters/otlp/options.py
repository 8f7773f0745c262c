"""From options and the environment to what the exporter needs, with errors that say what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from vidobs import ConfigError, __version__
from vidobs_exporters.otlp.signals import Compression, Signal

if TYPE_CHECKING:
    from vidobs_exporters.otlp.values import Value

ENDPOINT = "VIDOBS_OTLP_ENDPOINT"
HEADERS = "VIDOBS_OTLP_HEADERS"
OTEL_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
OTEL_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
SERVICE = "unknown_service"  # as the conventions call one that nobody named
MAX_TIMEOUT_S = 60.0  # three requests end within the time after which the relay gives a batch up

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_OURS = frozenset({"content-type", "content-length", "content-encoding", "host", "connection"})
_SIGNAL_PATH = re.compile(r"/v1/(traces|metrics|logs)$")
_SDK = {
    "telemetry.sdk.name": "vidobs",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.version": __version__,
}


class Receiver(NamedTuple):
    """Where to send, and with which headers."""

    endpoint: str  # what comes before `/v1/traces`
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return "Receiver(...)"  # both may hold a secret


class Options:
    """Reads what was given for one exporter."""

    def __init__(self, exporter: str, environ: Mapping[str, str]) -> None:
        self._exporter = exporter
        self._environ = environ

    def error(self, said: str) -> ConfigError:
        """Return an error that names the exporter."""
        return ConfigError(f"exporter {self._exporter!r}: {said}")

    def receiver(self, endpoint: object, headers: object) -> Receiver:
        """Return where to send: an endpoint of the environment has the headers of it, too.

        The headers of the environment are never added to an endpoint that was given here, nor those
        of the SDK's own exporter to anything: they are the keys of somebody else.
        """
        if endpoint is not None:
            url = self._url("endpoint", endpoint)
            return Receiver(url, self._headers("headers", headers))
        variable = next((name for name in (ENDPOINT, OTEL_ENDPOINT) if self._set(name)), None)
        if variable is None:
            raise self.error(
                f"no endpoint; set {ENDPOINT}, or 'endpoint' under 'exporters: {self._exporter}:'"
            )
        if variable == OTEL_ENDPOINT and self._set(OTEL_PROTOCOL).startswith("grpc"):
            raise self.error(
                f"{OTEL_ENDPOINT} is for gRPC, as {OTEL_PROTOCOL} says, and this exporter speaks "
                f"OTLP over HTTP; set {ENDPOINT}, often to the same host and port 4318"
            )
        source, given = ("headers", headers) if headers is not None else (HEADERS, None)
        return Receiver(
            self._url(variable, self._set(variable)),
            self._headers(source, self._set(HEADERS) if given is None else given),
        )

    def signals(self, given: object, usual: Sequence[Signal]) -> tuple[Signal, ...]:
        """Return what to send, in the order in which it is sent.

        Metrics go last: whatever is sent again after a failure would be counted twice there.
        """
        if given is None:
            return tuple(usual)
        asked = given.replace(",", " ").split() if isinstance(given, str) else given
        known = ", ".join(Signal)
        if not isinstance(asked, Sequence) or not asked:
            raise self.error(f"signals is {given!r}; give some of: {known}")
        for one in asked:
            if one not in tuple(Signal):
                raise self.error(f"unknown signal {one!r}; known: {known}")
        return tuple(signal for signal in Signal if signal in asked)

    def compression(self, given: object) -> Compression:
        """Return how bodies are packed."""
        known = tuple(Compression)
        if given not in known:
            raise self.error(f"compression is {given!r}; known: {', '.join(known)}")
        return Compression(str(given))

    def seconds(self, given: object) -> float:
        """Return how long an answer may take."""
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise self.error(f"timeout_s is {given!r}; give seconds")
        if not 0 < given <= MAX_TIMEOUT_S:
            raise self.error(
                f"timeout_s is {given!r}; give seconds, more than 0 and at most {MAX_TIMEOUT_S:g}"
            )
        return float(given)

    def temporality(self, given: object) -> None:
        """Accept delta, and say why nothing else is."""
        if given != "delta":
            raise self.error(
                f"temporality is {given!r}, but only 'delta' can be exported: any process may send "
                "any event, so none of them could keep a total; let a Collector make totals with "
                "its processor 'deltatocumulative'"
            )

    def resource(self, given: object, service_name: object) -> dict[str, Value]:
        """Return the attributes of the resource: as the SDK's, what is given here before them."""
        out: dict[str, Value] = {"service.name": SERVICE, **_SDK}
        out |= _pairs(self._set("OTEL_RESOURCE_ATTRIBUTES"))
        named = self._set("OTEL_SERVICE_NAME") or self._set("VIDOBS_SERVICE_NAME")
        if named:
            out["service.name"] = named
        out |= self._resource(given)
        if service_name is not None:
            if not isinstance(service_name, str) or not service_name:
                raise self.error(f"service_name is {service_name!r}; give text")
            out["service.name"] = service_name
        return out

    def _resource(self, given: object) -> dict[str, Value]:
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            raise self.error("resource is no mapping; give names and values")
        for name, value in given.items():
            if not isinstance(name, str) or not isinstance(value, str | bool | int | float):
                raise self.error(f"resource: {name!r} is neither text, nor a number, nor a boolean")
        return dict(given)

    def _set(self, variable: str) -> str:
        return self._environ.get(variable, "").strip()

    def _url(self, source: str, given: object) -> str:
        """Return a URL without the slash at its end. It is not quoted: it may hold a secret."""
        if not isinstance(given, str) or not _is_url(given):
            raise self.error(
                f"{source} is no URL that can be used; write it like 'http://localhost:4318', "
                "and put keys into headers"
            )
        url = given.rstrip("/")
        if _SIGNAL_PATH.search(url):
            raise self.error(f"{source} ends with the path of one signal; leave '/v1/...' out")
        return url

    def _headers(self, source: str, given: object) -> dict[str, str]:
        """Return headers: of a mapping, or of text like `name=value,name=value`."""
        if given is None:
            return {}
        headers = _pairs(given) if isinstance(given, str) else given
        if not isinstance(headers, Mapping) or (given and not headers):
            raise self.error(
                f"{source} are no headers; give names and values, or 'name=value,name=value'"
            )
        for name, value in headers.items():
            self._check_header(source, name, value)
        return dict(headers)

    def _check_header(self, source: str, name: object, value: object) -> None:
        """A value is never quoted."""
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise self.error(f"{source}: {name!r} is no name of a header")
        if name.lower() in _OURS:
            raise self.error(f"{source}: {name} is set by vidobs; remove it")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise self.error(
                f"{source}: the value of {name} cannot stand in a header; give plain text without "
                "line breaks, and quote a number"
            )


def _is_url(given: str) -> bool:
    try:
        parsed = urlsplit(given)
        parsed.port  # noqa: B018 - raises for one that is no number
    except ValueError:
        return False
    plain = given.isascii() and given.isprintable() and " " not in given
    bare = not (parsed.query or parsed.fragment or "@" in parsed.netloc)
    return plain and bare and parsed.scheme in ("http", "https") and bool(parsed.hostname)


def _pairs(given: str) -> dict[str, str]:
    """Read `key=value,key=value` with percent-encoded values; what is neither is passed over.

    https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables
    """
    pairs = (pair.partition("=") for pair in given.split(","))
    return {key.strip(): unquote(value.strip()) for key, equals, value in pairs if equals}
