"""Plays one job from create to download, and writes down all that the caller of the SDK sees."""

import asyncio
import hashlib
import inspect
import ssl
from contextlib import asynccontextmanager
from functools import cache
from typing import NamedTuple

import httpx
import openai

try:
    import httpx2
except ImportError:  # the openai SDK before 3.0 is built on httpx alone
    httpx2 = httpx

ASKED = {"model": "sora-2", "seconds": "2", "size": "160x96"}
MODES = ("helper", "plain", "raw", "streaming")
MOST_POLLS = 12  # of a job that does not end
MOST_ERRORS = 3  # of polls, until the caller gives up
START_S = 1_795_161_600
_STEPS_NS = [10_000_000] * 4 + [200_000_000] * (MOST_POLLS - 4)  # the clock's, at each poll
_VOLATILE = {"date", "x-request-id", "openai-processing-ms"}


class StoppedError(BaseException):
    """The user stops the program: neither the SDK nor vidobs may take it for an error."""


class PollClock:
    """Time that moves when a status is asked for: every story goes the same way."""

    def __init__(self):
        self.restart()

    def restart(self):
        """Begin a new story."""
        self._now_ns = START_S * 1_000_000_000
        self._steps = iter(_STEPS_NS)

    def advance(self, seconds):
        """Let time pass without a poll."""
        self._now_ns += round(seconds * 1_000_000_000)

    def time_ns(self):
        """Return the time that was set."""
        return self._now_ns

    def on_request(self, request):
        """Move on when a request asks for the status of a job; stop a story that does not end."""
        *_, before, last = request.url.path.split("/")
        if request.method == "GET" and before == "videos" and last:
            step = next(self._steps, None)
            if step is None:
                raise StoppedError
            self._now_ns += step

    async def on_async_request(self, request):
        """Do the same for an async client."""
        self.on_request(request)


class Step(NamedTuple):
    """One call, and what it showed; `raised` is the name of the exception."""

    verb: str
    shown: dict
    raised: str | None = None


def client_of(kind, base_url, clock, **http):
    """Make a client of either kind; its requests move the clock. `http` is for its httpx client."""
    http = {"verify": _tls(), **http}
    options = {"base_url": base_url, "api_key": "sk-faults-0123456789"}
    if kind == "sync":
        hooks = {"request": [clock.on_request]}
        transport = openai.DefaultHttpxClient(event_hooks=hooks, **http)
        return openai.OpenAI(http_client=transport, **options)
    hooks = {"request": [clock.on_async_request]}
    transport = openai.DefaultAsyncHttpxClient(event_hooks=hooks, **http)
    return openai.AsyncOpenAI(http_client=transport, **options)


@cache
def _tls():
    """One for all clients: to read the certificates takes longer than many a test."""
    return ssl.create_default_context()


