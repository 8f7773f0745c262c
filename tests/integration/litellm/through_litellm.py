"""Run by `test_litellm.py` where LiteLLM is: its functions against the sandbox, with our logger."""

import asyncio
import io
import logging

import litellm
import msgspec
import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import vidobs
from vidobs import runtime
from vidobs.core.jobs import JobState, Reason
from vidobs.testing import Sandbox, capture_events

KEY = "gateway/canarykey/7f3a"
PROMPT = "canaryprompt: a heron lands on the thawing canal"
MODEL = "openai/sora-2"
REFUSED = "http://127.0.0.1:9/v1"
litellm.suppress_debug_info = True


class Lite:
    """LiteLLM's functions for videos, sync or async behind one face."""

    def __init__(self, kind, base_url):
        self.kind = kind
        self.where = {"api_base": base_url, "api_key": KEY}
        self._loop = asyncio.Runner() if kind == "async" else None

    def run(self, name, **given):
        """Call `litellm.{name}`, or its async twin."""
        given = {**self.where, **given}
        if self._loop is None:
            return getattr(litellm, name)(**given)
        return self._loop.run(getattr(litellm, f"a{name}")(**given))

    def generation(self, prompt=PROMPT, **given):
        """Make a video."""
        given = {"model": MODEL, "seconds": "4", "size": "160x96", **given}
        return self.run("video_generation", prompt=prompt, **given)

    def until_it_ends(self, video_id):
        """Poll as a user would."""
        while True:
            video = self.run("video_status", video_id=video_id)
            if video.status in ("completed", "failed"):
                return video

    def wait_for(self, events, name, count=1):
        """Wait for an event; LiteLLM tells its loggers from a thread, or later in the loop."""
        if self._loop is None:
            return events.wait_for(name, count=count)
        return self._loop.run(asyncio.to_thread(events.wait_for, name, count=count))

    def close(self):
        """End the loop."""
        if self._loop is not None:
            self._loop.close()


@pytest.fixture(params=["sync", "async"])
def kind(request):
    """Both kinds of functions."""
    return request.param


@pytest.fixture(scope="module")
def sandbox():
    """Twenty times faster than usual."""
    with Sandbox(time_scale=0.05) as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    """Have a ledger and an exporter in a folder, and vidobs as LiteLLM's only logger."""
    vidobs.configure(
        ledger=f"sqlite:///{tmp_path}/ledger.db",
        callbacks=["jsonl"],
        exporters={"jsonl": {"path": str(tmp_path / "events.jsonl")}},
    )
    _only_logger(vidobs.litellm_logger())
    yield tmp_path
    _only_logger(None)


def _only_logger(logger):
    """LiteLLM copies its callbacks into more lists than one."""
    for name in (
        "input_callback", "success_callback", "failure_callback", "_async_input_callback",
        "_async_success_callback", "_async_failure_callback",
    ):  # fmt: skip
        getattr(litellm, name).clear()
    litellm.callbacks = [] if logger is None else [logger]


@pytest.fixture
def events(folder):
    """What this process records."""
    with capture_events() as log:
        yield log


@pytest.fixture
def lite(kind, sandbox, events):
    """The functions, going to the sandbox."""
    made = Lite(kind, sandbox.base_url)
    yield made
    made.close()


def jobs():
    """Every job in the ledger, oldest first."""
    assert vidobs.flush(30) == 0
    return runtime.current().store.reader().jobs()[::-1]


def in_ledger(job):
    """The names of a job's events, but for those that depend on how fast it was."""
    return _steady(runtime.current().store.reader().events(job.job_id))


def exported(folder, job):
    """The same, of what the exporter wrote."""
    lines = (folder / "events.jsonl").read_bytes().splitlines()
    events = [msgspec.json.decode(line, type=vidobs.VideoEvent) for line in lines]
    return _steady(event for event in events if event.job.job_id == job.job_id)


def _steady(events):
    hasty = ("video.started", "video.progress")
    return [event.name.value for event in events if event.name not in hasty]


