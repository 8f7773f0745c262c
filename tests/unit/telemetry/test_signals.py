"""Log lines and log records: what they say, where they go, and when there are none."""

import logging
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import SeverityNumber
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from vidobs.core.calls import Attribution, Operation
from vidobs.core.events import EventName, VideoEvent
from vidobs.core.jobs import Job, JobError, JobState, Reason, TraceRef
from vidobs.core.protocols import Happening
from vidobs.telemetry.lines import escape
from vidobs.telemetry.signals import Signals

ANY_TEXT = st.text(st.characters(codec=None), max_size=60)


class Kept(logging.Handler):
    """Keeps the records that arrive."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        """Keep one record."""
        self.records.append(record)


@pytest.fixture
def logs():
    """Signals with a logger of their own and a real SDK behind the Logs API."""
    logger = logging.Logger("vidobs", logging.DEBUG)  # noqa: LOG001 - not the process's own
    handler = Kept()
    logger.addHandler(handler)
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    return SimpleNamespace(
        signals=Signals(logger_provider=provider, logger=logger),
        logger=logger,
        provider=provider,
        lines=handler.records,
        otel=lambda: [(one.log_record, one) for one in exporter.get_finished_logs()],
    )


def seen(*events, **changes):
    """Return a poll that caused some events."""
    values = {
        "operation": Operation.RETRIEVE,
        "provider": "openai",
        "model": "sora-2",
        "start_ns": 10**18,
        "end_ns": 10**18 + 250_000_000,
    }
    return Happening(**{**values, **changes}, events=events)


def event(name, job, **changes):
    """Return an event of the job."""
    return VideoEvent(id="0190-e", name=name, at=job.created_at, job=job, **changes)


def test_an_event_is_one_readable_line(logs, job):
    """Logfmt with exact money and the trace; the same fields as a dict for a formatter."""
    logs.signals.publish([seen(event(EventName.COMPLETED, job))])
    (line,) = logs.lines
    fields = {
        "job_id": "job_1",
        "provider": "openai",
        "operation": "create",
        "state": "completed",
        "polls": 20,
        "attempts": 1,
        "video_id": "video_1",
        "model": "sora-2",
        "queue_s": 2.0,
        "render_s": 60.0,
        "cost_status": "settled",
        "cost_usd": "0.80",
        "cost_basis": "requested",
        "seconds": 8.04,
        "size": "720x1280",
        "complete": True,
        "bytes": 1_000_000,
        "sha256": "cd" * 32,
        "user": "ada",
        "tag.team": "film",
        "event_id": "0190-e",
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
    }
    assert line.vidobs == {"event": "video.completed", **fields}
    assert line.getMessage() == "video.completed " + " ".join(
        f"{name}={'true' if value is True else value}" for name, value in fields.items()
    )
    assert (line.name, line.levelno) == ("vidobs", logging.INFO)


def test_an_event_is_one_log_record(logs, job):
    """With its event name, in the job's trace, at its own time, with typed attributes."""
    logs.signals.publish([seen(event(EventName.COMPLETED, job))])
    ((record, exported),) = logs.otel()
    assert (record.event_name, record.body) == ("video.completed", "video.completed")
    assert (record.severity_number, record.severity_text) == (SeverityNumber.INFO, "INFO")
    assert record.timestamp == 1_795_161_600_123_456_000
    assert (record.trace_id, record.span_id) == (int("a" * 32, 16), int("b" * 16, 16))
    assert record.trace_flags.sampled
    assert exported.instrumentation_scope.name == "vidobs"
    attributes = dict(record.attributes)
    assert attributes["gen_ai.response.id"] == "video_1"
    assert attributes["vidobs.job.id"] == "job_1"
    assert attributes["vidobs.event.id"] == "0190-e"
    assert (type(attributes["vidobs.cost.usd"]), attributes["vidobs.cost.usd"]) == (float, 0.8)
    assert attributes["vidobs.tag.team"] == "film"


@pytest.mark.parametrize("name", list(EventName))
def test_every_event_has_its_level(logs, job, name):
    """What somebody should look at is a warning, progress is detail, the rest is information."""
    warnings = {
        "video.failed", "video.expired", "video.unknown", "video.stuck", "video.expiring",
        "video.mismatch", "call.failed", "budget.exceeded", "budget.warning", "guardrail.blocked",
        "guardrail.flagged", "exporter.down",
    }  # fmt: skip
    logs.signals.publish([seen(event(name, job))])
    expected = (
        logging.WARNING
        if name in warnings
        else logging.DEBUG
        if name is EventName.PROGRESS
        else logging.INFO
    )
    assert [line.levelno for line in logs.lines] == [expected]
    assert logs.otel()[0][0].severity_number.value == {10: 5, 20: 9, 30: 13}[expected]


def test_progress_says_how_far(logs, job):
    """While a job runs its progress is a field; at the end it says nothing new."""
    running = msgspec.structs.replace(job, state=JobState.IN_PROGRESS, progress=40)
    logs.signals.publish(
        [seen(event(EventName.PROGRESS, running), event(EventName.COMPLETED, job))]
    )
    assert [line.vidobs.get("progress") for line in logs.lines] == [40, None]


