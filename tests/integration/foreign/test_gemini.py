"""Google's APIs over plain httpx: operations and interactions in their documented shapes."""

import io
import logging

import httpx
import pytest
from codec_kit import body_of, exchanges
from foreign_kit import Caller, cost_of, fake, port_of, traces
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import vidobs
from vidobs.testing import isolated

HOST = "https://generativelanguage.googleapis.com"
VERTEX = "https://us-central1-aiplatform.googleapis.com/v1beta1/projects/p/locations/us-central1"
KEY = "canary-key-of-no-known-pattern"
SMALL = {"aspectRatio": "16:9", "resolution": "360p", "durationSeconds": 4}
VEO = "veo-3.1-generate-001"


@pytest.fixture(scope="module")
def server():
    """A server of the APIs."""
    with fake("gemini") as running:
        yield running


@pytest.fixture
def call(kind, server, seen):
    """A wrapped client."""
    caller = Caller(kind, port_of(server))
    yield caller
    caller.close()


def begin(call, prompt="a cat", *, base=f"{HOST}/v1beta", model=VEO):
    """Begin an operation and return its name."""
    body = {"instances": [{"prompt": prompt}], "parameters": SMALL}
    made = call("POST", f"{base}/models/{model}:predictLongRunning?key={KEY}", json=body)
    return made.json()["name"]


def interact(call, prompt="a cat", **fields):
    """Begin an interaction and return its address."""
    body = {
        "model": "gemini-omni-1.1-flash",
        "input": prompt,
        "response_format": {"type": "video", "duration": "2s", "resolution": "360p"},
        "background": True,
        **fields,
    }
    made = call("POST", f"{HOST}/v1/interactions?key={KEY}", json=body).json()
    return f"{HOST}/v1/interactions/{made['id']}?key={KEY}"


def test_an_operation_is_one_trace_and_one_settled_cost(call, seen):
    """Create, polls and download; four seconds at 0.40 USD."""
    done = call.until_final("GET", f"{HOST}/v1beta/{begin(call)}?key={KEY}")
    [sample] = done["response"]["generateVideoResponse"]["generatedSamples"]
    data = call.streamed("GET", f"{sample['video']['uri']}&key={KEY}")

    [job] = seen.jobs
    assert (job.provider, job.dialect, job.model) == ("gemini", "gemini", VEO)
    assert (job.provider_job_id, job.state) == (done["name"], "completed")
    assert (job.request.size, job.file.size_bytes, job.asset) == (
        "640x360",
        len(data),
        "downloaded",
    )
    assert cost_of(job) == ("settled", "probed", "1.6")
    assert traces(seen) == {job.trace.trace_id}
    assert "video.mismatch" not in seen.events.names


def test_what_a_filter_withholds_is_a_failed_job(call, seen):
    """An operation that is done without a video; nobody says whether that is billed."""
    name = begin(call, "a [[fault:moderation_output]]")
    call.until_final("GET", f"{HOST}/v1beta/{name}?key={KEY}")

    [job] = seen.jobs
    assert (job.state, job.reason, job.error.code) == (
        "failed",
        "moderation_output",
        "raiMediaFiltered",
    )
    assert cost_of(job) == ("released", "policy_unknown", "0")
    assert str(job.cost.possible_usd) == "1.6"


def test_an_operation_that_failed_says_why(call, seen):
    """With Google's word for the number."""
    call.until_final("GET", f"{HOST}/v1beta/{begin(call, 'a [[fault:fail]]')}?key={KEY}")

    [job] = seen.jobs
    assert (job.state, job.reason, job.error.code) == ("failed", "provider_error", "INTERNAL")


def test_vertex_sends_the_video_along(call, seen):
    """With every poll; none of its bytes is kept."""
    base = f"{VERTEX}/publishers/google"
    model = "veo-3.1-lite-generate-001"
    name = begin(call, base=base, model=model)
    ask = f"{base}/models/{model}:fetchPredictOperation"
    done = call.until_final(
        "POST", ask, json={"operationName": name}, headers={"x-goog-api-key": KEY}
    )
    call("POST", ask, json={"operationName": name}, headers={"x-goog-api-key": KEY})

    [job] = seen.jobs
    [video] = done["response"]["videos"]
    assert (job.provider, job.model, job.state) == ("vertex_ai", model, "completed")
    assert cost_of(job) == ("settled", "requested", "0.2")
    assert video["bytesBase64Encoded"][:40] not in repr(seen.jobs) + repr(list(seen.events))


def test_an_interaction_is_billed_by_its_tokens(call, seen):
    """Of video, of text and of what was sent; its file is fetched through another version."""
    done = call.until_final("GET", interact(call))
    [piece] = done["steps"][0]["content"]
    place = piece["uri"].replace("/v1beta/", "/v1/")
    data = call.streamed("GET", place, headers={"x-goog-api-key": KEY})

    [job] = seen.jobs
    assert (job.state, job.usage.video_tokens, job.usage.text_tokens_out) == (
        "completed",
        2 * 5792,
        100,
    )
    assert (job.asset, job.file.size_bytes) == ("downloaded", len(data))
    assert cost_of(job) == ("settled", "usage", "0.2036635")
    assert [line.unit for line in job.cost.lines] == ["video_token", "text_token_out", "token_in"]
    assert traces(seen) == {job.trace.trace_id}


def test_a_withheld_interaction_is_a_failed_job(call, seen):
    """It is completed, with a text in the place of the video."""
    call.until_final("GET", interact(call, "a [[fault:moderation_output]]"))

    [job] = seen.jobs
    assert (job.state, job.reason, job.raw_status) == ("failed", "moderation_output", "completed")


