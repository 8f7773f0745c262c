"""Secrets and content in every position: none comes out anywhere, except what was asked for."""

import io
import logging

import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import vidobs
from vidobs import runtime

ASKED = {"model": "sora-2", "seconds": "4", "size": "160x96"}
KEY = "gateway/canarykey/7f3a"  # of no known pattern: only its client knows that it is one
PROMPT = "canaryprompt: a heron lands on the thawing canal at dawn"
FILE = b"\x89PNG\r\n\x1a\ncanaryfile" * 50
SECRETS = {
    "key": "canarykey",
    "extra header": "canaryheader",
    "default header": "canarydefault",
    "user of the URL": "canaryuser",
    "password of the URL": "canarypass",
    "query": "canaryquery",
    "file": "canaryfile",
    "file name": "canaryname",
    "extra body": "canarybody",
    "tag": "sk-canarytag0123456789",
}


@pytest.fixture
def everywhere(tmp_path, capsys, caplog):
    """Collect all that leaves vidobs: spans, logs, events, ledger files and exporter output."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before, trace._TRACER_PROVIDER = trace._TRACER_PROVIDER, provider
    caplog.set_level(logging.DEBUG, logger="vidobs")
    events = []

    def configure(**settings):
        vidobs.configure(
            ledger=f"sqlite:///{tmp_path}/ledger.db",
            callbacks=["console", "jsonl", events.append],
            exporters={"jsonl": {"path": str(tmp_path / "events.jsonl")}},
            http_spans="all",
            **settings,
        )

    def collect():
        assert vidobs.flush(30) == 0
        formatter = logging.Formatter("%(name)s %(message)s %(vidobs)s", defaults={"vidobs": ""})
        logs = [formatter.format(r) + repr(r.args) for r in caplog.records if r.name == "vidobs"]
        spans = [span.to_json() + repr(span.resource) for span in exporter.get_finished_spans()]
        files = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
        assert {"ledger.db", "ledger.db-wal", "events.jsonl"} <= files.keys()
        printed = capsys.readouterr()
        assert printed.out == ""
        places = {
            "spans": "\n".join(spans),
            "logs": "\n".join(logs),
            "events": "\n".join(vidobs.event_to_json(event).decode() for event in events),
            "stderr": printed.err,
            "jobs": repr(runtime.open_reader(runtime.current().settings).jobs()),
            **{name: data.decode("utf-8", "replace") for name, data in files.items()},
        }
        assert all(places.values())
        return places

    collect.configure = configure
    yield collect
    trace._TRACER_PROVIDER = before
    provider.shutdown()


def leaks(places, words):
    """Return where a word came out."""
    return [
        (what, place)
        for what, word in words.items()
        for place, text in places.items()
        if word in text
    ]


def make_trouble(raw, video, connect):
    """Send every secret in every position, to a server that quotes what it can."""
    echo = f"Your key {KEY} may not make '{PROMPT}'. Authorization: Bearer {KEY}"
    url = f"http://canaryuser:canarypass@{raw.address}/v1"
    api = connect(
        url,
        api_key=KEY,
        default_headers={"x-proxy-auth": "canarydefault"},
        default_query={"sig": "canaryquery"},
        max_retries=0,
    )

    def create(client):
        return client.videos.create(
            prompt=PROMPT,
            input_reference=("canaryname.png", io.BytesIO(FILE), "image/png"),
            extra_headers={"x-secret": "canaryheader"},
            extra_query={"token": "canaryquery"},
            extra_body={"note": "canarybody"},
            **ASKED,
        )

    done = video("failed", error={"code": "bad", "message": echo})
    unreadable = [(200, {}, b"<html>" + echo.encode())]
    with vidobs.context(user="ada", tags={"note": SECRETS["tag"]}):
        for status in (400, 401, 429, 500, 503):
            raw.script = [(status, {}, {"error": {"message": echo, "code": "no"}})]
            with pytest.raises(openai.APIStatusError):
                api(create)
        raw.script = unreadable
        with pytest.raises(Exception, match=r"JSON|Expecting|has no attribute"):
            api(create).id  # noqa: B018 - older SDKs hand the text over
        raw.script = [(200, {}, video())]
        api(create)
        raw.script = [(500, {}, {"error": {"message": echo}})]
        with pytest.raises(openai.InternalServerError):
            api(lambda c: c.videos.retrieve("video_raw"))
        raw.script = [(500, {}, {"error": {"message": f"not for {KEY}"}})]
        with pytest.raises(openai.InternalServerError):
            api(lambda c: c.videos.list())
        raw.script = [(422, {}, {"detail": [{"msg": echo, "input": PROMPT}]})]
        with pytest.raises(openai.UnprocessableEntityError):
            api(lambda c: c.videos.download_content("video_raw"))
        raw.script = [(200, {}, video("in_progress", prompt=PROMPT)), (200, {}, done)]
        api(lambda c: c.videos.retrieve("video_raw"))
        api(lambda c: c.videos.retrieve("video_raw"))
        raw.script = [(200, {}, video(id="video_2"))]
        api(create)
        page = {"object": "list", "data": [{**done, "id": "video_2"}], "has_more": False}
        raw.script = [(200, {}, page)]
        api(lambda c: c.videos.list())


def test_nothing_comes_out(raw, video, connect, everywhere):
    """By default no secret and no content is in any span, log, event, file or output."""
    everywhere.configure()
    make_trouble(raw, video, connect)
    places = everywhere()
    words = {**SECRETS, "prompt": "canaryprompt", "piece of the prompt": "on the thawing canal"}
    assert leaks(places, words) == []
    assert "[prompt]" in places["jobs"]  # the message is there, without what it quoted
    assert "ada" in places["jobs"]


def test_prompts_only_when_asked_for(raw, video, connect, everywhere):
    """`capture="full"` keeps the prompt in ledger, events and spans, and still no secret."""
    everywhere.configure(capture="full")
    make_trouble(raw, video, connect)
    places = everywhere()
    assert leaks(places, SECRETS) == []
    kept = {place for _, place in leaks(places, {"prompt": PROMPT})}
    assert {"spans", "events", "ledger.db-wal", "events.jsonl"} <= kept
    assert not kept & {"logs"}


def test_a_hash_is_not_the_prompt(raw, video, connect, everywhere):
    """`capture="hash"` tells equal prompts, and shows none."""
    everywhere.configure(capture="hash")
    make_trouble(raw, video, connect)
    places = everywhere()
    assert leaks(places, {**SECRETS, "prompt": "canaryprompt"}) == []
    assert "hmac:" in places["jobs"]


def test_a_key_that_is_no_header(raw, connect, everywhere):
    """A key with a line feed never leaves; the transport's complaint quotes it, vidobs does not."""
    everywhere.configure()
    raw.script = [(200, {}, {})]
    api = connect(raw.base_url, api_key=KEY + "\n", max_retries=0)
    with pytest.raises(openai.APIConnectionError):
        api(lambda c: c.videos.create(prompt=PROMPT, **ASKED))
    places = everywhere()
    assert leaks(places, {"key": "canarykey", "prompt": "canaryprompt"}) == []
    assert "not_sent" in places["jobs"]


class Broken:
    """A ledger that fails in a way nobody thought of, quoting what it was given."""

    def __getattr__(self, name):
        def fail(*args, **_kwargs):
            raise LookupError(name, PROMPT, args)

        return fail


def test_a_fault_of_ours_quotes_nothing(raw, video, connect, everywhere, guard_trips):
    """What the guard says of a fault inside shows places in the code, not what was at hand."""
    everywhere.configure()
    raw.script = [(400, {}, {"error": {"message": f"no '{PROMPT}' for {KEY}"}})]
    api = connect(raw.base_url, api_key=KEY)
    runtime.current().observer.backlog = Broken()
    with pytest.raises(openai.BadRequestError):
        api(lambda c: c.videos.create(prompt=PROMPT, **ASKED))
    guard_trips.expected = {"create: LookupError"}
    said = "".join(guard_trips.seen.values())
    assert "in fail" in said
    assert "canary" not in said
