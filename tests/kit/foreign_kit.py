"""Servers of other APIs on this machine, and httpx clients that take them for the real ones."""

import asyncio
import time

import httpx

import vidobs
from vidobs.testing import Sandbox

FINAL = {"SUCCEEDED", "FAILED", "CANCELLED", "completed", "failed", "cancelled", "incomplete"}
PATIENCE_S = 20


def fake(dialect):
    """Return a server of an API that is fifty times as fast as the sandbox's usual."""
    return Sandbox(dialect=dialect, time_scale=0.02)


def port_of(sandbox):
    """The port that a server listens on."""
    return httpx.URL(sandbox.base_url).port


class Loopback(httpx.HTTPTransport):
    """Sends every request to one port of this machine, whatever host it is for."""

    def __init__(self, port):
        super().__init__()
        self._port = port

    def handle_request(self, request):
        """Send a request elsewhere."""
        return super().handle_request(_to_here(request, self._port))


class AsyncLoopback(httpx.AsyncHTTPTransport):
    """The same for an async client."""

    def __init__(self, port):
        super().__init__()
        self._port = port

    async def handle_async_request(self, request):
        """Send a request elsewhere."""
        return await super().handle_async_request(_to_here(request, self._port))


def _to_here(request, port):
    url = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)
    return httpx.Request(
        request.method,
        url,
        headers=request.headers,
        stream=request.stream,
        extensions=request.extensions,
    )


class Caller:
    """A wrapped httpx client of either kind behind one face."""

    def __init__(self, kind, port, *, headers=None, **given):
        self._loop = asyncio.Runner() if kind == "async" else None
        transport = AsyncLoopback(port) if self._loop else Loopback(port)
        make = httpx.AsyncClient if self._loop else httpx.Client
        self.plain = make(transport=transport, headers=headers)
        self.client = vidobs.wrap(self.plain, **given)

    def __call__(self, method, url, **kwargs):
        """Send a request and return the response."""
        value = self.client.request(method, url, **kwargs)
        return self._loop.run(value) if self._loop else value

    def streamed(self, method, url, **kwargs):
        """Send a request and read its body piece by piece."""
        if self._loop is None:
            with self.client.stream(method, url, **kwargs) as response:
                return b"".join(response.iter_bytes())

        async def read():
            async with self.client.stream(method, url, **kwargs) as response:
                return b"".join([piece async for piece in response.aiter_bytes()])

        return self._loop.run(read())

    def until_final(self, method, url, **kwargs):
        """Poll until the job ends, and return the last answer."""
        patience = time.monotonic() + PATIENCE_S
        while time.monotonic() < patience:
            answer = self(method, url, **kwargs).json()
            if answer.get("done") or answer.get("status") in FINAL:
                return answer
        raise AssertionError(answer)

    def close(self):
        """Close the client."""
        if self._loop is None:
            self.plain.close()
        else:
            self._loop.run(self.plain.aclose())
            self._loop.close()


def traces(seen):
    """The traces of all spans that events carry."""
    return {span.trace_id for span in seen.events.spans}


def cost_of(job):
    """Status, basis and amount."""
    return job.cost.status, job.cost.basis, str(job.cost.usd)