def test_a_whole_life(lite, events, folder, sandbox):
    """Create, polls, download, remix: two jobs with a settlement each, in every place."""
    made = lite.generation(user="ada", metadata={"tags": ["team:red"]})
    lite.wait_for(events, "video.submitted")
    assert lite.until_it_ends(made.id).status == "completed"
    lite.wait_for(events, "video.completed")
    content = lite.run("video_content", video_id=made.id)
    lite.wait_for(events, "video.downloaded")
    again = lite.run("video_remix", video_id=made.id, prompt="at dusk")
    lite.wait_for(events, "video.submitted", count=2)
    lite.until_it_ends(again.id)
    lite.wait_for(events, "video.completed", count=2)

    first, second = jobs()
    assert [first.provider_job_id, second.provider_job_id] == [job.id for job in sandbox.jobs[-2:]]
    assert (first.provider, first.dialect, first.model) == ("openai", "litellm", "sora-2")
    assert (str(first.cost.usd), first.cost.status) == ("0.4", "settled")
    assert (first.file.size_bytes, first.file.complete) == (len(content), True)
    assert (first.attribution.user, first.attribution.tags) == ("ada", {"team": "red"})
    assert (second.operation, second.parent_id) == ("remix", first.provider_job_id)
    assert (str(second.cost.usd), second.cost.status) == ("0.4", "settled")
    life = ["video.submitted", "video.completed"]
    assert in_ledger(first) == exported(folder, first) == [*life, "video.downloaded"]
    assert in_ledger(second) == exported(folder, second) == life


def test_the_spans_of_a_job_are_one_trace(lite, events):
    """Under the caller's span, as with a wrapped client; the job has a span of its own."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before, trace._TRACER_PROVIDER = trace._TRACER_PROVIDER, provider
    try:
        with provider.get_tracer("app").start_as_current_span("request") as request:
            made = lite.generation()
        lite.wait_for(events, "video.submitted")
        lite.until_it_ends(made.id)
        lite.wait_for(events, "video.completed")
        lite.run("video_content", video_id=made.id)
        lite.wait_for(events, "video.downloaded")
    finally:
        trace._TRACER_PROVIDER = before
        provider.shutdown()
    ours = [span for span in exporter.get_finished_spans() if span.name != "request"]
    assert {span.context.trace_id for span in ours} == {request.get_span_context().trace_id}
    names = [span.name for span in ours]
    assert names.count("generate_content sora-2") == names.count("video_job sora-2") == 1
    assert {"fetch_response", "download_video"} <= set(names)
    create = next(span for span in ours if span.name == "generate_content sora-2")
    assert create.parent.span_id == request.get_span_context().span_id


@pytest.mark.parametrize(
    ("given", "state", "reason"),
    [
        ({"prompt": "[[fault:moderation_input]]"}, JobState.FAILED, Reason.MODERATION_INPUT),
        ({"prompt": "[[fault:rate_limit]]"}, JobState.FAILED, Reason.RATE_LIMITED),
        ({"prompt": "[[fault:error_after_accept]]"}, JobState.UNKNOWN, None),
        ({"prompt": "[[fault:cut_after_accept]]"}, JobState.UNKNOWN, None),
        ({"prompt": "[[fault:slow_after_accept]]", "timeout": 0.3}, JobState.UNKNOWN, None),
        ({"api_base": REFUSED}, JobState.FAILED, Reason.NOT_SENT),
        ({"seconds": "5000000"}, JobState.FAILED, Reason.INVALID_REQUEST),
    ],
    ids=lambda given: given.get("prompt", next(iter(given))) if isinstance(given, dict) else "",
)
def test_a_create_that_fails(lite, given, state, reason):
    """The user gets LiteLLM's exception; the ledger what became of the job, once."""
    with pytest.raises(openai.OpenAIError):
        lite.generation(**given)
    (job,) = jobs()
    assert (job.state, job.reason) == (state, reason)
    assert job.provider_job_id is None


