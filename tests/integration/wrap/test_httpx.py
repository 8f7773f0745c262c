"""Programs that speak the protocol over plain httpx are observed as well."""

import asyncio

import httpx
import pytest

import vidobs
from vidobs.testing import Sandbox, isolated

KEY = "sk-httpx-test-0123456789"


class Caller:
    """An httpx client of either kind behind one face."""

    def __init__(self, kind, base_url, **given):
        self.kind = kind
        self._loop = asyncio.Runner() if kind == "async" else None
        make = httpx.AsyncClient if self._loop else httpx.Client
        self.plain = make(base_url=base_url, headers={"Authorization": f"Bearer {KEY}"})
        self.client = vidobs.wrap(self.plain, **given)

    def __call__(self, method, url, **kwargs):
        """Send a request and return the response."""
        value = self.client.request(method, url, **kwargs)
        return self._loop.run(value) if self._loop else value

    def streamed(self, url):
        """Read a body piece by piece."""
        if self._loop is None:
            with self.client.stream("GET", url) as response:
                return b"".join(response.iter_bytes())

        async def read():
            async with self.client.stream("GET", url) as response:
                return b"".join([piece async for piece in response.aiter_bytes()])

        return self._loop.run(read())

    def close(self):
        """Close the client."""
        if self._loop is None:
            self.plain.close()
        else:
            self._loop.run(self.plain.aclose())
            self._loop.close()


@pytest.fixture
def sandbox():
    """A server that is a hundred times as fast as a real one."""
    with Sandbox(time_scale=0.01) as server:
        yield server


@pytest.fixture
def seen():
    """What vidobs records."""
    with isolated() as found:
        yield found


@pytest.fixture(params=["sync", "async"])
def call(request, sandbox, seen):
    """A wrapped client of one kind."""
    caller = Caller(request.param, sandbox.base_url)
    yield caller
    caller.close()


def finished(call, video_id):
    """Poll until the job ends."""
    for _ in range(1000):
        video = call("GET", f"/videos/{video_id}").json()
        if video["status"] in ("completed", "failed"):
            return video
    raise AssertionError(video)


@pytest.mark.parametrize("body", ["json", "form"])
def test_a_job_is_one_trace_and_one_cost(call, seen, sandbox, body):
    """Create, polls and a streamed download; the key of a create is ours."""
    fields = {"model": "sora-2", "prompt": "a cat", "seconds": "4"}
    files = {name: (None, value) for name, value in fields.items()}
    made = call("POST", "/videos", **({"json": fields} if body == "json" else {"files": files}))
    finished(call, made.json()["id"])
    data = call.streamed(f"/videos/{made.json()['id']}/content")

    [job] = seen.jobs
    assert (job.model, str(job.request.seconds), job.state) == ("sora-2", "4", "completed")
    assert (job.asset, job.file.size_bytes) == ("downloaded", len(data))
    assert {span.trace_id for span in seen.events.spans} == {job.trace.trace_id}
    assert sandbox.requests[0].headers["idempotency-key"] == job.idempotency_key


def test_a_picture_in_a_form_is_counted_and_not_read(call, seen):
    """It arrives whole all the same."""
    png = b"\x89PNG\r\n\x1a\n" + bytes(64)
    files = {
        "prompt": (None, "a cat"),
        "model": (None, "sora-2"),
        "input_reference": ("a.png", png),
    }

    response = call("POST", "/videos", files=files)

    assert response.status_code == 200
    assert seen.jobs[0].request.input_images == 1


def test_error_statuses_come_back_as_they_are(call, seen):
    """No exception is raised; a refusal is a failed job, an ambiguous answer an unknown one."""
    refused = call("POST", "/videos", json={"prompt": "a [[fault:moderation_input]]"})
    unclear = call("POST", "/videos", json={"prompt": "a [[fault:error_after_accept]]"})

    assert (refused.status_code, unclear.status_code) == (400, 500)
    assert sorted(job.state for job in seen.jobs) == ["failed", "unknown"]


def test_a_connection_that_breaks_raises_what_it_raised(call, seen):
    """The same exception; nobody knows what became of the create."""
    with pytest.raises(httpx.RemoteProtocolError):
        call("POST", "/videos", json={"prompt": "a [[fault:cut_after_accept]]"})

    assert [job.state for job in seen.jobs] == ["unknown"]


def test_other_requests_go_straight_through(call, seen, sandbox):
    """And so does everything once it is unwrapped."""
    call("GET", "/models")
    vidobs.unwrap(call.client)
    call("POST", "/videos", json={"model": "sora-2", "prompt": "a cat"})

    assert not seen.jobs
    assert "send" not in vars(call.plain)
    assert len(sandbox.jobs) == 1


def test_a_limit_refuses_before_anything_is_sent(sandbox, seen):
    """As for a client of the openai SDK."""
    call = Caller("sync", sandbox.base_url, max_spend_usd="0.01", provider="openai")
    with pytest.raises(vidobs.SpendLimitError):
        call("POST", "/videos", json={"model": "sora-2", "prompt": "a cat", "seconds": "4"})
    call.close()

    assert not sandbox.jobs
