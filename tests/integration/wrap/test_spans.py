"""One trace per job: through the user's provider, and as rows where there is none."""

from contextlib import contextmanager

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

import vidobs
from vidobs.core.jobs import JobState

ASKED = {"model": "sora-2", "seconds": "4", "size": "160x96"}
OWN = ("generate_content", "fetch_response", "download_video", "video_job")


class Otel:
    """A provider of the user's as the global one, and what arrives there."""

    def __init__(self):
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def spans(self):
        """Every span that ended."""
        vidobs.flush(30)
        return list(self.exporter.get_finished_spans())

    def named(self, name):
        """The spans of vidobs whose name starts so, the oldest first."""
        found = [span for span in self.spans if span.name.partition(" ")[0] == name]
        return sorted(found, key=lambda span: span.start_time)

    @property
    def http(self):
        """The spans of HTTP requests."""
        return [span for span in self.spans if span.name.partition(" ")[0] not in OWN]


@pytest.fixture
def otel():
    """Set a global provider for one test."""
    before = trace._TRACER_PROVIDER
    one = Otel()
    trace._TRACER_PROVIDER = one.provider
    yield one
    trace._TRACER_PROVIDER = before
    one.provider.shutdown()


def whole_job(api, prompt="a cat"):
    """Create, poll to the end and download."""
    video = api(lambda c: c.videos.create_and_poll(prompt=prompt, **ASKED))
    if video.status == "completed":
        api.chunks(lambda c: c.videos.with_streaming_response.download_content(video.id))
    return video


def test_one_trace_with_one_job_span(otel, sandbox, seen, connect):
    """Create, polls, download and job in one trace, under the create; the job's times and cost."""
    video = whole_job(connect(sandbox.base_url))
    ours = [span for span in otel.spans if span.name.partition(" ")[0] in OWN]
    (create,) = otel.named("generate_content")
    (job_span,) = otel.named("video_job")
    (download,) = otel.named("download_video")
    polls = otel.named("fetch_response")

    assert {span.context.trace_id for span in ours} == {create.context.trace_id}
    assert create.parent is None
    for child in (job_span, download, *polls):
        assert child.parent.span_id == create.context.span_id
    kinds = {span.name.partition(" ")[0]: span.kind for span in ours}
    assert kinds.pop("video_job") is SpanKind.INTERNAL
    assert set(kinds.values()) == {SpanKind.CLIENT}

    states = [span.attributes["vidobs.job.state"] for span in polls]
    assert states[-1] == "completed"
    assert len(states) <= sum(request.method == "GET" for request in sandbox.requests)
    job = seen.job
    assert job.trace.trace_id == format_trace_id(create.context.trace_id)
    assert job.trace.span_id == format_span_id(create.context.span_id)
    assert job_span.start_time // 1000 == round(job.created_at.timestamp() * 1e6)
    assert job_span.end_time // 1000 == round(job.finished_at.timestamp() * 1e6)
    assert job_span.attributes["vidobs.cost.usd"] == pytest.approx(0.4)
    assert job_span.status.status_code is StatusCode.UNSET
    for span in ours:
        if span is not create:
            assert span.attributes["gen_ai.response.id"] == video.id
        assert span.attributes["vidobs.job.id"] == job.job_id


def test_polls_that_say_the_same_are_no_spans(otel, raw, video, seen, connect):
    """First, each change, terminal: three spans for nine polls, and one job span however often."""
    polls = [("queued", 0)] * 3 + [("in_progress", 50)] * 3 + [("completed", 100)] * 3
    raw.script = [(200, {}, video())]
    raw.script += [(200, {}, video(state, progress=done)) for state, done in polls]
    api = connect(raw.base_url)
    api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    for _ in polls:
        api(lambda c: c.videos.retrieve("video_raw"))
    states = [span.attributes["vidobs.job.state"] for span in otel.named("fetch_response")]
    assert states == ["queued", "in_progress", "completed"]
    assert len(otel.named("video_job")) == 1
    assert seen.job.polls == 7  # up to the first that said it was done