def test_a_failed_job_says_why(logs, job):
    """Reason, the provider's code and its message; a failed job is no exception."""
    failed = msgspec.structs.replace(
        job,
        state=JobState.FAILED,
        reason=Reason.MODERATION_OUTPUT,
        error=JobError("moderation_blocked", "The result was\nwithheld"),
    )
    logs.signals.publish([seen(event(EventName.FAILED, failed))])
    (line,) = logs.lines
    assert line.vidobs["reason"] == line.vidobs["error_type"] == "moderation_output"
    assert line.vidobs["error_code"] == "moderation_blocked"
    assert r'error="The result was\\nwithheld"' in line.getMessage()
    ((record, _),) = logs.otel()
    assert record.attributes["vidobs.job.error.message"] == "The result was\nwithheld"
    assert "exception.type" not in record.attributes


def test_a_failed_call_without_a_job_has_a_line_and_a_record(logs):
    """Nobody knows its job, but it is told: a warning, and the conventions' exception event."""
    failure = seen(error_type="APIConnectionError", detail="APIConnectionError: no route: host")
    logs.signals.publish([failure])
    (line,) = logs.lines
    assert line.levelno == logging.WARNING
    assert line.vidobs == {
        "event": "call.failed",
        "operation": "retrieve",
        "provider": "openai",
        "model": "sora-2",
        "error_type": "APIConnectionError",
        "exception_type": "APIConnectionError",
        "exception_message": "no route: host",
        "duration_s": 0.25,
    }
    ((record, _),) = logs.otel()
    assert record.event_name == "gen_ai.client.operation.exception"
    assert record.severity_number is SeverityNumber.WARN
    assert record.timestamp == failure.end_ns
    assert dict(record.attributes) == {
        "gen_ai.operation.name": "fetch_response",
        "vidobs.operation": "retrieve",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "sora-2",
        "error.type": "APIConnectionError",
        "exception.type": "APIConnectionError",
        "exception.message": "no route: host",
    }
    assert record.trace_id == 0


def test_a_failed_call_of_a_known_job_is_one_line(logs, job):
    """The event is the line; the exception is a second record, in the job's trace."""
    failed = event(EventName.CALL_FAILED, job, detail="ReadTimeout: slow")
    logs.signals.publish([seen(failed, error_type="ReadTimeout", detail="ReadTimeout: slow")])
    (line,) = logs.lines
    assert line.vidobs["event"] == "call.failed"
    assert line.vidobs["exception_message"] == "slow"
    (told, _), (raised, _) = logs.otel()
    assert (told.event_name, raised.event_name) == (
        "call.failed",
        "gen_ai.client.operation.exception",
    )
    assert raised.trace_id == told.trace_id == int("a" * 32, 16)
    assert raised.attributes["vidobs.job.id"] == "job_1"
    assert raised.attributes["gen_ai.response.id"] == "video_1"


def test_a_create_nobody_knows_the_outcome_of_says_what_it_raised(logs, job):
    """The event of a create that raised is its only line, so it carries the exception."""
    unknown = msgspec.structs.replace(job, state=JobState.UNKNOWN)
    told = event(EventName.UNKNOWN, unknown, detail="APITimeoutError: slow")
    logs.signals.publish([seen(told, error_type="APITimeoutError", detail="APITimeoutError: slow")])
    (line,) = logs.lines
    assert line.vidobs["event"] == "video.unknown"
    assert line.vidobs["exception_type"] == "APITimeoutError"
    assert line.vidobs["exception_message"] == "slow"
    assert [record.event_name for record, _ in logs.otel()] == [
        "video.unknown",
        "gen_ai.client.operation.exception",
    ]


def test_an_exception_without_a_text_has_only_its_type(logs):
    """Nothing is made up."""
    logs.signals.publish([seen(error_type="E", detail="E"), seen(error_type="E")])
    first, second = logs.lines
    assert (first.vidobs["exception_type"], "exception_message" in first.vidobs) == ("E", False)
    assert "exception_type" not in second.vidobs


def test_a_level_that_is_off_costs_nothing(logs, job):
    """No line below the logger's level; the record goes its own way."""
    logs.logger.setLevel(logging.ERROR)
    logs.signals.publish([seen(event(EventName.FAILED, job))])
    assert logs.lines == []
    assert len(logs.otel()) == 1


def test_no_record_twice(logs, job):
    """Where OpenTelemetry's handler turns lines into records, vidobs leaves it to that."""
    logs.logger.addHandler(LoggingHandler(logger_provider=logs.provider))
    logs.signals.publish([seen(event(EventName.COMPLETED, job), error_type="E")])
    assert len(logs.lines) == 2
    bodies = [record.body for record, _ in logs.otel()]
    assert len(bodies) == 2
    assert bodies[0].startswith("video.completed job_id=job_1")


