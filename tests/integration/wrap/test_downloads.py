"""Downloads: what is measured and probed while the user reads, and what follows from it."""

import gzip
import hashlib
from contextlib import closing, contextmanager
from decimal import Decimal

import apsw
import openai
import pytest
from mp4_kit import movie
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import vidobs
from vidobs.core.jobs import AssetState, JobState
from vidobs.core.money import CostBasis, CostStatus
from vidobs.ledger.reader import LedgerReader

ASKED = {"model": "sora-2", "seconds": "4", "size": "160x96"}
CHUNKED = {"transfer-encoding": "chunked"}
READS = ("buffered", "streamed", "raw")


@pytest.fixture
def spans():
    """Return the attributes of the download spans that ended, through the user's provider."""
    before = trace._TRACER_PROVIDER
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace._TRACER_PROVIDER = provider

    def ended():
        vidobs.flush(30)
        spans = exporter.get_finished_spans()
        return [dict(one.attributes) for one in spans if one.name.startswith("download_video")]

    yield ended
    trace._TRACER_PROVIDER = before
    provider.shutdown()


def read(api, how, video_id, **options):
    """Download a video in one of the SDK's ways and return its bytes."""
    if how == "buffered":
        return api(lambda c: c.videos.download_content(video_id, **options)).read()
    if how == "raw":
        raw = api(lambda c: c.videos.with_raw_response.download_content(video_id, **options))
        return raw.http_response.content
    stream = lambda c: c.videos.with_streaming_response.download_content(video_id, **options)  # noqa: E731
    return b"".join(api.chunks(stream))


@contextmanager
def taken(path):
    """Keep everybody else from writing to a ledger."""
    with closing(apsw.Connection(str(path))) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def written(path, video_id):
    """Return a job as its ledger has it once everything is written, and its events."""
    assert vidobs.flush(30) == 0
    with closing(LedgerReader(str(path))) as reader:
        (job,) = reader.job(video_id)
        return job, [event.name for event in reader.events(job.job_id)]


@pytest.mark.parametrize("how", READS)
def test_a_whole_video_shows_that_its_job_is_completed(how, sandbox, seen, connect):
    """Who is told by a webhook, and never asks for the status, still gets the end and the bill."""
    api = connect(sandbox.base_url)
    bare = openai.OpenAI(api_key="k", base_url=sandbox.base_url)
    video = api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    bare.videos.poll(video.id)

    read(api, how, video.id)

    (job,) = seen.jobs
    assert (job.state, job.cost.status) == (JobState.COMPLETED, CostStatus.SETTLED)
    names = [event.name for event in seen.events]
    assert names == ["video.submitted", "video.completed", "video.downloaded"]


def test_a_download_counts_although_its_create_is_not_written_yet(sandbox, connect, tmp_path):
    """Another process has the ledger while a video is made and read: both are written behind it."""
    path = tmp_path / "ledger.db"
    vidobs.configure(ledger=f"sqlite:///{path}")
    api = connect(sandbox.base_url)
    bare = openai.OpenAI(api_key="k", base_url=sandbox.base_url)
    api(lambda c: c.videos.create(prompt="a dog", **ASKED))
    with taken(path):
        video = api(lambda c: c.videos.create(prompt="a cat", **ASKED))
        bare.videos.poll(video.id)
        read(api, "streamed", video.id)
    job, _ = written(path, video.id)
    assert (job.state, job.asset) == (JobState.COMPLETED, AssetState.DOWNLOADED)


def test_a_failed_download_counts_although_its_create_is_not_written_yet(
    sandbox, connect, tmp_path
):
    """What came of the file is written behind the create, and so is that the call failed."""
    path = tmp_path / "ledger.db"
    vidobs.configure(ledger=f"sqlite:///{path}")
    api = connect(sandbox.base_url, max_retries=0)
    bare = openai.OpenAI(api_key="k", base_url=sandbox.base_url)
    api(lambda c: c.videos.create(prompt="a dog", **ASKED))
    prompt = "a cat [[fault:truncated_download]]"
    with taken(path):
        video = api(lambda c: c.videos.create(prompt=prompt, **ASKED))
        bare.videos.poll(video.id)
        with pytest.raises(Exception, match=r"(?i)incomplete|peer closed"):
            read(api, "streamed", video.id)
    job, events = written(path, video.id)
    assert events == ["video.submitted", "call.failed"]
    assert (job.file.complete, job.file.sha256, job.file.size_bytes > 0) == (False, None, True)


