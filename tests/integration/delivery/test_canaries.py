"""Secrets and content in every position of real calls, and every exporter on: none comes out."""

import io
import logging

import openai
import pytest
from exporter_kit import CANARIES, KEY, PROMPT, _make_trouble
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sink_kit import Reply, Sink

import vidobs
from vidobs import runtime
from vidobs.testing import Sandbox

SIGNED = "https://cdn.example/v.mp4?X-Amz-Signature=canarysigned&Expires=1"
DEEDS = f"{PROMPT} after {SIGNED} with sk-canaryinprompt0123456789"
SECRETS = (
    *("canarykey", "canaryheader", "canaryquery", "canaryuser", "canarypass", "canaryfile"),
    *("canaryname", "canarybody", "canarytag", "canaryurl", "canarysigned", "canaryinprompt"),
)
CONTENT = ("canaryprompt", "thawing canal")
OWN = {  # what an exporter sends of its own, and the only header that may carry it
    "/hook": ("own-webhook-7f3a", "x-hook-key"),
    "/otlp": ("own-otlp-7f3a", "x-otlp-key"),
    "/datadog": ("own-datadog-7f3a", "dd-api-key"),
    "/langsmith": ("own-langsmith-7f3a", "x-api-key"),
    "/helicone": ("own-helicone-7f3a", "authorization"),
}
FAULTS = ("fail", "moderation_input", "moderation_output", "rate_limit", "error_after_accept")


def own(path):
    """Return the credential of the exporter that sends there."""
    return OWN[path][0]


def exporters(url, folder):
    """Return the options of all exporters, with one receiver for all of them."""
    private = {"allow_http": True, "allow_private": True}
    hook = {"url": f"{url}/hook?token=own-in-url", "headers": {"X-Hook-Key": own("/hook")}}
    return {
        "jsonl": {"path": str(folder / "events.jsonl")},
        "webhook": hook
        | private
        | {"secret": "whsec_b3duLXNlY3JldC03ZjNhLW93bi1zZWNyZXQtN2YzYQ=="},
        "otlp": {"endpoint": f"{url}/otlp", "headers": {"x-otlp-key": own("/otlp")}},
        "datadog": {
            "endpoint": f"{url}/datadog",
            "api_key": own("/datadog"),
            "logs_url": f"{url}/datadog/logs",
            "llmobs_url": f"{url}/datadog/llmobs",
        },
        "langsmith": {"url": f"{url}/langsmith", "api_key": own("/langsmith")},
        "helicone": {"url": f"{url}/helicone", "api_key": own("/helicone")},
    }


class Quoting(Sink):
    """Refuses the first request of each exporter, and quotes all its headers to it."""

    def __init__(self):
        super().__init__()
        self._refused = set()
        self.answers(200, {"Content-Type": "application/json"}, body=b"{}")

    def took(self, request):
        """Note a request; return what to answer."""
        usual = super().took(request)
        path = path_of(request)
        if path in self._refused:
            return usual
        self._refused.add(path)
        return Reply(401, body=f"{list(request.headers.values())} {request.path}".encode())


@pytest.fixture
def sink():
    """A receiver for all."""
    with Quoting() as server:
        yield server


def path_of(request):
    """Return where the exporter sends that sent a request."""
    return next(path for path in OWN if request.path.startswith(path))


@pytest.fixture
def places(tmp_path, sink, caplog, capsys):
    """Collect what left vidobs: files with the ledger in them, log lines, what was printed."""
    caplog.set_level(logging.DEBUG)

    def collect():
        relay = runtime.current().relay
        assert vidobs.flush(30) + relay.drain(30) == 0
        formatter = logging.Formatter(
            "%(name)s %(message)s %(exc_text)s %(vidobs)s", defaults={"vidobs": ""}
        )
        ours = [
            record
            for record in caplog.records
            if record.name.partition(".")[0] == "vidobs"
            or record.threadName.startswith("vidobs-exporter")
        ]
        printed = capsys.readouterr()
        found = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
        assert {"ledger.db", "events.jsonl"} <= found.keys()
        found["log"] = "\n".join(formatter.format(r) + repr(r.args) for r in ours).encode()
        found["printed"] = (printed.out + printed.err).encode()
        assert all(found.values())
        return found

    return collect


