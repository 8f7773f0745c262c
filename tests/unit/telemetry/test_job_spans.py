"""The span of a whole job."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from vidobs.core.events import SpanKind as RowKind
from vidobs.core.events import SpanRecord
from vidobs.core.jobs import JobState, Reason
from vidobs.core.money import Cost, CostBasis, CostStatus

T0 = 1_795_161_600_123_456_000
SECOND = 1_000_000_000


def typed(attributes):
    """Return every value with its type."""
    return {name: (type(value).__name__, value) for name, value in attributes.items()}


def test_it_covers_the_whole_job(sdk, job):
    """From the intent to the end, as a child of the create span, with cost, times and video."""
    row = sdk.tracing.open_job(job).finish(T0 + 99 * SECOND, job=job)
    (span,) = sdk.spans()
    assert (span.name, span.kind) == ("video_job sora-2", SpanKind.INTERNAL)
    assert (span.start_time, span.end_time) == (T0, T0 + 63 * SECOND)
    assert f"{span.parent.trace_id:032x}-{span.parent.span_id:016x}" == "a" * 32 + "-" + "b" * 16
    assert span.parent.is_remote
    assert span.parent.trace_flags.sampled
    assert span.status.status_code is StatusCode.UNSET
    assert span.links == span.events == ()
    assert typed(span.attributes) == {
        "gen_ai.provider.name": ("str", "openai"),
        "gen_ai.request.model": ("str", "sora-2"),
        "gen_ai.response.id": ("str", "video_1"),
        "user.id": ("str", "ada"),
        "vidobs.cost.basis": ("str", "requested"),
        "vidobs.cost.status": ("str", "settled"),
        "vidobs.cost.usd": ("float", 0.8),
        "vidobs.dialect": ("str", "openai_videos"),
        "vidobs.job.attempts": ("int", 1),
        "vidobs.job.id": ("str", "job_1"),
        "vidobs.job.poll_count": ("int", 20),
        "vidobs.job.queue_s": ("float", 2.0),
        "vidobs.job.render_s": ("float", 60.0),
        "vidobs.job.state": ("str", "completed"),
        "vidobs.operation": ("str", "create"),
        "vidobs.request.seconds": ("float", 8.0),
        "vidobs.request.size": ("str", "720x1280"),
        "vidobs.tag.team": ("str", "film"),
        "vidobs.video.bytes": ("int", 1_000_000),
        "vidobs.video.complete": ("bool", True),
        "vidobs.video.seconds": ("float", 8.04),
        "vidobs.video.sha256": ("str", "cd" * 32),
        "vidobs.video.size": ("str", "720x1280"),
    }
    assert row == SpanRecord(
        name="video_job sora-2",
        kind=RowKind.INTERNAL,
        trace_id="a" * 32,
        span_id=f"{span.context.span_id:016x}",
        parent_id="b" * 16,
        start_ns=T0,
        end_ns=T0 + 63 * SECOND,
        status="completed",
    )


def test_a_row_says_the_same(rows, job):
    """Without a provider the job span is a row in the same trace."""
    opened = rows.open_job(job)
    row = opened.finish(T0)
    assert row == SpanRecord(
        name="video_job sora-2",
        kind=RowKind.INTERNAL,
        trace_id="a" * 32,
        span_id=opened.trace.span_id,
        parent_id="b" * 16,
        start_ns=T0,
        end_ns=T0 + 63 * SECOND,
        status="completed",
    )


@pytest.mark.parametrize(
    ("state", "reason", "error_type"),
    [
        (JobState.FAILED, Reason.MODERATION_OUTPUT, "moderation_output"),
        (JobState.FAILED, None, "failed"),
        (JobState.EXPIRED, None, "expired"),
        (JobState.CANCELLED, None, None),
        (JobState.COMPLETED, None, None),
    ],
)
def test_only_failure_is_an_error(sdk, job, state, reason, error_type):
    """A job that failed or never ran is an error with its reason; one that was stopped is not."""
    ended = msgspec.structs.replace(job, state=state, reason=reason)
    row = sdk.tracing.open_job(ended).finish(T0, job=ended)
    (span,) = sdk.spans()
    expected = StatusCode.UNSET if error_type is None else StatusCode.ERROR
    assert span.status.status_code is expected
    assert span.status.description is None
    assert span.attributes.get("error.type") == error_type
    assert span.attributes.get("vidobs.job.reason") == reason
    assert (row.status, row.error_type) == (state.value, error_type)


def test_unknown_money_is_left_out(sdk, job):
    """No figure is no attribute; possible spend stands beside it."""
    cost = Cost(CostStatus.UNKNOWN, None, None, Decimal("0.40"))
    sdk.tracing.open_job(msgspec.structs.replace(job, cost=cost)).finish(T0)
    (span,) = sdk.spans()
    assert "vidobs.cost.usd" not in span.attributes
    assert "vidobs.cost.basis" not in span.attributes
    assert span.attributes["vidobs.cost.status"] == "unknown"
    assert typed(span.attributes)["vidobs.cost.possible_usd"] == ("float", 0.4)


def test_the_job_as_stored_has_the_last_word(sdk, job):
    """The span is opened before the write; what the ledger then settled replaces the guess."""
    settled = msgspec.structs.replace(
        job, cost=Cost(CostStatus.SETTLED, CostBasis.REPORTED, Decimal("0.75")), polls=21
    )
    sdk.tracing.open_job(job).finish(T0, job=settled)
    (span,) = sdk.spans()
    assert span.attributes["vidobs.cost.usd"] == 0.75
    assert span.attributes["vidobs.cost.basis"] == "reported"
    assert span.attributes["vidobs.job.poll_count"] == 21


def test_it_never_ends_before_it_starts(sdk, job):
    """A provider's clock behind ours gives a span of no length."""
    early = msgspec.structs.replace(job, finished_at=job.created_at - timedelta(seconds=5))
    sdk.tracing.open_job(early).finish(T0)
    (span,) = sdk.spans()
    assert span.end_time == span.start_time == T0


