"""Calls, jobs and in-memory ends of the real OpenTelemetry SDK."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from vidobs.core.calls import Attribution, Operation, VideoCall, VideoRequest
from vidobs.core.jobs import Job, JobState, TraceRef, VideoFile
from vidobs.core.money import Cost, CostBasis, CostStatus
from vidobs.telemetry.spans import Tracing

START = datetime(2026, 11, 20, 8, 0, 0, 123456, UTC)
START_NS = 1_795_161_600_123_456_000


def after(seconds):
    """Return the time some seconds after the start."""
    return START + timedelta(seconds=seconds)


@pytest.fixture
def create():
    """A create with everything a request can say."""
    return VideoCall(
        operation=Operation.CREATE,
        provider="openai",
        dialect="openai_videos",
        model="sora-2",
        request=VideoRequest(
            seconds=Decimal(8),
            size="720x1280",
            fps=Decimal("23.976"),
            audio=True,
            n=2,
            input_images=1,
            input_seconds=Decimal("1.5"),
            prompt_chars=33,
        ),
        request_hash="ab" * 16,
        server_address="api.openai.com",
        server_port=443,
        attribution=Attribution(user="ada", tags={"team": "film"}),
    )


@pytest.fixture
def poll():
    """A poll of the job that `job` is."""
    return VideoCall(
        operation=Operation.RETRIEVE, provider="openai", dialect="openai_videos", video_id="video_1"
    )


@pytest.fixture
def download():
    """A download of the video of the job that `job` is."""
    return VideoCall(
        operation=Operation.DOWNLOAD,
        provider="openai",
        dialect="openai_videos",
        model="sora-2",
        video_id="video_1",
        variant="video",
    )


@pytest.fixture
def job():
    """A completed and downloaded job."""
    return Job(
        job_id="job_1",
        provider="openai",
        dialect="openai_videos",
        created_at=START,
        trace=TraceRef("a" * 32, "b" * 16),
        state=JobState.COMPLETED,
        provider_job_id="video_1",
        model="sora-2",
        raw_status="completed",
        progress=100,
        submitted_at=after(1),
        started_at=after(3),
        finished_at=after(63),
        polls=20,
        request=VideoRequest(seconds=Decimal(8), size="720x1280"),
        file=VideoFile(size_bytes=1_000_000, sha256="cd" * 32, seconds=Decimal("8.04")),
        cost=Cost(CostStatus.SETTLED, CostBasis.REQUESTED, Decimal("0.80")),
        attribution=Attribution(user="ada", tags={"team": "film"}),
    )


@pytest.fixture
def bits():
    """Random bits that repeat from run to run."""
    return random.Random(7).getrandbits


@pytest.fixture
def sdk(bits):
    """Tracing through a real SDK provider, and the spans that arrive."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return SimpleNamespace(
        tracing=Tracing(provider, getrandbits=bits),
        provider=provider,
        tracer=provider.get_tracer("the user's"),
        spans=exporter.get_finished_spans,
    )


@pytest.fixture
def rows(bits):
    """Tracing without any provider."""
    return Tracing(getrandbits=bits)
