"""Whole spans of single calls, as an exporter of the user's SDK sees them."""

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from vidobs.core import names
from vidobs.core.calls import Operation
from vidobs.core.events import SpanKind as RowKind
from vidobs.core.events import SpanRecord
from vidobs.core.jobs import JobState
from vidobs.telemetry.spans import Tracing

T0 = 1_795_161_600_123_456_000
T1 = T0 + 250_000_000


def typed(attributes):
    """Return every value with its type, so that 8 is not 8.0 and an enum is not its text."""
    return {name: (type(value).__name__, value) for name, value in attributes.items()}


def test_a_create_says_what_was_asked_and_what_was_answered(sdk, create, job):
    """A create span has the request before it is sent, and id, state and attempts after."""
    job = msgspec.structs.replace(job, state=JobState.QUEUED)
    opened = sdk.tracing.open(create, start_ns=T0, job_id="job_1")
    row = opened.finish(T1, job=job, status=job.state)
    (span,) = sdk.spans()
    assert span.name == "generate_content sora-2"
    assert span.kind is SpanKind.CLIENT
    assert (span.start_time, span.end_time) == (T0, T1)
    assert span.parent is None
    assert span.links == ()
    assert span.events == ()
    assert span.status.status_code is StatusCode.UNSET
    assert span.instrumentation_scope.name == "vidobs"
    assert span.instrumentation_scope.schema_url == names.SCHEMA_URL
    assert typed(span.attributes) == {
        "gen_ai.operation.name": ("str", "generate_content"),
        "gen_ai.provider.name": ("str", "openai"),
        "gen_ai.output.type": ("str", "video"),
        "gen_ai.request.model": ("str", "sora-2"),
        "gen_ai.response.id": ("str", "video_1"),
        "gen_ai.response.status": ("str", "queued"),
        "server.address": ("str", "api.openai.com"),
        "server.port": ("int", 443),
        "user.id": ("str", "ada"),
        "vidobs.dialect": ("str", "openai_videos"),
        "vidobs.job.attempts": ("int", 1),
        "vidobs.job.id": ("str", "job_1"),
        "vidobs.job.state": ("str", "queued"),
        "vidobs.operation": ("str", "create"),
        "vidobs.request.audio": ("bool", True),
        "vidobs.request.fps": ("float", 23.976),
        "vidobs.request.hash": ("str", "ab" * 16),
        "vidobs.request.input_images": ("int", 1),
        "vidobs.request.input_seconds": ("float", 1.5),
        "vidobs.request.outputs": ("int", 2),
        "vidobs.request.prompt_chars": ("int", 33),
        "vidobs.request.seconds": ("float", 8.0),
        "vidobs.request.size": ("str", "720x1280"),
        "vidobs.tag.team": ("str", "film"),
    }
    assert row == SpanRecord(
        name="generate_content sora-2",
        kind=RowKind.CLIENT,
        trace_id=f"{span.context.trace_id:032x}",
        span_id=f"{span.context.span_id:016x}",
        start_ns=T0,
        end_ns=T1,
        status="queued",
    )
    assert type(row.status) is str
    assert opened.trace.sampled
    assert opened.trace.trace_id == row.trace_id


def test_a_poll_fetches_a_response(sdk, poll, job):
    """A poll span is named without the id, which is an attribute, and asks for no output type."""
    sdk.tracing.open(poll, start_ns=T0, job_id="job_1").finish(T1, job=job, status="completed")
    (span,) = sdk.spans()
    assert (span.name, span.kind) == ("fetch_response", SpanKind.CLIENT)
    assert typed(span.attributes) == {
        "gen_ai.operation.name": ("str", "fetch_response"),
        "gen_ai.provider.name": ("str", "openai"),
        "gen_ai.response.id": ("str", "video_1"),
        "gen_ai.response.status": ("str", "completed"),
        "vidobs.dialect": ("str", "openai_videos"),
        "vidobs.job.id": ("str", "job_1"),
        "vidobs.job.state": ("str", "completed"),
        "vidobs.operation": ("str", "retrieve"),
    }