def test_an_error_between_equal_polls_is_no_change(otel, raw, video, seen, connect):
    """The failed poll is a span with an error; the one after it says what was known."""
    bad = (404, {}, {"error": {"message": "gone for a moment"}})
    same = (200, {}, video("in_progress", progress=5))
    raw.script = [(200, {}, video()), same, bad, same]
    api = connect(raw.base_url)
    api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    for fails in (False, True, False):
        if fails:
            with pytest.raises(Exception, match="gone for a moment"):
                api(lambda c: c.videos.retrieve("video_raw"))
        else:
            api(lambda c: c.videos.retrieve("video_raw"))
    codes = [span.status.status_code for span in otel.named("fetch_response")]
    assert codes == [StatusCode.UNSET, StatusCode.ERROR]
    assert seen.job.state is JobState.IN_PROGRESS


@pytest.mark.parametrize(("setting", "spans"), [("changes", 1), ("all", 3), ("none", 0)])
def test_which_polls_are_spans(setting, spans, *, otel, raw, video, connect, watch):
    """`poll_spans` chooses; the job is followed all the same."""
    vidobs.configure(ledger="memory:", poll_spans=setting)
    seen = watch()
    raw.script = [(200, {}, video()), (200, {}, video("in_progress"))]
    api = connect(raw.base_url)
    api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    for _ in range(3):
        api(lambda c: c.videos.retrieve("video_raw"))
    assert len(otel.named("fetch_response")) == spans
    assert seen.job.state is JobState.IN_PROGRESS


@pytest.mark.parametrize("mode", ["creates", "all", "off"])
def test_http_spans(mode, otel, sandbox, connect, watch):
    """By default creates and downloads have an HTTP child; with `all` every poll; else none."""
    vidobs.configure(ledger="memory:", http_spans=mode)
    watch()
    whole_job(connect(sandbox.base_url))
    parents = {span.context.span_id: span.name.partition(" ")[0] for span in otel.spans}
    under = [parents[span.parent.span_id] for span in otel.http]
    if mode == "off":
        assert under == []
    elif mode == "creates":
        assert sorted(under) == ["download_video", "generate_content"]
    else:
        gets = sum(request.method == "GET" for request in sandbox.requests) - 1
        assert sorted(set(under)) == ["download_video", "fetch_response", "generate_content"]
        assert under.count("fetch_response") == gets == len(otel.named("fetch_response"))


@contextmanager
def instrumented(provider):
    """As when the user instruments every HTTP client."""
    used = [HTTPXClientInstrumentor(), HTTPX2ClientInstrumentor()]
    for one in used:
        one.instrument(tracer_provider=provider)
    try:
        yield
    finally:
        for one in used:
            one.uninstrument()


def test_never_two_spans_for_one_request(otel, sandbox, seen, connect):
    """Where the user instruments HTTP already, vidobs adds nothing of its own."""
    with instrumented(otel.provider):
        whole_job(connect(sandbox.base_url))
    assert len(otel.http) <= len(sandbox.requests)
    creates = [span for span in otel.http if span.name.startswith("POST")]
    assert len(creates) == 1
    assert creates[0].parent.span_id == otel.named("generate_content")[0].context.span_id


def test_unwrap_takes_the_http_spans_off(otel, sandbox, seen, connect):
    """Afterwards a request of the client makes no span at all."""
    api = connect(sandbox.base_url)
    whole_job(api)
    vidobs.unwrap(api.client)
    before = len(otel.spans)
    whole_job(api)
    assert len(otel.spans) == before


def test_a_failed_job_is_an_error_of_the_job_alone(otel, sandbox, seen, connect):
    """The poll that saw it is fine; the job's span says why."""
    whole_job(connect(sandbox.base_url), "a cat [[fault:moderation_output]]")
    (job_span,) = otel.named("video_job")
    assert job_span.status.status_code is StatusCode.ERROR
    assert job_span.attributes["error.type"] == "moderation_output"
    codes = {span.status.status_code for span in otel.named("fetch_response")}
    assert codes == {StatusCode.UNSET}