def test_a_handler_further_up_counts(logs, job):
    """Usually it is the root logger that has the handler."""
    root = logging.Logger("root")  # noqa: LOG001 - not the process's own
    logs.logger.parent = root
    root.addHandler(LoggingHandler(logger_provider=logs.provider))
    logs.signals.publish([seen(event(EventName.COMPLETED, job))])
    assert len(logs.otel()) == 1
    logs.logger.propagate = False
    logs.signals.publish([seen(event(EventName.COMPLETED, job))])
    assert [record.event_name for record, _ in logs.otel()] == [None, "video.completed"]


def test_a_handler_that_gets_no_lines_does_not_count(logs, job):
    """A handler behind a level that is off makes no record, so vidobs does."""
    logs.logger.addHandler(LoggingHandler(logger_provider=logs.provider))
    logs.logger.setLevel(logging.ERROR)
    logs.signals.publish([seen(event(EventName.COMPLETED, job))])
    assert [record.event_name for record, _ in logs.otel()] == ["video.completed"]


def test_lost_writes_are_said(logs):
    """The count and the reason stand in a warning."""
    logs.signals.lost(3, "disk full")
    (line,) = logs.lines
    assert line.getMessage() == 'ledger.lost count=3 why="disk full"'
    assert line.levelno == logging.WARNING


def test_guard_trips_are_only_counted(logs):
    """The guard itself says what happened."""
    logs.signals.guard_tripped("x")
    assert logs.lines == []


def test_the_users_structlog_is_neither_touched_nor_followed(logs, job):
    """An application that configured structlog keeps its configuration, and ours its form."""

    def explode(*_args):
        raise AssertionError("the application's chain was used")

    structlog.configure(processors=[explode])
    try:
        logs.signals.publish([seen(event(EventName.COMPLETED, job))])
        assert structlog.get_config()["processors"] == [explode]
    finally:
        structlog.reset_defaults()
    assert len(logs.lines) == 1


def test_the_process_logger_gets_a_null_handler_at_most():
    """A library's logger neither prints by itself nor touches the root logger."""
    logger = logging.Logger("vidobs")  # noqa: LOG001 - not the process's own
    before = list(logging.getLogger().handlers)
    Signals(logger=logger)
    Signals(logger=logger)
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
    assert logging.getLogger().handlers == before


def test_nothing_is_printed(logs, job, capfd):
    """Neither stdout nor stderr is vidobs' to write to."""
    logs.signals.publish([seen(event(EventName.FAILED, job), error_type="E", detail="E: x")])
    logs.signals.lost(1, "x")
    assert capfd.readouterr() == ("", "")


@given(user=ANY_TEXT, key=ANY_TEXT, value=ANY_TEXT)
def test_nobody_can_forge_a_line(user, key, value):
    """Whatever a text holds, a line stays one line that reads from left to right."""
    logger = logging.Logger("vidobs", logging.DEBUG)  # noqa: LOG001 - not the process's own
    handler = Kept()
    logger.addHandler(handler)
    job = msgspec.structs.replace(_a_job(), attribution=Attribution(user, {key: value}))
    Signals(logger=logger).publish([seen(event(EventName.COMPLETED, job))])
    message = handler.records[0].getMessage()
    assert len(message.splitlines()) == 1
    assert message == escape(message)
    message.encode("utf-8")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31m\x00\x9b", r"\u001b[31m\u0000\u009b"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("a\u2028b\u200bc\ufeff", r"a\u2028b\u200bc\ufeff"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("Kätzchen 🐈 C:\\tmp", "Kätzchen 🐈 C:\\tmp"),
    ],
)
def test_what_is_escaped(given, shown):
    """Controls, invisible and bidirectional characters; letters and emoji are left alone."""
    assert escape(given) == shown


def test_a_quote_cannot_open_a_field(logs, job):
    """Quotes, equals signs and backslashes inside a value stay inside it."""
    forged = msgspec.structs.replace(
        job, attribution=Attribution('x" cost_usd="0\\', {"a b=c": ""})
    )
    logs.signals.publish([seen(event(EventName.COMPLETED, forged))])
    message = logs.lines[0].getMessage()
    assert r'user="x\" cost_usd=\"0\\" tag.a_b_c="" ' in message


def _a_job():
    """Return the least a job can be."""
    return Job(
        job_id="job_1",
        provider="openai",
        dialect="openai_videos",
        created_at=datetime(2026, 11, 20, tzinfo=UTC),
        trace=TraceRef("a" * 32, "b" * 16),
    )


def test_a_mismatch_is_a_warning_that_says_what_differs(logs, job):
    """Its text stands with the file, and is no exception of anybody's."""
    asked = msgspec.structs.replace(job.request, seconds=Decimal(12), size="720x1280")
    job = msgspec.structs.replace(job, request=asked)
    logs.signals.publish([seen(event(EventName.MISMATCH, job, detail="asked 12 s, got 8.04 s"))])
    (line,) = logs.lines
    assert line.levelno == logging.WARNING
    assert line.vidobs["mismatch"] == "asked 12 s 720x1280, got 8.04 s"
    assert "exception_type" not in line.vidobs
