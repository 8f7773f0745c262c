"""From options and Datadog's variables to settings, with errors that say what to change."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from vidobs import ConfigError
from vidobs_exporters.datadog.names import unified
from vidobs_exporters.datadog.settings import (
    LlmObs,
    Logs,
    Mode,
    Options,
    Overrides,
    Secret,
    Settings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs_exporters.datadog.names import Unified

SITE = "datadoghq.com"
AGENT = "http://localhost:4318"  # OTLP over HTTP
MAX_TIMEOUT_S = 45.0  # all roads end within the time after which the relay gives a batch up

_SITE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_URL = re.compile(
    r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?"
)
_KEY = re.compile(r"[!-~]+")
_SIGNAL = re.compile(r"/v1/(traces|metrics|logs)/?$")
_NEEDS_KEY = "needs an API key; set DD_API_KEY, or the option api_key"

C = TypeVar("C", bound=StrEnum)


def settings_of(name: str, options: Options, environ: Mapping[str, str]) -> Settings:
    """Return what the exporter `name` is to do.

    Raises:
        ConfigError: an option cannot be used, two contradict each other, or one is missing.
    """
    ask = _Asked(name, options, environ)
    key, names, site = ask.key(), ask.names(), ask.site()
    mode = ask.choice("mode", Mode.OTLP)
    otlp_url, otlp_key = ask.otlp(mode, site, has_key=key is not None)
    llmobs = ask.choice("llmobs", _usual_llmobs(mode, key))
    settings = Settings(
        mode=mode,
        names=names,
        site=site,
        key=key,
        otlp_url=otlp_url,
        otlp_key=otlp_key,
        traces=_usual_traces(mode, llmobs, otlp_key=otlp_key)
        if options.traces is None
        else options.traces,
        metrics=options.metrics,
        logs=ask.choice("logs", _usual_logs(key, otlp_url, otlp_key=otlp_key)),
        llmobs=llmobs,
        ml_app=ask.text("ml_app", "DD_LLMOBS_ML_APP"),
        overrides=Overrides(
            options.service, options.env, options.version, options.llmobs is not None
        ),
        logs_url=ask.url("logs_url") or f"https://http-intake.logs.{site}/api/v2/logs",
        llmobs_url=ask.url("llmobs_url") or f"https://api.{site}/api/intake/llm-obs/v1/trace/spans",
        timeout_s=ask.seconds(),
    )
    ask.agree(settings)
    return settings


def _usual_llmobs(mode: Mode, key: Secret | None) -> LlmObs:
    """Where the cost can go along, it does."""
    if mode is Mode.DDTRACE:
        return LlmObs.SDK
    return LlmObs.OTLP if key is None else LlmObs.API


def _usual_traces(mode: Mode, llmobs: LlmObs, *, otlp_key: bool) -> bool:
    """Not every account may send spans to the intake; to make LLM Observability of them all may."""
    return mode is Mode.OTLP and (not otlp_key or llmobs is LlmObs.OTLP)


def _usual_logs(key: Secret | None, otlp_url: str | None, *, otlp_key: bool) -> Logs:
    if otlp_url is not None and not otlp_key:
        return Logs.OTLP
    return Logs.OFF if key is None else Logs.INTAKE


def _uses_an_api(settings: Settings) -> bool:
    return settings.logs is Logs.INTAKE or settings.llmobs is LlmObs.API


class _Asked:
    """Reads and checks what was given for one exporter."""

    def __init__(self, name: str, options: Options, environ: Mapping[str, str]) -> None:
        self._name = name
        self._options = options
        self._environ = environ
        self._given = options._asdict()

    def error(self, said: str) -> ConfigError:
        return ConfigError(f"exporter {self._name!r}: {said}")

    def choice(self, option: str, usual: C) -> C:
        """Return an option that has few values; YAML reads a bare `off` as false."""
        given = self._given[option]
        if given is None or given is True:
            return usual
        wanted = "off" if given is False else given
        known = [member.value for member in type(usual)]
        if wanted not in known:
            raise self.error(f"{option} is {given!r}; known: {', '.join(sorted(known))}")
        return type(usual)(wanted)

    def text(self, option: str, variable: str) -> str | None:
        given = self._given[option]
        if given is not None and not isinstance(given, str):
            raise self.error(f"{option} is {given!r}; give a text")
        return given or self._environ.get(variable, "").strip() or None

    def names(self) -> Unified:
        return unified(
            self.text("service", "DD_SERVICE") or self.text("service_name", "VIDOBS_SERVICE_NAME"),
            self.text("env", "DD_ENV"),
            self.text("version", "DD_VERSION"),
            self._environ,
        )

    def site(self) -> str:
        given = self.text("site", "DD_SITE") or SITE
        if not _SITE.fullmatch(given):
            raise self.error(
                f"site is {given!r}; give the domain of your Datadog account without a scheme, "
                "such as 'datadoghq.com', 'us5.datadoghq.com' or 'datadoghq.eu' (DD_SITE)"
            )
        return given

    def key(self) -> Secret | None:
        given = self.text("api_key", "DD_API_KEY")
        if given is not None and not _KEY.fullmatch(given):
            raise self.error(
                "the API key holds a space, a line break or a letter that no key has; "
                "look at DD_API_KEY, or the option api_key"
            )
        return None if given is None else Secret(given)

    def otlp(self, mode: Mode, site: str, *, has_key: bool) -> tuple[str | None, bool]:
        """Return where OTLP goes, and whether the key goes with it.

        A key that only the environment has is kept from an endpoint that is not Datadog's: that is
        an Agent or a Collector.
        """
        intake = f"https://otlp.{site}"
        endpoint = self.url("endpoint")
        if endpoint is not None:
            return endpoint, has_key and (endpoint == intake or bool(self._options.api_key))
        if mode is Mode.DDTRACE:
            return None, False
        host = self._environ.get("DD_AGENT_HOST", "").strip()
        if host:
            return self._agent(host), False
        return (intake, True) if has_key else (AGENT, False)

    def url(self, option: str) -> str | None:
        given = self._given[option]
        if given is None:
            return None
        if not isinstance(given, str) or not _URL.fullmatch(given):
            raise self.error(f"{option} is no URL that can be used; give one such as {AGENT!r}")
        if option == "endpoint" and _SIGNAL.search(given):
            raise self.error("endpoint ends with the path of one signal; leave '/v1/...' out")
        return given.rstrip("/")

    def seconds(self) -> float:
        given = self._given["timeout_s"]
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise self.error(f"timeout_s is {given!r}; give seconds")
        if not 0 < given <= MAX_TIMEOUT_S:
            raise self.error(
                f"timeout_s is {given!r}; give seconds, more than 0 and at most {MAX_TIMEOUT_S:g}"
            )
        return float(given)

    def agree(self, settings: Settings) -> None:
        """Look for settings that do not go together."""
        if settings.logs is Logs.INTAKE and settings.key is None:
            raise self.error(f"logs: intake {_NEEDS_KEY}")
        if settings.llmobs is LlmObs.API and settings.key is None:
            raise self.error(f"llmobs: api {_NEEDS_KEY}")
        if settings.logs is Logs.OTLP and settings.otlp_url is None:
            raise self.error("logs: otlp needs the option endpoint in mode ddtrace")
        if settings.llmobs is LlmObs.SDK and settings.mode is not Mode.DDTRACE:
            raise self.error("llmobs: sdk needs mode: ddtrace")
        if settings.llmobs is LlmObs.OTLP and not settings.traces:
            raise self.error("llmobs: otlp needs spans by OTLP: mode otlp, and not traces: false")
        if settings.traces and settings.mode is Mode.DDTRACE:
            raise self.error("traces: true would send spans twice in mode ddtrace; leave it out")

        if not (settings.otlp_urls or settings.mode is Mode.DDTRACE or _uses_an_api(settings)):
            raise self.error("everything is switched off; remove the exporter instead")

    def _agent(self, host: str) -> str:
        address = f"[{host}]" if ":" in host else host
        url = f"http://{address}:4318"
        if not _URL.fullmatch(url):
            raise self.error(f"DD_AGENT_HOST is {host!r}; give a host name or an address")
        return url