def test_under_a_span_of_the_user(otel, sandbox, seen, connect):
    """The create is a child of what was current, and nothing of ours stays current."""
    api = connect(sandbox.base_url)
    with otel.provider.get_tracer("theirs").start_as_current_span("request") as ambient:
        whole_job(api)
        assert trace.get_current_span() is ambient
    (create,) = otel.named("generate_content")
    assert create.parent.span_id == ambient.context.span_id
    assert {span.context.trace_id for span in otel.spans} == {ambient.context.trace_id}


def test_nothing_stays_current_after_an_exception(otel, sandbox, seen, connect):
    """Errors of every verb leave the context as it was."""
    api = connect(sandbox.base_url)
    for call in (
        lambda c: c.videos.create(prompt="a", size="1x1"),
        lambda c: c.videos.retrieve("video_none"),
        lambda c: c.videos.download_content("video_none"),
    ):
        with pytest.raises(Exception, match="Error code"):
            api(call)
        assert not trace.get_current_span().get_span_context().is_valid


def test_user_and_tags_are_on_the_spans(otel, sandbox, seen, connect):
    """Who a job is for stands on its create and on the job's span."""
    with vidobs.context(user="ada", tags={"team": "film"}):
        whole_job(connect(sandbox.base_url))
    for name in ("generate_content", "video_job"):
        (span,) = otel.named(name)
        assert "ada" in span.attributes.values()
        assert "film" in span.attributes.values()


def _one_tree(seen):
    spans = seen.spans
    (root,) = [span for span in spans if span.name.startswith("generate_content")]
    rest = [span for span in spans if span is not root]
    assert {span.trace_id for span in spans} == {root.trace_id}
    assert {span.parent_id for span in rest} == {root.span_id}
    assert root.parent_id is None
    return [span.name.partition(" ")[0] for span in spans]


def test_without_a_provider_events_carry_the_tree(sandbox, seen, connect, capsys):
    """Every event has a trace id, and the spans on them form one tree; stdout stays empty."""
    whole_job(connect(sandbox.base_url))
    assert {event.trace_id for event in seen.events} == {seen.job.trace.trace_id}
    assert len(seen.job.trace.trace_id) == 32
    names = _one_tree(seen)
    assert (names.count("generate_content"), names.count("video_job")) == (1, 1)
    assert names[-1] == "download_video"
    assert capsys.readouterr().out == ""


def test_otel_switched_off(otel, sandbox, connect, monkeypatch, watch):
    """With OTEL_SDK_DISABLED the provider gets nothing, and events have their tree still."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    vidobs.configure(ledger="memory:")
    seen = watch()
    whole_job(connect(sandbox.base_url))
    assert otel.spans == []
    assert "video_job" in _one_tree(seen)


class Raising(SpanProcessor):
    """A processor with a bug."""

    def __init__(self, at, text):
        if at == "start":
            self.on_start = self._raise
        else:
            self.on_end = self._raise
        self.text = text

    def _raise(self, *_args, **_kwargs):
        raise RuntimeError(self.text)


@pytest.mark.parametrize("at", ["start", "end"])
def test_a_processor_that_raises(at, *, otel, sandbox, seen, connect, guard_trips):
    """The call works and the job is whole, in the ledger and in the events; the fault is said."""
    secret = f"the prompt {id(otel)}"
    otel.provider.add_span_processor(Raising(at, secret))
    video = whole_job(connect(sandbox.base_url))
    assert video.status == "completed"
    assert seen.job.state is JobState.COMPLETED
    rendering = "video.started"  # which nobody sees of a job that is over at the first poll
    names = [name for name in seen.names if name != rendering]
    assert names == ["video.submitted", "video.completed", "video.downloaded"]
    guard_trips.expected = {f"span {at}: RuntimeError", f"http span {at}: RuntimeError"}
    said = "".join(guard_trips.seen.values())
    assert "in _raise" in said
    assert secret not in said
