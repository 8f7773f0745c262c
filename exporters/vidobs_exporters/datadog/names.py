"""Under which names data appears in Datadog: unified service tags, and ids as Datadog writes them.

https://docs.datadoghq.com/getting_started/tagging/unified_service_tagging/
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

V = TypeVar("V")

SERVICE = "vidobs"  # where nobody named one
SOURCE = "vidobs"
MAX_TAG = 200  # characters of a tag, its key included

_TAGS = {
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.request.model",
    "state": "vidobs.job.state",
    "reason": "vidobs.job.reason",
}
_NO_TAG_VALUE = re.compile(r"[\s,]+")  # a comma ends a tag


class Unified(msgspec.Struct, frozen=True):
    """The service, its environment and its version: what joins traces, metrics and logs."""

    service: str
    env: str | None = None
    version: str | None = None
    source: str = SOURCE  # of logs, which picks their pipeline

    @property
    def resource(self) -> dict[str, str]:
        """The same as attributes of an OpenTelemetry resource."""
        named = {
            "service.name": self.service,
            "deployment.environment.name": self.env,
            "service.version": self.version,
        }
        return {key: value for key, value in named.items() if value}

    @property
    def tags(self) -> list[str]:
        """The same as tags."""
        named = {"env": self.env, "service": self.service, "version": self.version}
        return [tag(key, value) for key, value in named.items() if value]


def unified(
    service: str | None, env: str | None, version: str | None, environ: Mapping[str, str]
) -> Unified:
    """Return the names that were given, else those that OpenTelemetry's variables give."""
    otel = _resource_attributes(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    return Unified(
        service=service or environ.get("OTEL_SERVICE_NAME") or otel.get("service.name") or SERVICE,
        env=env or otel.get("deployment.environment.name") or otel.get("deployment.environment"),
        version=version or otel.get("service.version"),
        source=environ.get("DD_SOURCE") or SOURCE,
    )


def bounded(attributes: Mapping[str, object]) -> dict[str, str]:
    """Return what of a job has few values; ids, users and what users made up have not."""
    return {key: str(attributes[name]) for key, name in _TAGS.items() if name in attributes}


def bounded_tags(attributes: Mapping[str, object]) -> list[str]:
    """Return the same as tags."""
    return [tag(key, value) for key, value in bounded(attributes).items()]


def tag(key: str, value: str) -> str:
    """Return a tag; what would end it early becomes an underscore.

    >>> tag("model", "sora 2,pro")
    'model:sora_2_pro'
    """
    return f"{key}:{_NO_TAG_VALUE.sub('_', value.strip())}"[:MAX_TAG]


def apart(attributes: Mapping[str, V]) -> dict[str, V]:
    """Return attributes under names of which Datadog makes nothing for LLM Observability.

    It looks for `gen_ai.*`. Its own switch, `dd_llmobs_enabled`, keeps out the whole trace, and so
    what the caller has in it.
    """
    return {
        f"vidobs.{name}" if name.startswith("gen_ai.") else name: value
        for name, value in attributes.items()
    }


def flat(attribute: str) -> str:
    """Return the name of an attribute as a key: LLM Observability takes none with a dot.

    >>> flat("vidobs.cost.usd"), flat("gen_ai.response.id")
    ('cost_usd', 'response_id')
    """
    return attribute.removeprefix("vidobs.").removeprefix("gen_ai.").replace(".", "_")


def correlation(trace_id: str, span_id: str) -> dict[str, str]:
    """Return the attributes that lead from a log to its span: 32 hex digits, and a decimal number.

    https://docs.datadoghq.com/tracing/other_telemetry/connect_logs_and_traces/
    """
    return {"dd.trace_id": trace_id, "dd.span_id": str(int(span_id, 16))}


def dd_state(tracestate: str | None) -> dict[str, str]:
    """Read what ddtrace keeps in a W3C tracestate: `s` is its decision on sampling.

    >>> dd_state("other=1,dd=s:2;t.dm:-4")
    {'s': '2', 't.dm': '-4'}
    """
    for member in (tracestate or "").split(","):
        key, _, value = member.strip().partition("=")
        if key == "dd":
            pairs = (pair.partition(":") for pair in value.split(";"))
            return {name: text for name, colon, text in pairs if colon}
    return {}


def _resource_attributes(given: str) -> dict[str, str]:
    """Read `key=value,key=value`; what is neither is passed over.

    https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable
    """
    pairs = (pair.partition("=") for pair in given.split(","))
    return {key.strip(): unquote(value.strip()) for key, equals, value in pairs if equals}
