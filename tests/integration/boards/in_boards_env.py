"""Run by the interpreter of .venv/boards: what others' libraries make of what we wrote.

`in_boards_env.py grafana|datadog|names` reads JSON from stdin and prints JSON: the dashboard as
Grafana's SDK reads and writes it, what Datadog's models do not know, or the names under which
OpenTelemetry's own exporter shows some instruments to Prometheus.
"""

import json
import sys


def grafana(given):
    """Read the dashboard into Grafana's models, and write it again."""
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(given)))


def datadog(given):
    """Return where Datadog's models find a value or a field that they do not know."""
    from datadog_api_client import Configuration
    from datadog_api_client.model_utils import validate_and_convert_types
    from datadog_api_client.v1.model.dashboard import Dashboard

    read = validate_and_convert_types(given, (Dashboard,), ["board"], True, True, Configuration())
    return list(_odd(read, ""))


def _odd(part, place):
    inside = getattr(part, "__dict__", {})
    if type(part).__name__ == "UnparsedObject" or inside.get("_unparsed"):
        yield f"{place}: no {type(part).__name__}"
        return
    if isinstance(part, list):
        for number, one in enumerate(part):
            yield from _odd(one, f"{place}[{number}]")
    for name, one in inside.get("_data_store", {}).items():
        if name not in part.openapi_types:
            yield f"{place}.{name}: unknown to {type(part).__name__}"
        yield from _odd(one, f"{place}.{name}")
    for one in inside.get("_composed_instances", ()):
        yield from _odd(one, place)


def names(given):
    """Return the names of the samples that OpenTelemetry's exporter shows of each instrument."""
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.metrics import Observation
    from opentelemetry.sdk.metrics import MeterProvider
    from prometheus_client import REGISTRY

    meter = MeterProvider([PrometheusMetricReader()]).get_meter("vidobs")
    for one in given:
        name, unit = one["name"], one["unit"]
        if one["kind"] == "counter":
            meter.create_counter(name, unit).add(1)
        elif one["kind"] == "up-down counter":
            meter.create_up_down_counter(name, unit).add(1)
        elif one["kind"] == "histogram":
            meter.create_histogram(name, unit).record(1)
        else:
            meter.create_observable_gauge(name, [lambda _: [Observation(1)]], unit)
    shown = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    return sorted(name for name in shown if name.startswith(("vidobs", "gen_ai")))


if __name__ == "__main__":
    answer = {"grafana": grafana, "datadog": datadog, "names": names}[sys.argv[1]]
    json.dump(answer(json.load(sys.stdin)), sys.stdout)