def picture():
    """Return a real PNG that the sandbox takes, with a canary in it."""
    info, file = PngInfo(), io.BytesIO()
    info.add_text("comment", "canaryfile")
    Image.new("RGB", (160, 96)).save(file, "PNG", pnginfo=info)
    return ("canaryname.png", file.getvalue(), "image/png")


def use_the_sandbox(sandbox):
    """Make videos that succeed, fail in every way, and are downloaded."""
    client = vidobs.wrap(
        openai.OpenAI(
            base_url=sandbox.base_url,
            api_key=KEY,
            default_headers={"X-Proxy": "canaryheader"},
            default_query={"sig": "canaryquery"},
            max_retries=0,
        )
    )
    with vidobs.context(user="sk-canaryuser0123456789", tags={"note": "sk-canarytag0123456789"}):
        for fault in (None, *FAULTS):
            mark = "" if fault is None else f" [[fault:{fault}]]"
            try:
                video = client.videos.create(
                    prompt=DEEDS + mark,
                    model="sora-2",
                    seconds="4",
                    size="160x96",
                    input_reference=picture(),
                    extra_headers={"X-Secret": "canaryheader"},
                )
            except openai.APIStatusError:
                continue
            while video.status in ("queued", "in_progress"):
                video = client.videos.retrieve(video.id)
            if video.status == "completed":
                client.videos.download_content(video.id).read()
    client.close()


def be_told_what_was_sent():
    """Let a server quote keys, prompts and URLs in its errors, as far as it can."""
    with Sink() as api:
        client = vidobs.wrap(
            openai.OpenAI(
                base_url=f"{api.url.replace('//', '//canaryuser:canarypass@')}/v1",
                api_key=KEY,
                default_headers={"X-Proxy": "canaryheader"},
                default_query={"sig": "canaryquery"},
                max_retries=0,
            )
        )
        _make_trouble(client, api)
        client.close()


@pytest.mark.parametrize("capture", ["none", "full"])
def test_nothing_leaves_that_should_stay(tmp_path, sink, places, capture):
    """No request, header, file, row or line has a secret; only `full` has the prompt, without any.

    Nor does a credential of an exporter show anywhere but in its own header.
    """
    vidobs.configure(
        ledger=f"sqlite:///{tmp_path}/ledger.db",
        callbacks=["console", *exporters(sink.url, tmp_path)],
        exporters=exporters(sink.url, tmp_path),
        capture=capture,
    )
    with Sandbox(time_scale=0.02) as sandbox:
        use_the_sandbox(sandbox)
    be_told_what_was_sent()
    found = places()
    for number, request in enumerate(sink.requests):
        path = path_of(request)
        credential, header = OWN[path]
        headers = dict(request.headers)
        assert credential in headers.pop(header)
        kept = request.path.replace("?token=own-in-url", "")
        found[f"{number} {path}"] = f"{kept} {headers}".encode() + request.body + request.raw
    assert {path_of(request) for request in sink.requests} == OWN.keys()
    assert found["log"].count(b" answered 401") >= len(OWN)  # what was refused was told of

    own_secrets = [credential for credential, _ in OWN.values()]
    own_secrets += ["own-in-url", "own-secret-7f3a", "b3duLXNlY3JldC03ZjNh"]
    words = [*SECRETS, *own_secrets, *(() if capture == "full" else CONTENT)]
    assert set(CANARIES) <= {*SECRETS, *CONTENT}
    leaks = [
        (word, place) for word in words for place, text in found.items() if word.encode() in text
    ]
    assert leaks == []
    shown = [place for place, text in found.items() if b"canaryprompt" in text]
    assert bool(shown) == (capture == "full")