class Player:
    """Uses one client in one mode. Stories are written once: `run` plays them on either kind."""

    def __init__(self, client, mode, *, create_retries=None, timeout_s=30.0):
        self.client = client
        self.mode = mode
        self.steps = []
        self.video_id = None
        once = client.with_options(max_retries=0, timeout=30.0)
        retrying = {} if create_retries is None else {"max_retries": create_retries}
        if mode == "helper":  # its polls would be retried too
            retrying = {"max_retries": 0}
        self._makes = client.with_options(timeout=timeout_s, **retrying).videos
        self._asks = once.videos
        self._runner = asyncio.Runner() if isinstance(client, openai.AsyncOpenAI) else None

    def run(self, story):
        """Play a story, without an event loop where the client is sync."""
        if self._runner is not None:
            return self._runner.run(story)
        try:
            story.send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("a sync client waited for something")

    def close(self):
        """Give connections and loop back."""
        self.run(_awaited(self.client.close()))
        if self._runner is not None:
            self._runner.close()

    # -- stories -----------------------------------------------------------------------------------

    async def whole_life(self, prompt):
        """Create a job, follow it to its end, and look once more."""
        verb = "create_and_poll" if self.mode == "helper" else "create"
        video = await self.call(verb, self._makes, verb, prompt=prompt, **ASKED)
        if video is not None:
            await self.follow(video)

    async def find_again(self):
        """Look for the newest job, and follow it to its end."""
        page = await self.call("list", self._asks, "list", limit=1)
        await self.follow(page["data"][0])

    async def follow(self, video):
        """Ask for the status until the job ended, give up, and ask again."""
        self.video_id = video["id"]
        errors = 0
        while video["status"] not in {"completed", "failed"} and errors < MOST_ERRORS:
            try:
                answer = await self.call("poll", self._asks, "retrieve", self.video_id)
            except StoppedError:
                return
            video = answer or video
            errors += answer is None
        await self.call("poll", self._asks, "retrieve", self.video_id)

    async def download(self, video_id):
        """Read a file; what was read until it broke counts too."""
        read = {"size": 0, "sha256": hashlib.sha256()}

        def feed(chunk):
            read["size"] += len(chunk)
            read["sha256"].update(chunk)

        step = Step("download", {})
        try:
            await self._read(video_id, feed, step.shown)
        except (openai.OpenAIError, httpx.HTTPError, httpx2.HTTPError) as error:
            step = Step("download", step.shown | _error(error), type(error).__name__)
        step.shown.update(size=read["size"], sha256=read["sha256"].hexdigest())
        self.steps.append(step)
        return step

    async def _read(self, video_id, feed, shown):
        if self.mode == "streaming":
            opened = self._asks.with_streaming_response.download_content(video_id)
            async with _entered(opened) as response:
                shown.update(_answer(response))
                chunks = response.iter_bytes()
                if hasattr(chunks, "__aiter__"):
                    async for chunk in chunks:
                        feed(chunk)
                else:
                    for chunk in chunks:
                        feed(chunk)
            return
        videos = self._asks.with_raw_response if self.mode == "raw" else self._asks
        answer = await _awaited(videos.download_content(video_id))
        response = answer.http_response if self.mode == "raw" else answer.response
        shown.update(_answer(response), type=_name(type(answer)))
        feed(response.content)

    # -- one call ----------------------------------------------------------------------------------

    async def call(self, verb, videos, method, *args, **kwargs):
        """Make a call and note what it shows; return the answer as data, `None` without one."""
        shown = {}
        try:
            if self.mode == "streaming":
                opened = getattr(videos.with_streaming_response, method)(*args, **kwargs)
                async with _entered(opened) as response:
                    shown.update(_answer(response), body=await _awaited(response.read()))
                    value = await _awaited(response.parse())
            elif self.mode == "raw":
                raw = await _awaited(getattr(videos.with_raw_response, method)(*args, **kwargs))
                shown.update(_answer(raw), body=raw.http_response.content)
                value = raw.parse()
            else:
                value = await _awaited(getattr(videos, method)(*args, **kwargs))
        except StoppedError:
            self.steps.append(Step(verb, shown, "StoppedError"))
            raise
        except (openai.OpenAIError, httpx.HTTPError, httpx2.HTTPError, ValueError) as error:
            self.steps.append(Step(verb, shown | _error(error), type(error).__name__))
            return None
        data = value.model_dump() if hasattr(value, "model_dump") else None
        shown |= {"value": value if data is None else data, "value_type": _name(type(value))}
        self.steps.append(Step(verb, shown))
        return data


def seen_by_caller(player):
    """Return every step with the job's own id taken out: the only thing that differs."""
    return [_without(player.video_id, step) for step in player.steps]


async def _awaited(value):
    return await value if inspect.isawaitable(value) else value


@asynccontextmanager
async def _entered(manager):
    if hasattr(manager, "__aenter__"):
        async with manager as value:
            yield value
    else:
        with manager as value:
            yield value


def _answer(response):
    """What a wrapper or a response says besides its body."""
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in _VOLATILE and not name.startswith("x-ratelimit-")
    }
    return {
        "type": _name(type(response)),
        "status": response.status_code,
        "headers": headers,
        "names": sorted(response.headers),
        "retries": getattr(response, "retries_taken", None),
    }


def _error(error):
    """All that a handler can read of an exception."""
    names = ("status_code", "code", "param", "type", "body", "doc", "pos")
    request = getattr(error, "request", None)
    cause = error.__cause__
    return {
        "error": _name(type(error)),
        "message": str(error),
        "members": {name: getattr(error, name, None) for name in names},
        "request": None if request is None else (request.method, str(request.url)),
        "cause": None if cause is None else (_name(type(cause)), str(cause)),
        "suppressed": error.__suppress_context__,
        "notes": getattr(error, "__notes__", None),
    }


def _name(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


def _without(video_id, value):
    if isinstance(value, str):
        return value.replace(video_id or "video_id", "video_id")
    if isinstance(value, bytes):
        return value.replace((video_id or "video_id").encode(), b"video_id")
    if isinstance(value, dict):
        return {name: _without(video_id, one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without(video_id, one) for one in value]
    return value
