"""LiteLLM's names for where to log, in our terms; https://docs.litellm.ai/docs/observability."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from vidobs.config.yaml_file import Unset
from vidobs.core.events import EventName

Options: TypeAlias = Mapping[str, object]
Environ: TypeAlias = Mapping[str, str]

# What LiteLLM's failure_callback is told of; its success_callback is told of everything else.
FAILURES = (
    EventName.FAILED,
    EventName.EXPIRED,
    EventName.UNKNOWN,
    EventName.MISMATCH,
    EventName.STUCK,
    EventName.CALL_FAILED,
    EventName.BUDGET_EXCEEDED,
    EventName.GUARDRAIL_BLOCKED,
    EventName.GUARDRAIL_FLAGGED,
    EventName.EXPORTER_DOWN,
)
ONLY_FAILURES = [name.value for name in FAILURES]
NO_FAILURES = [f"!{name.value}" for name in FAILURES]
# What vidobs has no exporter for. Any name that is neither here nor known to us is an error.
WITHOUT_EXPORTER = frozenset({
    "agentops", "argilla", "arize", "arize_phoenix", "athina", "aws_sqs", "azure_sentinel",
    "azure_storage", "bitbucket", "braintrust", "clickhouse", "cloudzero",
    "datadog_cost_management", "deepeval", "dotprompt", "dynamodb", "email", "focus", "galileo",
    "gcs_bucket", "gcs_pubsub", "gitlab", "greenscale", "humanloop", "lago", "langtrace", "levo",
    "literalai", "logfire", "lunary", "mavvrik", "mlflow", "newrelic", "openmeter", "opik",
    "pagerduty", "pointfive", "posthog", "prometheus", "promptlayer", "resend_email", "s3",
    "s3_v2", "sendgrid_email", "sentry", "signoz", "slack", "smtp_email", "supabase", "ternary",
    "traceloop", "vantage", "wandb", "weave_otel", "zerobus",
})  # fmt: skip
# What does something else than log.
NO_LOGGERS = frozenset({
    "anthropic_cache_control_hook", "cache", "compression_interception", "dynamic_rate_limiter",
    "dynamic_rate_limiter_v3", "litellm_agent", "vector_store_pre_call_hook",
})  # fmt: skip
_LANGFUSE = "/api/public/otel"
_SIGNAL = "/v1/traces"


class Ours(msgspec.Struct, frozen=True):
    """An exporter of ours for a name of LiteLLM's, set up by the variables LiteLLM reads."""

    exporter_id: str
    preset: Callable[[Environ, str], Options]  # of the environment and a place for error texts


def _nothing(_: Environ, __: str) -> Options:
    return {}


def _llm_observability(_: Environ, __: str) -> Options:
    return {"llmobs": True}


def _langsmith(environ: Environ, _: str) -> Options:
    rate = environ.get("LANGSMITH_SAMPLING_RATE")
    return {"sample": rate} if rate else {}


def _otel(environ: Environ, _: str) -> Options:
    """The two variables that only LiteLLM has; the exporter itself reads the others."""
    endpoint, headers = environ.get("OTEL_ENDPOINT"), environ.get("OTEL_HEADERS")
    if not endpoint:
        return {}
    return {
        "endpoint": endpoint.rstrip("/").removesuffix(_SIGNAL),
        **({"headers": headers} if headers else {}),
    }


def _langfuse(host: str) -> Callable[[Environ, str], Options]:
    def preset(environ: Environ, where: str) -> Options:
        server = environ.get("LANGFUSE_OTEL_HOST") or environ.get("LANGFUSE_HOST") or host
        if "://" not in server:
            server = f"https://{server}"
        return {
            "dialect": "langfuse",
            "endpoint": server.rstrip("/").removesuffix(_LANGFUSE) + _LANGFUSE,
            "headers": _langfuse_headers(environ, where),
        }

    return preset


def _langfuse_headers(environ: Environ, where: str) -> dict[str, str] | Unset:
    names = ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY")
    for name in names:
        if not environ.get(name):
            return _unset(where, "langfuse", name)
    keys = ":".join(environ[name] for name in names)
    return {"Authorization": f"Basic {b64encode(keys.encode()).decode()}"}


def _generic_api(environ: Environ, where: str) -> Options:
    url = environ.get("GENERIC_LOGGER_ENDPOINT")
    pairs = (pair.partition("=") for pair in environ.get("GENERIC_LOGGER_HEADERS", "").split(","))
    headers = {name.strip(): value.strip() for name, equals, value in pairs if equals}
    return {
        "url": url or _unset(where, "generic_api", "GENERIC_LOGGER_ENDPOINT"),
        **({"headers": headers} if headers else {}),
    }


def _unset(where: str, name: str, variable: str) -> Unset:
    problem = f"{where}: {name} needs the environment variable {variable}, which is not set"
    return Unset(f"${{env:{variable}}}", problem)


OURS: Mapping[str, Ours] = {
    "datadog_llm_observability": Ours("datadog", _llm_observability),
    "datadog_metrics": Ours("datadog", _nothing),
    "generic_api": Ours("webhook/generic_api", _generic_api),
    "langfuse": Ours("otlp/langfuse", _langfuse("https://cloud.langfuse.com")),
    "langfuse_otel": Ours("otlp/langfuse", _langfuse("https://us.cloud.langfuse.com")),
    "langsmith": Ours("langsmith", _langsmith),
    "otel": Ours("otlp", _otel),
}
