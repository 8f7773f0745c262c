"""What LangSmith is told of a job: every field of every run."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest
from exporter_kit import AT, an_event
from story_kit import FILE, JPEG, SETTLED, story

import vidobs
from vidobs import EventName, JobState, Reason, SpanKind, SpanRecord, event_attributes
from vidobs.core.calls import Attribution, Operation, VideoRequest
from vidobs.core.jobs import JobError
from vidobs.core.money import Cost, CostBasis, CostStatus
from vidobs_exporters._ids import job_uuid
from vidobs_exporters.langsmith.run import Attachment, Core, Run
from vidobs_exporters.langsmith.tree import child_runs, root_run

ROOT_ID = UUID("0199f77b-f406-76c8-aa8d-95b8c037e501")
ORDER = f"20261120T140321000000Z{ROOT_ID}"
RUNTIME = {"sdk": "vidobs", "sdk_version": vidobs.__version__}
VIDEO_ID = "video_68d7512d07848190b3e45da0ecbebcde004da08e1e067801"


def root_of(event):
    """Return the run of an event's job."""
    return root_run(event.job, "films", event.at)


def children_of(event, picture=None):
    """Return the runs of an event's calls."""
    return child_runs(event, root_of(event).core, picture)


def whole(job, error_type=None):
    """Return the attributes that the span of the whole job has."""
    span = SpanRecord(
        name="video_job sora-2",
        kind=SpanKind.INTERNAL,
        trace_id=job.trace.trace_id,
        span_id="b7f29682c997c34e",
        start_ns=0,
        end_ns=0,
        status=job.state.value,
        error_type=error_type,
    )
    return vidobs.span_attributes(span, job)


def test_a_job_that_was_submitted_is_an_open_run():
    """It has a beginning and what was asked for, no end, no outputs and no cost yet."""
    submitted = story()[0]

    assert root_of(submitted) == Run(
        core=Core(
            id=ROOT_ID,
            trace_id=ROOT_ID,
            dotted_order=ORDER,
            session_name="films",
            name="video_job sora-2",
            run_type="llm",
            start_time="2026-11-20T14:03:21.000000+00:00",
            tags=["vidobs", "openai", "team:film"],
        ),
        inputs={
            "model": "sora-2",
            "operation": "create",
            "prompt_chars": 27,
            "seconds": Decimal(8),
            "size": "720x1280",
            "n": 1,
        },
        events=[{"name": "video.submitted", "time": "2026-11-20T14:03:21.250000+00:00"}],
        extra={
            "metadata": {
                "ls_provider": "openai",
                "ls_model_name": "sora-2",
                "ls_model_type": "video",
                "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4701-00f067aa0ba90201-01",
                **whole(submitted.job),
            },
            "runtime": RUNTIME,
        },
    )


def test_a_job_that_ended_is_a_run_with_its_cost():
    """The amount is exact, under the keys that LangSmith adds up, and no token is invented."""
    completed = story()[3]
    opened = root_of(story()[0])

    ended = root_of(completed)

    assert ended == Run(
        core=msgspec.structs.replace(opened.core, end_time="2026-11-20T14:04:21.000000+00:00"),
        inputs=opened.inputs,
        outputs={"status": "completed", "video_id": VIDEO_ID, "progress": 100},
        events=[
            {"name": "video.submitted", "time": "2026-11-20T14:03:21.250000+00:00"},
            {"name": "video.started", "time": "2026-11-20T14:03:24.000000+00:00"},
            {"name": "video.completed", "time": "2026-11-20T14:04:21.000000+00:00"},
        ],
        extra={
            "metadata": {
                "ls_provider": "openai",
                "ls_model_name": "sora-2",
                "ls_model_type": "video",
                "usage_metadata": {
                    "input_tokens": 0,
                    "output_tokens": 0,
                    "total_tokens": 0,
                    "output_cost": Decimal("0.8"),
                    "output_cost_details": {"video": Decimal("0.8")},
                    "total_cost": Decimal("0.8"),
                },
                "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4701-00f067aa0ba90201-01",
                **whole(completed.job),
            },
            "runtime": RUNTIME,
        },
    )


