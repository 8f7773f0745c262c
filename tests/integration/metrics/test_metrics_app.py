"""`vidobs.metrics_app()` as a scraper meets it, over real jobs of the sandbox."""

import gzip
import os
import subprocess
import sys
import textwrap

import httpx
import openai
import pytest
from fastapi import FastAPI
from opentelemetry.metrics import _internal as metrics_internal
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Mount, Route

import vidobs
from vidobs import runtime
from vidobs.testing import Sandbox, isolated

PROMPT = "canaryprompt: a heron lands at dawn"
JOBS = "vidobs_jobs_total"


@pytest.fixture(scope="module")
def server():
    """One fast sandbox for all."""
    with Sandbox(time_scale=0.01) as sandbox:
        yield sandbox


@pytest.fixture
def app():
    """The application, counting; it forgets at the end."""
    yield vidobs.metrics_app()
    runtime.reset()


def make_a_video(server, **wrapped):
    """Make one through a wrapped client, and wait until everything was told."""
    client = vidobs.wrap(openai.OpenAI(base_url=server.base_url, api_key="sk-canary"), **wrapped)
    video = client.videos.create_and_poll(model="sora-2", prompt=PROMPT, poll_interval_ms=10)
    client.videos.download_content(video.id).read()
    assert vidobs.flush(10) == 0
    return video


async def scrape(app, path="/metrics", **headers):
    """Get the page."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://any", follow_redirects=True
    ) as client:
        return await client.get(path, headers=headers)


def values(text, name, **labels):
    """Return the values of the lines of a metric that have these labels."""
    return [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


async def test_a_job_is_told_to_prometheus(server, app):
    """Its events, polls, cost, length, times and size, without OpenTelemetry being set up."""
    with isolated():
        make_a_video(server)
        answer = await scrape(app)

    text = answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert values(text, JOBS, vidobs_event_name="video.submitted") == [1]
    assert values(text, JOBS, vidobs_event_name="video.completed") == [1]
    assert values(text, JOBS, vidobs_event_name="video.stuck") == [0]
    assert sum(values(text, "vidobs_video_cost_USD_total")) == 0.4
    assert sum(values(text, "vidobs_video_cost_quoted_USD_total")) == 0.4
    assert values(text, "vidobs_video_output_seconds_total") == [4]
    assert values(text, "vidobs_job_active") == [0]
    assert values(text, "vidobs_job_polls_total")[0] >= 1
    assert values(text, "vidobs_job_duration_seconds_count", vidobs_job_state="completed") == [1]
    assert values(text, "vidobs_video_download_size_bytes_count") == [1]
    assert values(text, "vidobs_job_duration_seconds_bucket", le="+Inf") == [1]


async def test_no_id_prompt_or_key_is_told(server, app):
    """Labels come from closed lists, or are bounded."""
    with isolated():
        video = make_a_video(server)
        text = (await scrape(app)).text

    assert "sora-2" in text
    for secret in (video.id, "canary", "heron", "127.0.0.1"):
        assert secret not in text


@pytest.fixture
def reader():
    """Set a global meter provider for one test; return what collects from it."""
    before = metrics_internal._METER_PROVIDER
    reader = InMemoryMetricReader()
    metrics_internal._METER_PROVIDER = MeterProvider([reader])
    yield reader
    metrics_internal._METER_PROVIDER.shutdown()
    metrics_internal._METER_PROVIDER = before


async def test_a_meter_provider_gets_the_same(server, app, reader):
    """Neither takes from the other, and neither counts twice."""
    with isolated():
        make_a_video(server)
        text = (await scrape(app)).text

    provided = {
        metric.name: sum(getattr(point, "value", 0) for point in metric.data.data_points)
        for scoped in reader.get_metrics_data().resource_metrics[0].scope_metrics
        for metric in scoped.metrics
    }
    assert provided["vidobs.video.cost"] == sum(values(text, "vidobs_video_cost_USD_total")) == 0.4
    assert provided["vidobs.jobs"] == sum(values(text, JOBS))


async def test_openmetrics_and_gzip_on_request(server, app):
    """A real parser of OpenMetrics, which is strict, takes every line."""
    with isolated():
        make_a_video(server)
        answer = await scrape(
            app,
            accept="application/openmetrics-text; version=1.0.0",
            **{"accept-encoding": "gzip"},
        )

    assert answer.headers["content-encoding"] == "gzip"
    found = {
        family.name: family for family in openmetrics.text_string_to_metric_families(answer.text)
    }
    assert found["vidobs_job_duration_seconds"].unit == "seconds"
    assert found["vidobs_video_cost_USD"].type == "counter"


async def test_counting_goes_on_over_configure(server, app, tmp_path):
    """Made before anything is set up, and not made anew when that is replaced."""
    assert (await scrape(app)).text == ""
    for number in range(2):
        vidobs.configure(ledger=f"sqlite:///{tmp_path / f'{number}.db'}")
        make_a_video(server)
    text = (await scrape(app)).text

    assert values(text, JOBS, vidobs_event_name="video.completed") == [2]


async def test_exporters_stand_as_they_do_now(server, app, tmp_path):
    """Queue, lag and breaker of one that is down, from the ledger, at every scrape."""
    vidobs.configure(
        ledger=f"sqlite:///{tmp_path / 'ledger.db'}",
        callbacks=["webhook"],
        exporters={"webhook": {"url": "http://127.0.0.1:9/", "allow_private": True}},
    )
    client = vidobs.wrap(openai.OpenAI(base_url=server.base_url, api_key="any"))
    client.videos.create_and_poll(model="sora-2", prompt=PROMPT, poll_interval_ms=10)
    runtime.settle(10)

    text = (await scrape(app)).text

    [queue] = values(text, "vidobs_exporter_queue", vidobs_exporter_id="webhook")
    assert queue >= 2
    assert values(text, "vidobs_exporter_lag_seconds", vidobs_exporter_id="webhook")[0] >= 0
    assert sum(values(text, "vidobs_exporter_dropped_total")) == 0


@pytest.mark.parametrize(
    "outer",
    [
        lambda app: Starlette(routes=[Route("/metrics", app)]),
        lambda app: Starlette(routes=[Mount("/metrics", app)]),
        lambda app: _added_to(FastAPI(), app),
    ],
    ids=["route", "mount", "fastapi"],
)
async def test_it_can_be_part_of_an_application(server, app, outer):
    """Of Starlette or FastAPI; a mount redirects to its root, which Prometheus follows."""
    with isolated():
        make_a_video(server)
        found = await scrape(outer(app), "/metrics")

    assert found.status_code == 200
    assert values(found.text, JOBS, vidobs_event_name="video.completed") == [1]


def _added_to(fastapi, app):
    fastapi.add_route("/metrics", app)
    return fastapi


async def test_what_is_no_read_is_refused(app):
    """A scrape changes nothing, so nothing else is taken; a HEAD has no body."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://any") as client:
        posted = await client.post("/metrics", content=b"x")
        head = await client.head("/metrics")

    assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")
    assert (head.status_code, head.content) == (200, b"")