def test_a_poll_of_a_failed_job_is_no_error(sdk, poll, job):
    """The fetch worked, so its span is not an error, whatever it fetched."""
    failed = msgspec.structs.replace(job, state=JobState.FAILED)
    sdk.tracing.open(poll, start_ns=T0).finish(T1, job=failed, status="failed")
    (span,) = sdk.spans()
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes["gen_ai.response.status"] == "failed"
    assert "error.type" not in span.attributes


def test_a_download_says_what_arrived(sdk, download, job):
    """A download span has size, checksum and whether every byte came."""
    sdk.tracing.open(download, start_ns=T0, job_id="job_1").finish(T1, job=job)
    (span,) = sdk.spans()
    assert (span.name, span.kind) == ("download_video sora-2", SpanKind.CLIENT)
    assert typed(span.attributes) == {
        "gen_ai.operation.name": ("str", "download_video"),
        "gen_ai.provider.name": ("str", "openai"),
        "gen_ai.request.model": ("str", "sora-2"),
        "gen_ai.response.id": ("str", "video_1"),
        "gen_ai.response.status": ("str", "completed"),
        "vidobs.dialect": ("str", "openai_videos"),
        "vidobs.job.id": ("str", "job_1"),
        "vidobs.job.state": ("str", "completed"),
        "vidobs.operation": ("str", "download"),
        "vidobs.video.bytes": ("int", 1_000_000),
        "vidobs.video.complete": ("bool", True),
        "vidobs.video.seconds": ("float", 8.04),
        "vidobs.video.sha256": ("str", "cd" * 32),
        "vidobs.video.variant": ("str", "video"),
    }


@pytest.mark.parametrize("case", ["thumbnail", "failed"])
def test_a_download_never_claims_the_bytes_of_another(sdk, download, job, case):
    """A thumbnail's span, or a failed download's, does not carry the video's checksum."""
    variant = "thumbnail" if case == "thumbnail" else "video"
    call = msgspec.structs.replace(download, variant=variant)
    error = None if case == "thumbnail" else "ReadTimeout"
    sdk.tracing.open(call, start_ns=T0).finish(T1, job=job, error_type=error)
    (span,) = sdk.spans()
    assert not [
        name for name in span.attributes if name in ("vidobs.video.bytes", "vidobs.video.sha256")
    ]


def test_a_call_that_raised_is_an_error_without_events(sdk, create):
    """Status, a short description and the error's type; the exception itself is no span event."""
    opened = sdk.tracing.open(create, start_ns=T0)
    row = opened.finish(T1, error_type="RateLimitError", detail="RateLimitError: " + "slow " * 99)
    (span,) = sdk.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == ("RateLimitError: " + "slow " * 99)[:256]
    assert span.attributes["error.type"] == "RateLimitError"
    assert span.events == ()
    assert row.error_type == "RateLimitError"


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (Operation.CREATE, "generate_content sora-2"),
        (Operation.REMIX, "generate_content sora-2"),
        (Operation.EDIT, "generate_content sora-2"),
        (Operation.EXTEND, "generate_content sora-2"),
        (Operation.CHARACTER, "generate_content sora-2"),
        (Operation.GET_CHARACTER, "fetch_response"),
        (Operation.RETRIEVE, "fetch_response"),
        (Operation.LIST, "fetch_response"),
        (Operation.DELETE, "fetch_response"),
        (Operation.DOWNLOAD, "download_video sora-2"),
    ],
)
def test_every_operation_has_a_name(sdk, rows, create, operation, name):
    """With a provider and without one the names are the same."""
    call = msgspec.structs.replace(create, operation=operation)
    assert sdk.tracing.open(call, start_ns=T0).finish(T1).name == name
    assert rows.open(call, start_ns=T0).finish(T1).name == name
    assert sdk.spans()[0].name == name


