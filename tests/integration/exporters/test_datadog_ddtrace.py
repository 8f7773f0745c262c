"""vidobs in a process with ddtrace: whose trace a job is in, and what is not there is said."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sink_kit import Sink

PROGRAM = Path(__file__).with_name("ddtrace_program.py")
QUIET = {
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_CRASHTRACKING_ENABLED": "false",
    "PYTHONWARNINGS": "ignore::DeprecationWarning",
}


def python(*arguments, **variables):
    """Run Python in a process of its own; return the last line that it wrote, as JSON."""
    ran = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **QUIET, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_a_create_joins_the_trace_of_ddtrace():
    """It is under the active span, in its whole 128-bit trace, and the decision is kept."""
    said = python(PROGRAM, "joined")

    assert said["trace_id"] == f"{said['span']:032x}"
    assert said["parent_id"] == f"{said['of']:016x}"
    assert said["sampled"] is True
    assert "s:1" in said["tracestate"]


@pytest.mark.slow
def test_a_trace_that_is_dropped_takes_the_job_along():
    """What ddtrace was told to drop is not sampled here either."""
    said = python(PROGRAM, "rejected")

    assert said["sampled"] is False
    assert "s:-1" in said["tracestate"]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["alone", "otel"])
def test_without_an_active_span_nothing_is_joined(what):
    """A job is in a trace of its own, and with OpenTelemetry in the trace of that."""
    said = python(PROGRAM, what)

    assert (said["parent_id"], said["tracestate"]) == (None, None)


@pytest.mark.slow
def test_llm_observability_that_cannot_be_had():
    """The agent does not take it and there is no key: that is said, and tried again."""
    with Sink() as agent:
        agent.answers(200, {"Content-Type": "application/json"}, body=b'{"endpoints": []}')
        said = python(PROGRAM, "no_key", DD_TRACE_AGENT_URL=agent.url)

    assert said["said"].startswith(
        "exporter 'datadog': ddtrace cannot switch LLM Observability on: DD_API_KEY is required"
    )
    assert said["retryable"] is None


MISSING = """
import json, sys
sys.modules[{missing!r}] = None
from vidobs import MissingExtraError
from vidobs_exporters.datadog import DatadogExporter
try:
    DatadogExporter({options})
except MissingExtraError as error:
    said = str(error)
else:
    said = "nothing"
print(json.dumps([said, "ddtrace.trace" in sys.modules]))
"""


@pytest.mark.parametrize(
    ("missing", "options", "said"),
    [
        (
            "opentelemetry.proto",
            "",
            (
                "exporter 'datadog' needs packages that are not installed; install them with: "
                "pip install 'vidobs[datadog]'"
            ),
        ),
        (
            "ddtrace",
            "mode='ddtrace'",
            (
                "exporter 'datadog' in mode ddtrace needs packages that are not installed; "
                "install them with: pip install 'vidobs[datadog]'"
            ),
        ),
        ("ddtrace", "", "nothing"),
    ],
)
def test_what_is_not_installed_is_said(missing, options, said):
    """Only what a mode needs is imported, and what is not there is named."""
    found = python("-c", MISSING.format(missing=missing, options=options))

    assert found == [said, False]