def test_an_interaction_is_cancelled(call, seen):
    """By its own address."""
    place = interact(call, "a [[fault:stuck]]")
    call("POST", place.replace("?", "/cancel?"))

    [job] = seen.jobs
    assert job.state == "cancelled"


def test_a_refusal_is_a_failed_job_that_cost_nothing(call, seen):
    """Google's filter says so in its message only."""
    body = {"instances": [{"prompt": "a [[fault:moderation_input]]"}]}
    url = f"{HOST}/v1beta/models/{VEO}:predictLongRunning?key={KEY}"
    response = call("POST", url, json=body)

    [job] = seen.jobs
    assert response.status_code == 400
    assert (job.state, job.reason, *cost_of(job)) == (
        "failed",
        "moderation_input",
        "released",
        None,
        "0",
    )


@pytest.mark.parametrize("stream", [False, True])
def test_an_ambiguous_create_is_unknown(call, seen, stream):
    """Whether its answer is read at once or later."""
    body = {"instances": [{"prompt": "a [[fault:error_after_accept]]"}], "parameters": SMALL}
    send = call.streamed if stream else call
    send("POST", f"{HOST}/v1beta/models/{VEO}:predictLongRunning?key={KEY}", json=body)

    [job] = seen.jobs
    assert (job.state, str(job.cost.possible_usd)) == ("unknown", "1.6")


def test_an_interaction_that_is_streamed_is_followed(seen):
    """What is made comes in pieces; the last event says what was counted."""
    stream = exchanges("gemini", "says")["interaction-stream"]
    answer = httpx.Response(
        200, headers={"content-type": "text/event-stream"}, content=iter([body_of(stream)])
    )
    with httpx.Client(transport=httpx.MockTransport(lambda _: answer)) as plain:
        client = vidobs.wrap(plain)
        body = {"model": "gemini-omni-1.1-flash", "input": "a cat", "stream": True}
        with client.stream("POST", f"{HOST}/v1beta/interactions", json=body) as response:
            assert not seen.events.names[1:]
            response.read()

    [job] = seen.jobs
    assert (job.provider_job_id, job.state, job.usage.video_tokens) == ("v1_ChdQ", "completed", 100)


def test_an_interaction_that_is_not_stored_is_settled_all_the_same(seen):
    """Its only answer has no id; two of them are two jobs."""
    done = exchanges("gemini", "says")["interaction-inline"]["answer"]
    answer = {name: value for name, value in done.items() if name != "id"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    with httpx.Client(transport=transport) as plain:
        client = vidobs.wrap(plain)
        for _ in range(2):
            body = {"model": "gemini-omni-1.1-flash", "input": "a cat", "store": False}
            client.post(f"{HOST}/v1beta/interactions", json=body)

    assert [job.state for job in seen.jobs] == ["completed"] * 2
    assert {cost_of(job) for job in seen.jobs} == {("settled", "usage", "1.0136")}


def test_other_interactions_leave_no_trace(seen):
    """Nor does anything else that such a client sends."""
    text = exchanges("gemini", "says")["interaction-text"]["answer"]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=text))
    with httpx.Client(transport=transport) as plain:
        client = vidobs.wrap(plain)
        client.post(f"{HOST}/v1beta/interactions", json={"model": "gemini-3.8-flash", "input": "a"})
        client.get(f"{HOST}/v1beta/interactions/v1_Text")
        client.delete(f"{HOST}/v1beta/interactions/v1_Text")
        client.post(f"{HOST}/v1beta/models/gemini-3.8-flash:generateContent", json={})

    assert not seen.jobs
    assert not seen.events.names


def test_a_key_in_the_query_is_kept_nowhere(server, tmp_path, caplog):
    """Not in the ledger, nor in a span, a log line, an event or an error, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before, trace._TRACER_PROVIDER = trace._TRACER_PROVIDER, provider
    told = io.StringIO()
    try:
        with isolated(ledger=f"sqlite:///{tmp_path}/ledger.db", http_spans="all") as seen:
            _everything(server)
            told.write(repr(seen.jobs) + repr(list(seen.events)))
            files = [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()]
    finally:
        trace._TRACER_PROVIDER = before
        provider.shutdown()
    told.write("".join(span.to_json() for span in exporter.get_finished_spans()))
    told.write("".join(record.getMessage() for record in caplog.records if "vidobs" in record.name))

    assert "GET" in told.getvalue()
    assert KEY not in told.getvalue()
    assert not any(KEY.encode() in data for data in files)


def _everything(server):
    """Creates, polls and downloads that work, that are refused, and that break."""
    call = Caller("sync", port_of(server))
    done = call.until_final("GET", f"{HOST}/v1beta/{begin(call)}?key={KEY}")
    [sample] = done["response"]["generateVideoResponse"]["generatedSamples"]
    place = f"{sample['video']['uri']}&key={KEY}"
    call.streamed("GET", place)
    call("GET", place.replace("alt=media&", ""))
    call("GET", f"{HOST}/v1beta/models/{VEO}/operations/none?key={KEY}")
    name = begin(call, "a [[fault:stuck]]")
    call.close()
    for prompt in ("a [[fault:cut_after_accept]]", "a [[fault:error_after_accept]]"):
        other = Caller("sync", port_of(server))
        with pytest.raises((httpx.HTTPError, KeyError)):
            begin(other, prompt)
        other.close()
    nobody = Caller("sync", 9)
    for url in (f"{HOST}/v1beta/{name}?key={KEY}", place):
        with pytest.raises(httpx.ConnectError):
            nobody("GET", url)
    with pytest.raises(httpx.ConnectError):
        begin(nobody)
    nobody.close()