def test_it_stays_in_the_trace_of_the_job(sdk, job):
    """Whoever sees the end, in whatever trace, the job span belongs to the create's."""
    with sdk.tracer.start_as_current_span("webhook"):
        sdk.tracing.open_job(job).finish(T0)
    assert sdk.spans()[0].parent.span_id == int("b" * 16, 16)
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_an_unsampled_job_records_nothing(sdk, job):
    """The create's sampling decision rules; the row is there all the same."""
    hidden = msgspec.structs.replace(job, trace=msgspec.structs.replace(job.trace, sampled=False))
    opened = sdk.tracing.open_job(hidden)
    row = opened.finish(T0, job=hidden)
    assert sdk.spans() == ()
    assert not opened.trace.sampled
    assert (row.trace_id, row.parent_id) == ("a" * 32, "b" * 16)


def test_a_job_span_that_lost_the_race_is_not_exported(sdk, job):
    """When another process settled the job first, its span is the one."""
    sdk.tracing.open_job(job).discard()
    assert sdk.spans() == ()


def test_a_kept_prompt_is_on_the_job_span(sdk, job):
    """Only a job that carries its prompt shows it; a hash goes under its own name."""
    sdk.tracing.open_job(msgspec.structs.replace(job, prompt="A cat")).finish(T0)
    sdk.tracing.open_job(msgspec.structs.replace(job, prompt="hmac:12ab")).finish(T0)
    full, hashed = sdk.spans()
    assert full.attributes["gen_ai.input.messages"] == (
        '[{"role":"user","parts":[{"type":"text","content":"A cat"}]}]'
    )
    assert "gen_ai.input.messages" not in hashed.attributes
    assert hashed.attributes["vidobs.request.prompt_hash"] == "hmac:12ab"