def test_a_file_is_gone_although_its_create_is_not_written_yet(sandbox, connect, tmp_path):
    """That it was there, and then not, is learnt behind the create."""
    path = tmp_path / "ledger.db"
    vidobs.configure(ledger=f"sqlite:///{path}")
    api = connect(sandbox.base_url)
    api(lambda c: c.videos.create(prompt="a dog", **ASKED))
    prompt = "a cat [[fault:expired_asset]]"
    with taken(path):
        video = api(lambda c: c.videos.create_and_poll(prompt=prompt, **ASKED))
        with pytest.raises(openai.NotFoundError):
            read(api, "streamed", video.id)
    job, events = written(path, video.id)
    assert (job.state, job.asset) == (JobState.COMPLETED, AssetState.EXPIRED)
    assert events[-2:] == ["video.completed", "call.failed"]


@pytest.mark.parametrize("how", READS)
def test_a_file_is_probed_while_it_is_read(how, sandbox, seen, connect, spans):
    """Length, size, rate, sound and codec are known; the cost rests on the file."""
    api = connect(sandbox.base_url)
    video = api(lambda c: c.videos.create_and_poll(prompt="a cat", **ASKED))
    data = read(api, how, video.id)

    job = seen.job
    checksum = hashlib.sha256(data).hexdigest()
    assert (job.file.size_bytes, job.file.sha256, job.file.complete) == (len(data), checksum, True)
    assert (job.file.seconds, job.file.size, job.file.fps) == (Decimal(4), "160x96", Decimal(24))
    assert (job.file.audio, job.file.codec) == (False, "avc1")
    assert (job.cost.basis, job.cost.usd) == (CostBasis.PROBED, Decimal("0.40"))
    assert "video.mismatch" not in seen.names

    (span,) = spans()
    took = {name: span.pop(name, None) for name in list(span) if name.startswith("vidobs.download")}
    assert {name: value for name, value in span.items() if name.startswith("vidobs.video.")} == {
        "vidobs.video.bytes": len(data),
        "vidobs.video.sha256": checksum,
        "vidobs.video.complete": True,
        "vidobs.video.seconds": 4.0,
        "vidobs.video.size": "160x96",
        "vidobs.video.fps": 24.0,
        "vidobs.video.audio": False,
        "vidobs.video.codec": "avc1",
    }
    assert took["vidobs.download.bytes_per_s"] > 0
    assert ("vidobs.download.first_byte_s" in took) is (how == "streamed")


@pytest.mark.parametrize("how", READS)
def test_a_shorter_file_is_told_once_and_costs_less(how, sandbox, seen, connect, spans):
    """Asked for 4 s, got 2 s: an event, an attribute, and the bill is adjusted."""
    api = connect(sandbox.base_url)
    prompt = "a cat [[fault:wrong_duration]]"
    video = api(lambda c: c.videos.create_and_poll(prompt=prompt, **ASKED))
    assert seen.job.cost.usd == Decimal("0.40")
    read(api, how, video.id)
    read(api, how, video.id)

    said = "asked 4 s 160x96, got 2 s"
    events = [event for event in seen.events if event.name == "video.mismatch"]
    assert [(event.detail, event.job.file.seconds) for event in events] == [(said, Decimal(2))]
    cost = seen.job.cost
    assert (cost.status, cost.basis) == (CostStatus.SETTLED, CostBasis.PROBED)
    assert (cost.usd, cost.quoted_usd) == (Decimal("0.20"), Decimal("0.40"))
    assert [span["vidobs.video.mismatch"] for span in spans()] == [said] * 2


def test_a_shorter_file_is_a_warning_in_the_log(sandbox, seen, connect, caplog):
    """The line says what was asked for and what came."""
    api = connect(sandbox.base_url)
    prompt = "a cat [[fault:wrong_duration]]"
    video = api(lambda c: c.videos.create_and_poll(prompt=prompt, **ASKED))
    read(api, "buffered", video.id)
    assert seen.names[-1] == "video.mismatch"
    lines = [one for one in caplog.records if one.getMessage().startswith("video.mismatch")]
    said = [(one.levelname, one.vidobs["mismatch"], one.vidobs["cost_usd"]) for one in lines]
    assert said == [("WARNING", "asked 4 s 160x96, got 2 s", "0.20")]