def test_a_call_is_a_child_run_with_its_true_times():
    """A poll says what it saw; its id is made from job and span, and its order is the root's."""
    started = story()[1]

    [child] = children_of(started)

    span = started.spans[0]
    child_id = UUID("01a1f944-e3e0-7aec-8822-0d80e1561351")  # the millisecond, and a digest
    assert child == Run(
        core=Core(
            id=child_id,
            trace_id=ROOT_ID,
            parent_run_id=ROOT_ID,
            dotted_order=f"{ORDER}.20261120T140324000000Z{child_id}",
            session_name="films",
            name="fetch_response",
            run_type="tool",
            start_time="2026-11-20T14:03:24.000000+00:00",
            end_time="2026-11-20T14:03:24.100000+00:00",
        ),
        inputs={"operation": "fetch_response", "video_id": VIDEO_ID},
        outputs={"status": "in_progress", "video_id": VIDEO_ID, "progress": 10},
        extra={
            "metadata": {
                "traceparent": f"00-4bf92f3577b34da6a3ce929d0e0e4701-{span.span_id}-01",
                "vidobs.event.id": started.id,
                **vidobs.span_attributes(span, started.job),
            },
            "runtime": RUNTIME,
        },
    )


def test_a_download_tells_of_the_file():
    """What was read stands in its outputs: bytes, checksum, length and size."""
    [download] = children_of(story()[4])

    assert download.core.name == "download_video"
    assert download.outputs == {
        "status": "completed",
        "video_id": VIDEO_ID,
        "progress": 100,
        "file": {
            "bytes": 200_607,
            "sha256": FILE.sha256,
            "complete": True,
            "seconds": Decimal(8),
            "size": "720x1280",
        },
    }


def test_a_picture_is_attached_to_a_run_of_its_own():
    """It comes after the run of the job has ended, and would be refused there."""
    event = story()[5]

    [run] = children_of(event, JPEG)

    assert run.core.name == "video.thumbnail"
    assert run.core.start_time == run.core.end_time == "2026-11-20T14:04:25.000000+00:00"
    assert run.attachments == (Attachment("thumbnail", "image/jpeg", JPEG),)
    assert run.extra["metadata"] == event_attributes(event)
    assert children_of(event) == [msgspec.structs.replace(run, attachments=())]


@pytest.mark.parametrize(
    ("cost", "usage"),
    [
        (Cost(CostStatus.UNKNOWN), None),
        (Cost(CostStatus.UNKNOWN, possible_usd=Decimal("0.8")), None),
        (Cost(CostStatus.RELEASED, usd=Decimal(0), possible_usd=Decimal("0.8")), Decimal(0)),
        (Cost(CostStatus.SETTLED, CostBasis.USAGE, usd=Decimal("0.123456789")), "0.123456789"),
    ],
)
def test_an_unknown_cost_is_left_out(cost, usage):
    """It is never a zero; what was released is one, and what may have been spent is in no total."""
    metadata = root_of(an_event(cost=cost)).extra["metadata"]

    found = metadata.get("usage_metadata")
    assert (found and found["total_cost"]) == (usage and Decimal(usage))
    assert ("usage_metadata" in metadata) is (cost.usd is not None)


def test_an_amount_before_the_end_is_no_cost():
    """LangSmith takes one amount for a run: not the estimate, but what was settled."""
    event = an_event(EventName.STARTED, cost=SETTLED)

    assert "usage_metadata" not in root_of(event).extra["metadata"]


FAILED = JobError("moderation_blocked", "The video was withheld\nfor sk-canary0123456789abcdef")


@pytest.mark.parametrize(
    ("name", "job", "error"),
    [
        (EventName.COMPLETED, {}, None),
        (EventName.SUBMITTED, {"error": FAILED}, None),
        (
            EventName.FAILED,
            {"reason": Reason.MODERATION_OUTPUT, "error": FAILED},
            "moderation_output: The video was withheld\\nfor [secret]",
        ),
        (EventName.FAILED, {"reason": Reason.LOST, "error": None}, "lost"),
        (EventName.FAILED, {"error": JobError("no_gpu")}, "provider_error: no_gpu"),
        (EventName.EXPIRED, {}, "expired"),
        (EventName.CANCELLED, {}, "cancelled"),
    ],
)
def test_what_ended_without_a_video_is_an_error(name, job, error):
    """In one line, without secrets."""
    assert root_of(an_event(name, **job)).error == error