def test_a_remix_names_the_video_it_starts_from(sdk, create):
    """The source is the parent; the response's id is that of the new video, not known yet."""
    call = msgspec.structs.replace(create, operation=Operation.REMIX, video_id="video_0")
    sdk.tracing.open(call, start_ns=T0).finish(T1)
    (span,) = sdk.spans()
    assert span.attributes["vidobs.job.parent_id"] == "video_0"
    assert "gen_ai.response.id" not in span.attributes


def test_a_model_nobody_named_leaves_the_operation(sdk, create):
    """Without a model the name of the span is the operation alone."""
    call = msgspec.structs.replace(create, model=None)
    sdk.tracing.open(call, start_ns=T0).finish(T1)
    (span,) = sdk.spans()
    assert span.name == "generate_content"
    assert "gen_ai.request.model" not in span.attributes


def test_an_attached_span_is_current_until_it_is_detached(sdk, create):
    """Spans of the same context go under it, and only while it is attached."""
    opened = sdk.tracing.open(create, start_ns=T0, attach=True)
    sdk.tracer.start_span("POST").end()
    opened.detach()
    opened.detach()
    sdk.tracer.start_span("later").end()
    opened.finish(T1)
    inside, later, create_span = sdk.spans()
    assert inside.parent == create_span.context
    assert later.parent is None
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_span_that_is_not_attached_is_never_current(sdk, create):
    """Without `attach` the caller's context stays as it is."""
    opened = sdk.tracing.open(create, start_ns=T0)
    assert trace.get_current_span() is trace.INVALID_SPAN
    opened.finish(T1)


def test_finishing_twice_is_once(sdk, create):
    """The second time returns the row and ends nothing."""
    opened = sdk.tracing.open(create, start_ns=T0, attach=True)
    assert opened.finish(T1) == opened.finish(T1)
    assert len(sdk.spans()) == 1


def test_what_is_discarded_is_never_exported(sdk, create):
    """A discarded span leaves the context and arrives nowhere, even when it is finished later."""
    opened = sdk.tracing.open(create, start_ns=T0, attach=True)
    opened.discard()
    assert trace.get_current_span() is trace.INVALID_SPAN
    opened.finish(T1)
    assert sdk.spans() == ()


def test_a_row_can_be_had_before_the_end(sdk, create, job):
    """`record` returns what `finish` will, and ends nothing."""
    opened = sdk.tracing.open(create, start_ns=T0)
    early = opened.record(T1, job=job)
    assert sdk.spans() == ()
    assert opened.finish(T1, job=job) == early


def test_no_span_ends_before_it_starts(sdk, rows, create):
    """A clock that was set back makes a span of no length, not of a negative one."""
    assert rows.open(create, start_ns=T0).finish(T0 - 1).duration_s == 0
    sdk.tracing.open(create, start_ns=T0).finish(T0 - 1)
    (span,) = sdk.spans()
    assert span.end_time == span.start_time == T0


def test_an_unsampled_span_keeps_its_ids(bits, create):
    """A sampler that says no gets no span, but the job still learns its trace."""
    tracing = Tracing(TracerProvider(sampler=ALWAYS_OFF), getrandbits=bits)
    opened = tracing.open(create, start_ns=T0)
    assert not opened.trace.sampled
    assert int(opened.trace.trace_id, 16)
    assert opened.trace.traceparent.endswith("-00")
    assert opened.finish(T1).trace_id == opened.trace.trace_id


def test_rows_have_random_ids_of_the_right_length(rows, create):
    """Without a provider the ids are W3C ids all the same, and no two are equal."""
    first, second = (rows.open(create, start_ns=T0, attach=True) for _ in range(2))
    assert [len(first.trace.trace_id), len(first.trace.span_id)] == [32, 16]
    assert first.trace.trace_id != second.trace.trace_id
    assert first.trace.span_id != second.trace.span_id
    assert first.trace.parent_id is None
    assert trace.get_current_span() is trace.INVALID_SPAN
    first.detach()
    first.discard()