def test_a_job_that_fails(lite, events):
    """LiteLLM keeps what the create would have cost; vidobs gives it back."""
    made = lite.generation("[[fault:moderation_output]]")
    lite.wait_for(events, "video.submitted")
    assert lite.until_it_ends(made.id).status == "failed"
    lite.wait_for(events, "video.failed")
    (job,) = jobs()
    assert (job.reason, str(job.cost.usd)) == (Reason.MODERATION_OUTPUT, "0")


def test_one_job_with_a_wrapped_client(lite, events, sandbox):
    """Created through LiteLLM, polled through both, downloaded by the client: it is the same."""
    client = vidobs.wrap(openai.OpenAI(base_url=sandbox.base_url, api_key=KEY))
    made = lite.generation()
    lite.wait_for(events, "video.submitted")
    raw = sandbox.jobs[-1].id
    assert client.videos.retrieve(raw).id == raw
    lite.until_it_ends(made.id)
    lite.wait_for(events, "video.completed")
    client.videos.download_content(raw).read()
    (job,) = jobs()
    assert in_ledger(job) == ["video.submitted", "video.completed", "video.downloaded"]
    assert job.dialect == "litellm"
    client.close()


def test_each_attempt_of_a_router_is_a_create(kind, events, sandbox):
    """LiteLLM sends again; whoever pays twice can see it."""
    where = {"model": MODEL, "api_base": sandbox.base_url, "api_key": KEY}
    models = [{"model_name": "sora", "litellm_params": where}]
    router = litellm.Router(model_list=models, num_retries=1, retry_after=0)

    async def ask():
        await router.avideo_generation(model="sora", prompt="[[fault:rate_limit]]", seconds="4")

    with pytest.raises(litellm.RateLimitError):
        asyncio.run(ask())
    assert [job.reason for job in jobs()] == [Reason.RATE_LIMITED, Reason.RATE_LIMITED]


def test_a_mock_is_no_job(lite, events):
    """Nothing was sent to anybody."""
    answer = {"id": "video_1", "object": "video", "status": "queued"}
    assert lite.generation(mock_response=answer).id == "video_1"
    with pytest.raises(openai.OpenAIError):
        lite.generation(api_base=REFUSED)  # told of after the other
    lite.wait_for(events, "video.failed")
    assert len(jobs()) == 1


def test_a_broken_ledger_breaks_no_call(lite, events, folder, sandbox):
    """LiteLLM's answer comes back as it is, and so does its exception."""
    (folder / "file").touch()
    vidobs.configure(ledger=f"sqlite:///{folder}/file/ledger.db")
    made = lite.generation()
    assert made.status in ("queued", "in_progress")
    assert lite.run("video_status", video_id=made.id).error is None
    with pytest.raises(openai.OpenAIError):
        lite.run("video_status", video_id="video_of_nobody")
    vidobs.shutdown()  # or the next test would wait for that ledger


def test_no_secret_and_no_prompt(lite, events, folder, caplog, sandbox):
    """LiteLLM hands both to every logger."""
    caplog.set_level(logging.DEBUG, logger="vidobs")
    picture = io.BytesIO(b"\x89PNG\r\n\x1a\ncanaryfile" * 50)
    with pytest.raises(openai.OpenAIError):
        lite.generation(input_reference=("canaryname.png", picture, "image/png"))
    made = lite.generation(f"{PROMPT} [[fault:fail]]", user="sk-canaryuser0123456789")
    lite.wait_for(events, "video.submitted")
    lite.until_it_ends(made.id)
    lite.wait_for(events, "video.failed")
    with pytest.raises(openai.OpenAIError):
        lite.generation(api_base=f"{REFUSED}?sig=canaryquery")
    assert len(jobs()) == 3
    places = {path.name: path.read_bytes() for path in folder.iterdir()}
    places["log"] = "\n".join(record.getMessage() for record in caplog.records).encode()
    assert {"ledger.db", "events.jsonl", "log"} <= places.keys()
    found = [(name, place) for name, text in places.items() for place in [text.find(b"canary")]]
    assert [name for name, place in found if place >= 0] == []