def test_what_failed_says_how():
    """Reason and code stand in the outputs, to filter by."""
    event = an_event(EventName.FAILED, reason=Reason.QUOTA, error=JobError("no_credit"), file=None)

    assert root_of(event).outputs == {
        "status": "failed",
        "video_id": VIDEO_ID,
        "reason": "quota",
        "error_code": "no_credit",
    }


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        (None, {}),
        ("a cat\nasleep", {"prompt": "a cat\nasleep"}),
        ("hmac:81a86fd8", {"prompt_hash": "hmac:81a86fd8"}),
    ],
)
def test_a_prompt_is_shown_where_it_was_kept(prompt, shown):
    """Once, in the inputs of the job: the capture policy has decided, and its attribute is gone."""
    event = msgspec.structs.replace(story()[0], job=story(prompt=prompt)[0].job)

    runs = [root_of(event), *children_of(event)]

    inputs = runs[0].inputs
    assert {name: inputs[name] for name in ("prompt", "prompt_hash") if name in inputs} == shown
    assert "asleep" not in repr([run.extra for run in runs])


def test_everything_that_was_asked_for_is_an_input():
    """Whatever the provider lets users choose."""
    request = VideoRequest(
        seconds=Decimal("7.5"),
        size="720p",
        fps=Decimal(24),
        audio=False,
        n=2,
        input_images=1,
        input_seconds=Decimal(4),
    )
    event = an_event(request=request, operation=Operation.REMIX, parent_id="video_0")

    assert root_of(event).inputs == {
        "model": "sora-2",
        "operation": "remix",
        "seconds": Decimal("7.5"),
        "size": "720p",
        "fps": Decimal(24),
        "audio": False,
        "n": 2,
        "input_images": 1,
        "input_seconds": Decimal(4),
        "source_video_id": "video_0",
    }


@pytest.mark.parametrize("tag", ["session_id", "thread_id", "conversation_id", "session"])
def test_a_session_is_a_thread(tag):
    """Every run of the job names it, or the thread's cost would not add up."""
    event = story(attribution=Attribution("ada", {"team": "film", tag: "s-17"}))[1]

    runs = [root_of(event), *children_of(event)]

    assert [run.extra["metadata"]["session_id"] for run in runs] == ["s-17", "s-17"]


def test_a_call_that_raised_is_a_run_with_an_error():
    """It has the exception's text and no outputs; the job goes on."""
    event = msgspec.structs.replace(story()[1], name=EventName.CALL_FAILED)
    span = msgspec.structs.replace(event.spans[0], status=None, error_type="RateLimitError")
    failed = msgspec.structs.replace(event, spans=(span,), detail="RateLimitError: slow down")

    [run] = children_of(failed)

    assert (run.error, run.outputs) == ("RateLimitError: slow down", None)
    assert root_of(failed).error is None


def test_what_does_not_match_is_no_error_of_a_call():
    """The download that showed it went well."""
    event = msgspec.structs.replace(story()[4], name=EventName.MISMATCH, detail="seconds: 4, not 8")

    [run] = children_of(event)

    assert run.error is None
    assert run.core.name == "download_video"


def test_a_call_never_begins_before_its_job():
    """LangSmith refuses such a child; a provider's clock may be ahead of ours."""
    event = story()[1]
    late = msgspec.structs.replace(event.job, created_at=AT + timedelta(seconds=10))

    [run] = children_of(msgspec.structs.replace(event, job=late))

    assert run.core.start_time == run.core.end_time == "2026-11-20T14:03:31.000000+00:00"
    segments = [part.split("Z")[0] for part in run.core.dotted_order.split(".")]
    assert segments == ["20261120T140331000000", "20261120T140331000000"]


def test_a_job_of_a_foreign_id_has_a_uuid_too():
    """It is made from id and start: the same each time, another for another job."""
    ids = {job_uuid(an_event(job_id=job_id).job) for job_id in ("job_7", "job_7", "job_8", "x")}

    assert len(ids) == 3
    assert {made.version for made in ids} == {7}
    assert {made.hex[:12] for made in ids} == {f"{int(AT.timestamp() * 1000):012x}"}


def test_one_call_about_two_jobs_is_two_runs():
    """A list of videos shows several jobs at once; each has the call in its own trace."""
    first, second = story(1)[1], story(2)[1]
    shared = msgspec.structs.replace(second, spans=first.spans)

    ids = {children_of(event)[0].core.id for event in (first, shared)}

    assert len(ids) == 2


def test_a_job_that_ended_without_a_time_ends_with_its_event():
    """It never ends before it began either."""
    event = an_event(finished_at=None)
    early = an_event(finished_at=AT - timedelta(days=1))

    assert root_of(event).core.end_time == "2026-11-20T14:04:21.000000+00:00"
    assert root_of(early).core.end_time == root_of(early).core.start_time
    assert event.job.state is JobState.COMPLETED