async def test_a_server_may_begin_and_end_with_it(app):
    """Alone under uvicorn it answers the lifespan; a WebSocket is closed."""
    sent = []
    script = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        return next(script)

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    await app({"type": "websocket"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]


def test_wsgi_is_spoken_too(server, app):
    """For Flask and Django: the same page."""
    said = []
    with isolated():
        make_a_video(server)
        environ = {"REQUEST_METHOD": "GET", "HTTP_ACCEPT_ENCODING": "gzip"}
        body = app.wsgi(environ, lambda status, headers: said.append((status, dict(headers))))

    [(status, headers)] = said
    text = gzip.decompress(b"".join(body)).decode()
    assert status == "200 OK"
    assert headers["Content-Type"].startswith("text/plain")
    assert values(text, JOBS, vidobs_event_name="video.completed") == [1]


def test_without_the_extra_it_says_what_to_install():
    """And vidobs goes on without it."""
    code = """
        import sys
        sys.modules["prometheus_client"] = None
        import vidobs
        try:
            vidobs.metrics_app()
        except vidobs.MissingExtraError as error:
            print(error)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert "pip install 'vidobs[metrics]'" in ran.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_worker_counts_for_itself(server):
    """Its parent's numbers are its parent's; the application that it inherited shows its own."""
    code = f"""
        import os, openai, vidobs
        from vidobs import runtime
        vidobs.configure(ledger="memory:")
        app = vidobs.metrics_app()

        def make():
            client = vidobs.wrap(openai.OpenAI(base_url={server.base_url!r}, api_key="any"))
            client.videos.create_and_poll(model="sora-2", prompt="x", poll_interval_ms=10)
            vidobs.flush(10)

        def shown():
            body = b"".join(app.wsgi({{}}, lambda *said: None)).decode()
            print(os.getpid() == parent, [
                line.rpartition(" ")[2] for line in body.splitlines()
                if line.startswith("{JOBS}") and "video.completed" in line
            ], flush=True)

        parent = os.getpid()
        make()
        shown()
        child = os.fork()
        if not child:
            shown()
            make()
            shown()
            os._exit(0)
        os.waitpid(child, 0)
        shown()
    """
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == [
        "True ['1.0']",
        "False []",
        "False ['1.0']",
        "True ['1.0']",
    ]