def test_a_range_is_counted_as_a_part(sandbox, seen, connect, spans):
    """Two halves are two parts; all of it in one range is the file, checksum and probe included."""
    api = connect(sandbox.base_url)
    video = api(lambda c: c.videos.create_and_poll(prompt="a cat", **ASKED))
    whole = read(connect(sandbox.base_url, bare=True), "streamed", video.id)
    size = len(whole)
    halves = (("buffered", "0-99", whole[:100]), ("streamed", "100-", whole[100:]))
    for how, wanted, expected in halves:
        part = read(api, how, video.id, extra_headers={"range": f"bytes={wanted}"})
        assert part == expected
        assert (seen.job.asset, seen.job.file.sha256) == (AssetState.AVAILABLE, None)
        assert seen.job.file.seconds is None
    assert [span["vidobs.video.part"] for span in spans()] == [
        f"0-99/{size}",
        f"100-{size - 1}/{size}",
    ]
    assert [span["vidobs.video.bytes"] for span in spans()] == [100, size - 100]

    read(api, "streamed", video.id, extra_headers={"range": "bytes=0-"})
    assert seen.job.file.sha256 == hashlib.sha256(whole).hexdigest()
    assert (seen.job.asset, seen.job.file.seconds) == (AssetState.DOWNLOADED, Decimal(4))
    assert "vidobs.video.part" not in spans()[-1]


def test_a_file_that_breaks_off_is_no_asset(sandbox, seen, connect, spans):
    """The caller gets the transport's own error; the span says how much came."""
    api = connect(sandbox.base_url, max_retries=0)
    prompt = "a cat [[fault:truncated_download]]"
    video = api(lambda c: c.videos.create_and_poll(prompt=prompt, **ASKED))
    with pytest.raises(Exception, match=r"(?i)incomplete|peer closed"):
        read(api, "streamed", video.id)
    assert (seen.job.asset, seen.job.cost.basis) == (AssetState.AVAILABLE, CostBasis.REQUESTED)
    (span,) = spans()
    assert span["vidobs.video.complete"] is False
    assert span["vidobs.video.bytes"] > 0
    assert "vidobs.video.sha256" not in span
    assert span["error.type"]


def test_a_body_without_a_length_that_ends_amid_the_file_is_not_whole(raw, video, seen, connect):
    """Where a proxy drops the Content-Length, the file itself says that it is cut off."""
    api = connect(raw.base_url)
    cut = b"\0\0\0\x10ftypisom\0\0\0\0" + (1 << 20).to_bytes(4, "big") + b"mdat" + bytes(5000)
    raw.script = [(200, {}, video("completed", progress=100)), (200, CHUNKED, cut)]
    api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    read(api, "streamed", "video_raw")
    assert (seen.job.asset, seen.job.file.complete) == (AssetState.AVAILABLE, False)


def test_bytes_that_are_packed_for_the_way_have_no_checksum(raw, video, seen, connect):
    """What vidobs sees of a compressed body is not the file, and is not taken for it."""
    api = connect(raw.base_url)
    packed = gzip.compress(movie())
    answer = (200, {"content-encoding": "gzip"}, packed)
    raw.script = [(200, {}, video("completed", progress=100)), answer]
    api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    assert read(api, "streamed", "video_raw") == movie()
    assert (seen.job.file.size_bytes, seen.job.file.sha256) == (len(packed), None)
    assert seen.job.asset is AssetState.DOWNLOADED


def test_what_is_no_video_is_downloaded_all_the_same(raw, video, seen, connect):
    """A server that sends something else is not warned of as a length of nothing."""
    api = connect(raw.base_url)
    raw.script = [(200, {}, video("completed", progress=100)), (200, {}, b"\x1aE\xdf\xa3webm")]
    api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    read(api, "streamed", "video_raw")
    assert (seen.job.asset, seen.job.file.seconds) == (AssetState.DOWNLOADED, None)
    assert seen.job.cost.basis is CostBasis.REQUESTED
    assert "video.mismatch" not in seen.names


def test_a_refused_download_says_nothing_of_bytes(sandbox, seen, connect, spans):
    """No byte of a file came, so none is counted."""
    api = connect(sandbox.base_url)
    with pytest.raises(openai.NotFoundError):
        read(api, "streamed", "video_nobody")
    (span,) = spans()
    assert not any(name.startswith("vidobs.video.") for name in span if "variant" not in name)
