"""A wrapped client of either kind behind one face, what vidobs saw of it, and a scripted server."""

import asyncio
import contextvars
import inspect
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import openai
import pytest

import vidobs
from vidobs import runtime
from vidobs.testing import Sandbox

KEY = "sk-wrap-test-0123456789"
SOON = 30  # seconds until a test that waits for a thread gives up


class Api:
    """One client, sync or async: `api(lambda client: client.videos.create(...))`."""

    def __init__(self, kind, client):
        self.kind = kind
        self.client = client
        self._loop = asyncio.Runner() if kind == "async" else None

    def __call__(self, call):
        """Make a call and return its result."""
        if self._loop is None:
            return call(self.client)
        return self.run(self._made(call))

    async def _made(self, call):
        value = call(self.client)
        return await value if inspect.isawaitable(value) else value

    def run(self, coroutine):
        """Run a coroutine of this client's loop in the context of the caller."""
        return self._loop.run(coroutine, context=contextvars.copy_context())

    def every(self, call):
        """Make a call that returns a page, and return what is on it and on all that follow."""
        if self._loop is None:
            return list(call(self.client))

        async def collect():
            return [item async for item in call(self.client)]

        return self.run(collect())

    def stream(self, call, read):
        """Open a streaming response, pass it to `read`, and return what that returns."""
        if self._loop is None:
            with call(self.client) as response:
                return read(response)

        async def streamed():
            async with call(self.client) as response:
                value = read(response)
                return await value if inspect.isawaitable(value) else value

        return self.run(streamed())

    def chunks(self, call, *, most=None):
        """Read a streamed body, or its first chunks."""
        if self._loop is None:
            with call(self.client) as response:
                return [
                    chunk for _, chunk in zip(_count(most), response.iter_bytes(4096), strict=False)
                ]

        async def read():
            async with call(self.client) as response:
                got = []
                async for chunk in response.iter_bytes(4096):
                    got.append(chunk)
                    if len(got) == most:
                        break
                return got

        return self.run(read())

    def close(self):
        """Give connections and loop back."""
        if self._loop is None:
            self.client.close()
        else:
            self._loop.run(self.client.close())
            self._loop.close()


def _count(most):
    return range(most) if most is not None else iter(int, 1)


@pytest.fixture(params=["sync", "async"])
def kind(request):
    """Both kinds of client."""
    return request.param


@pytest.fixture
def connect(kind):
    """Make clients; `settings` are for `wrap`, and `bare=True` leaves it out."""
    made = []

    def open_one(base_url, *, azure=False, bare=False, settings=None, cls=None, **options):
        options = {"api_key": KEY, **options}
        if azure:
            cls = openai.AzureOpenAI if kind == "sync" else openai.AsyncAzureOpenAI
            client = cls(azure_endpoint=base_url, api_version="preview", **options)
        else:
            cls = cls or (openai.OpenAI if kind == "sync" else openai.AsyncOpenAI)
            client = cls(base_url=base_url, **options)
        api = Api(kind, client if bare else vidobs.wrap(client, **(settings or {})))
        made.append(api)
        return api

    yield open_one
    for api in made:
        api.close()


@pytest.fixture
def sandbox():
    """Twenty times faster than usual."""
    with Sandbox(time_scale=0.05) as running:
        yield running


class Seen:
    """What vidobs made of the calls so far: its ledger, and the events it told of."""

    def __init__(self):
        self._events = []
        vidobs.on("*")(self._events.append)

    @property
    def events(self):
        """Every event, oldest first."""
        assert vidobs.flush(SOON) == 0
        return list(self._events)

    @property
    def names(self):
        """The names of the events that do not depend on how fast a job was."""
        return [event.name.value for event in self.events if event.name != "video.progress"]

    @property
    def jobs(self):
        """Every job, oldest first."""
        assert vidobs.flush(SOON) == 0
        return runtime.current().store.reader().jobs()[::-1]

    @property
    def job(self):
        """The only job."""
        (job,) = self.jobs
        return job

    @property
    def spans(self):
        """The spans that rode on events, without repeats."""
        return list({span.span_id: span for e in self.events for span in e.spans}.values())


@pytest.fixture
def seen():
    """A ledger in memory, and what comes of it."""
    vidobs.configure(ledger="memory:")
    return Seen()


@pytest.fixture
def watch():
    """Make a `Seen` after the test has configured vidobs itself."""
    return Seen


class RawRequest(NamedTuple):
    """One request as it came over the wire."""

    method: str
    path: str
    headers: list
    body: bytes

    def all(self, name):
        """Return every value of a header."""
        return [value for key, value in self.headers if key == name]


class RawServer:
    """Answers with a script: `server.script` holds (status, headers, body), the last for ever."""

    def __init__(self):
        self.script = []
        self.requests = []
        self.at_answer = threading.Event()  # a request was read
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                size = int(self.headers.get("content-length", 0))
                body = self.rfile.read(size)
                headers = [(name.lower(), value) for name, value in self.headers.items()]
                outer.requests.append(RawRequest(self.command, self.path, headers, body))
                outer.at_answer.set()
                step = outer.script.pop(0) if len(outer.script) > 1 else outer.script[0]
                status, headers, answer = step
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers}.items():
                    self.send_header(name, value)
                if "transfer-encoding" in headers:
                    data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
                else:
                    self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names http.server looks for

            def log_message(self, *_args):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        self.base_url = f"http://{self.address}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        """Stop to serve."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def raw():
    """A server that says whatever a test wants."""
    server = RawServer()
    yield server
    server.close()


@pytest.fixture
def video():
    """Build the answer to a create or a poll."""

    def build(status="queued", **fields):
        return {
            "id": "video_raw",
            "object": "video",
            "model": "sora-2",
            "status": status,
            "progress": 0,
            "created_at": 1_795_161_600,
            "seconds": "4",
            "size": "720x1280",
            **fields,
        }

    return build
