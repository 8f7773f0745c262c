"""Real jobs through the Datadog exporter into the agent that Datadog tests its tracers with."""

import base64
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import ddagent_kit
import openai
import pytest

import vidobs
from vidobs.telemetry.times import ns
from vidobs.testing import Sandbox, isolated

pytestmark = pytest.mark.real

PROGRAM = Path(__file__).with_name("datadog_program.py")
SOON = 60
QUIET = {
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_CRASHTRACKING_ENABLED": "false",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One agent for all tests of this file."""
    if not ddagent_kit.installed():
        pytest.skip("the test agent is not installed; run: make ddagent-env")
    with ddagent_kit.TestAgent.started(tmp_path_factory.mktemp("ddagent")) as agent:
        yield agent


@pytest.fixture
def agent(running):
    """The agent, with nothing in it, and with nothing to complain of at the end."""
    running.clear()
    yield running
    assert running.failures() == ""


@pytest.fixture
def sandbox():
    """Twenty times faster than usual."""
    with Sandbox(time_scale=0.05) as one:
        yield one


# -- by OTLP ---------------------------------------------------------------------------------------


def job_by_otlp(agent, sandbox):
    """Make a video with an exporter that sends OTLP to the agent; return the job."""
    options = {"endpoint": agent.otlp_url, "service": "studio", "env": "ci", "version": "4.1"}
    with isolated(callbacks=["datadog"], exporters={"datadog": options}) as seen:
        client = vidobs.wrap(openai.OpenAI(base_url=sandbox.base_url, api_key="sk-test"))
        video = client.videos.create_and_poll(
            prompt="a heron lands", model="sora-2", seconds="4", size="160x96"
        )
        client.videos.download_content(video.id).read()
        assert vidobs.flush(SOON) == 0
        [job] = seen.jobs
        return job, seen.events_of(job)


def values(attributes):
    """Return attributes as the agent shows them as a dictionary of texts."""
    return {pair["key"]: next(iter(pair["value"].values())) for pair in attributes}


def within(requests, whole, scoped, items):
    """Return what is inside of requests: resource by resource, scope by scope."""
    for request in requests:
        for resource in request[whole]:
            named = values(resource["resource"]["attributes"])
            assert (named["service.name"], named["service.version"]) == ("studio", "4.1")
            assert named["deployment.environment.name"] == "ci"
            for scope in resource[scoped]:
                yield from scope[items]


def hexed(encoded):
    """Return an id of the agent's JSON as W3C writes it."""
    return base64.b64decode(encoded).hex()


def test_a_job_arrives_as_spans(agent, sandbox):
    """One trace: the create, polls, the download, and the job with its true times and its cost."""
    job, _ = job_by_otlp(agent, sandbox)

    spans = list(within(agent.otlp("traces"), "resource_spans", "scope_spans", "spans"))
    named = {span["name"]: span for span in spans}
    assert set(named) == {
        *("generate_content sora-2", "fetch_response", "download_video", "video_job sora-2"),
    }
    assert {hexed(span["trace_id"]) for span in spans} == {job.trace.trace_id}
    create = named.pop("generate_content sora-2")
    assert hexed(create["span_id"]) == job.trace.span_id
    assert {span["parent_span_id"] for span in named.values()} == {create["span_id"]}
    whole = named["video_job sora-2"]
    assert int(whole["start_time_unix_nano"]) == ns(job.created_at)
    assert int(whole["end_time_unix_nano"]) == ns(job.finished_at)
    said = values(whole["attributes"])
    assert said["vidobs.cost.usd"] == 0.4
    assert json.loads(said["_dd.ml_obs.metadata"])["cost_usd"] == 0.4
    assert job.cost.usd == Decimal("0.4")


def test_a_job_arrives_as_logs(agent, sandbox):
    """A record per event, which leads to the trace by Datadog's ids and by OpenTelemetry's."""
    job, events = job_by_otlp(agent, sandbox)

    records = list(within(agent.otlp("logs"), "resource_logs", "scope_logs", "log_records"))
    records.sort(key=lambda record: values(record["attributes"])["vidobs.event.id"])
    assert [record["body"]["string_value"] for record in records] == [e.name for e in events]
    for record in records:
        said = values(record["attributes"])
        assert hexed(record["trace_id"]) == said["dd.trace_id"] == job.trace.trace_id
        assert int(said["dd.span_id"]) == int(job.trace.span_id, 16)
    assert values(records[-1]["attributes"])["vidobs.cost.usd"] == 0.4


def test_a_job_arrives_as_metrics(agent, sandbox):
    """Deltas, which add up to one job, its length and its cost."""
    _, events = job_by_otlp(agent, sandbox)

    sums, counts = {}, {}
    for metric in within(agent.otlp("metrics"), "resource_metrics", "scope_metrics", "metrics"):
        kind = metric.get("sum") or metric["histogram"]
        assert kind["aggregation_temporality"] == "AGGREGATION_TEMPORALITY_DELTA"
        for point in kind["data_points"]:
            value = float(point.get("as_double", point.get("as_int", point.get("sum", 0))))
            sums[metric["name"]] = sums.get(metric["name"], 0) + value
            counts[metric["name"]] = counts.get(metric["name"], 0) + int(point.get("count", 1))
    assert sums["vidobs.video.cost"] == pytest.approx(0.4)
    assert sums["vidobs.video.output_seconds"] == 4
    assert sums["vidobs.jobs"] == len(events)
    assert sums["vidobs.job.active"] == 0
    assert counts["vidobs.job.duration"] == 1


def test_no_key_goes_to_the_agent(agent, sandbox, monkeypatch):
    """The key of the environment stays here; the agent has its own."""
    monkeypatch.setenv("DD_API_KEY", "canary0123456789abcdef0123456789")
    options = {"endpoint": agent.otlp_url, "llmobs": False, "logs": "otlp"}
    with isolated(callbacks=["datadog"], exporters={"datadog": options}):
        client = vidobs.wrap(openai.OpenAI(base_url=sandbox.base_url, api_key="sk-test"))
        client.videos.create(prompt="a heron lands", model="sora-2", seconds="4")
        assert vidobs.flush(SOON) == 0

    requests = agent.otlp_requests()
    assert requests
    assert "canary" not in json.dumps(requests)


# -- through ddtrace -------------------------------------------------------------------------------


def program(what, agent, *, sandbox=None, ledger, url=None, killed=False):
    """Run the program of a team on ddtrace, set up for the agent or a URL; return what it said."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DD_")}
    env |= QUIET
    env["DD_TRACE_AGENT_URL"] = url or agent.url
    env["DD_SERVICE"], env["DD_ENV"], env["DD_VERSION"] = "studio", "ci", "4.1"
    env["_DD_TRACE_WRITER_ADDITIONAL_HEADERS"] = f"X-Datadog-Test-Session-Token:{ledger.name}"
    videos = "" if sandbox is None else sandbox.base_url
    ran = subprocess.run(
        [sys.executable, PROGRAM, what, videos, f"sqlite:///{ledger}/ledger.db"],
        env=env,
        capture_output=True,
        text=True,
        timeout=SOON,
        check=False,
    )
    assert (ran.returncode == 0) is not killed, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def by_name(spans):
    """Return the only span of each name, polls and HTTP requests aside."""
    many = ("vidobs.fetch_response", "http.request")
    ones = [span for span in spans if span["name"] not in many]
    assert len({span["name"] for span in ones}) == len(ones)
    return {span["name"]: span for span in ones}


def one_trace(spans, said):
    """Check that vidobs' spans are in the trace of the caller, under its span; return them."""
    high, low = said["trace_id"][:16], int(said["trace_id"][16:], 16)
    assert {span["trace_id"] for span in spans} == {low}
    named = by_name(spans)
    roots = [span for span in spans if "_dd.p.tid" in span["meta"]]
    assert {span["meta"]["_dd.p.tid"] for span in roots} == {high}
    create = named["vidobs.generate_content"]
    assert named["web.request"]["span_id"] == said["span_id"] == create["parent_id"]
    under = [span for span in spans if span.get("parent_id") == create["span_id"]]
    assert {span["name"] for span in under} == {
        *("vidobs.fetch_response", "vidobs.download_video", "vidobs.video_job"),
    }
    return named


def test_spans_are_in_the_trace_of_the_caller(agent, sandbox, tmp_path):
    """Native spans under the span that was active at the create, with their own times."""
    said = program("whole", agent, sandbox=sandbox, ledger=tmp_path)

    spans = agent.spans(tmp_path.name)
    named = one_trace(spans, said)
    job = named["vidobs.video_job"]
    assert said["left"] == 0
    assert job["resource"] == "video_job sora-2"
    assert (job["service"], job["meta"]["env"], job["meta"]["version"]) == ("studio", "ci", "4.1")
    assert job["meta"]["vidobs.gen_ai.response.id"] == said["video"]
    assert job["metrics"]["vidobs.cost.usd"] == 0.4
    create = named["vidobs.generate_content"]
    assert job["start"] == create["start"] // 1000 * 1000  # jobs are kept in microseconds
    assert job["duration"] > create["duration"] > 0
    assert create["meta"]["span.kind"] == "client"
    decided = {span["metrics"].get("_sampling_priority_v1") for span in spans}  # by chunk
    assert decided - {None} == {1}


def test_a_request_has_one_span(agent, sandbox, tmp_path):
    """It is from ddtrace; vidobs makes no second one, and none of its own requests."""
    said = program("whole", agent, sandbox=sandbox, ledger=tmp_path)

    spans = [span for span in agent.spans(tmp_path.name) if span["name"] == "http.request"]
    assert {span["trace_id"] for span in spans} == {int(said["trace_id"][16:], 16)}
    assert len(spans) == len(sandbox.requests)


def test_opentelemetry_makes_no_second_span_of_a_request(agent, sandbox, tmp_path):
    """With a provider set up and httpx patched by ddtrace, `http_spans: all` adds none."""
    said = program("twice", agent, sandbox=sandbox, ledger=tmp_path)

    ours = {name.partition(" ")[0] for name in said["spans"]}
    assert ours == {"generate_content", "fetch_response", "download_video", "video_job"}
    http = [span for span in agent.spans(tmp_path.name) if span["name"] == "http.request"]
    assert len(http) == len(sandbox.requests)


def test_a_job_is_in_llm_observability(agent, sandbox, tmp_path):
    """One span of kind `llm`, from create to end, with the cost in dollars."""
    said = program("whole", agent, sandbox=sandbox, ledger=tmp_path)

    [span] = agent.llmobs(tmp_path.name)
    job = by_name(agent.spans(tmp_path.name))["vidobs.video_job"]
    assert span["name"] == "video_job sora-2"
    assert (span["start_ns"], span["duration"]) == (job["start"], job["duration"])
    assert span["span_id"] == span["_dd"]["span_id"] == str(job["span_id"])
    assert span["_dd"]["apm_trace_id"] == said["trace_id"]
    assert span["metrics"] == {"total_cost": 0.4}
    assert span["meta"]["span"] == {"kind": "llm"}
    assert (span["meta"]["model_name"], span["meta"]["model_provider"]) == ("sora-2", "openai")
    assert span["meta"]["metadata"]["cost_status"] == "settled"
    assert span["meta"]["output"]["messages"][0]["content"].startswith(said["video"])
    assert "heron" not in json.dumps(span)
    assert {"ml_app:film", "provider:openai", "model:sora-2", "state:completed"} <= {*span["tags"]}


def test_llm_observability_stays_as_the_program_set_it_up(agent, sandbox, tmp_path):
    """Where it is on, jobs are in it, under the program's own name for it."""
    program("mine", agent, sandbox=sandbox, ledger=tmp_path)

    [span] = agent.llmobs(tmp_path.name)
    assert "ml_app:mine" in span["tags"]


def test_llm_observability_is_not_switched_on_unasked(agent, sandbox, tmp_path):
    """Where it is off, jobs are spans, and nothing else."""
    said = program("plain", agent, sandbox=sandbox, ledger=tmp_path)

    assert said["llmobs"] is False
    assert agent.llmobs(tmp_path.name) == []
    one_trace(agent.spans(tmp_path.name), said)


def test_a_trace_is_completed_by_another_process(agent, sandbox, tmp_path):
    """What a killed process has left is exported into the trace it belongs to."""
    said = program("killed", agent, sandbox=sandbox, ledger=tmp_path, killed=True)
    later = program("later", agent, ledger=tmp_path)

    spans = {span["span_id"]: span for span in agent.spans(tmp_path.name)}
    assert later["left"] == 0
    one_trace(list(spans.values()), said)


def test_events_wait_for_an_agent_that_is_away(agent, sandbox, tmp_path):
    """Nothing is handed to ddtrace, which would drop it; all of it is exported later."""
    [port] = ddagent_kit.free_ports(1)
    away = f"http://127.0.0.1:{port}"
    said = program("away", agent, sandbox=sandbox, ledger=tmp_path, url=away)
    later = program("later", agent, ledger=tmp_path)

    names = [span["name"] for span in agent.spans(tmp_path.name)]
    assert said["left"] > 0
    assert later["left"] == 0
    assert {"vidobs.generate_content", "vidobs.video_job", "vidobs.download_video"} <= set(names)
