"""The spans an exporter sends are the spans in process."""

import openai
import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otlp_kit import spans_in

import vidobs
from vidobs.testing import InMemoryExporter
from vidobs_exporters.otlp.dialects import DIALECTS
from vidobs_exporters.otlp.spans import trace_request

ASKED = {"prompt": "a cat", "model": "sora-2", "seconds": "4", "size": "160x96"}

# What only the call itself knows, and an event does not keep: whom the application named around a
# poll or a download (the job has whom it was made for), whether a fetching call was a poll, a list
# or a delete, and the speed of a download. In process only.
OF_THE_CALL = {
    "fetch_response": {"user.id", "vidobs.tag.team", "vidobs.operation"},
    "download_video": {
        *("user.id", "vidobs.tag.team"),
        *("vidobs.download.first_byte_s", "vidobs.download.bytes_per_s"),
    },
}


@pytest.fixture
def otel():
    """Set a global provider for one test; return where its spans end."""
    before = trace._TRACER_PROVIDER
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace._TRACER_PROVIDER = provider
    yield exporter
    trace._TRACER_PROVIDER = before
    provider.shutdown()


def life_of_jobs(client):
    """One job that is made, read and deleted; one that is refused; one that is cancelled."""
    with vidobs.context(user="ada", tags={"team": "film"}):
        video = client.videos.create_and_poll(**ASKED)
        with client.videos.with_streaming_response.download_content(video.id) as response:
            for _ in response.iter_bytes():
                pass
        with pytest.raises(openai.BadRequestError):
            client.videos.create(**ASKED | {"seconds": "999"})
        cancelled = client.videos.create(**ASKED)
        client.videos.delete(cancelled.id)


def by_id(request):
    """Return spans by their id, the order of attributes aside."""
    return {span["spanId"]: span for span in spans_in(request)}


def test_they_are_equal(otel, sandbox):
    """Ids, names, times, kinds, statuses, and all attributes but those of the call alone."""
    exporter = InMemoryExporter()
    vidobs.configure(ledger="memory:", callbacks=[exporter], http_spans="off", capture="full")
    with openai.OpenAI(base_url=sandbox.base_url, api_key="sk-test-0123456789") as client:
        life_of_jobs(vidobs.wrap(client))
    assert vidobs.flush(30) == 0

    in_process = by_id(encode_spans(otel.get_finished_spans()))
    durable = by_id(
        trace_request(exporter.events, resource={}, dialect=DIALECTS["genai"].attributes)
    )

    names = {span["name"].partition(" ")[0] for span in durable.values()}
    assert names == {"generate_content", "fetch_response", "download_video", "video_job"}
    for span_id, span in durable.items():
        assert _comparable(span) == _comparable(in_process[span_id])
    left_out = [span for span_id, span in in_process.items() if span_id not in durable]
    assert {span["name"] for span in left_out} <= {"fetch_response"}  # polls that changed nothing


def _comparable(span):
    """Leave out what differs by intent.

    Among the flags is whether the parent is of this process, which an exporter cannot know.
    """
    alone = OF_THE_CALL.get(span["name"].partition(" ")[0], set())
    attributes = {k: v for k, v in span["attributes"].items() if k not in alone}
    return {**span, "attributes": attributes, "flags": None, "status": span.get("status", {})}
