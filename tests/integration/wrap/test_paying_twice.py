"""A create is sent again only when it was provably not accepted; what is ambiguous is unknown."""

import asyncio
import io
import socket
import threading
from decimal import Decimal

import openai
import pytest

from vidobs.core.jobs import JobState, Reason
from vidobs.core.money import CostStatus

ASKED = {"model": "sora-2", "seconds": "4", "size": "160x96"}
MODES = ["safe", "idempotent", "sdk"]
UNKNOWN = (JobState.UNKNOWN, None)

# fault in the prompt: exception, then per mode the POSTs, and the state and reason in the ledger.
# The sandbox honours Idempotency-Key, so sending again with the same key finds the same job.
AFTER_ACCEPT = {
    "error_after_accept": openai.InternalServerError,
    "slow_after_accept": openai.APITimeoutError,
    "cut_after_accept": openai.APIConnectionError,
}


@pytest.fixture(params=MODES)
def mode(request):
    """Every way to treat retries."""
    return request.param


def posts(sandbox):
    """Return the creates that reached a sandbox."""
    return [request for request in sandbox.requests if request.method == "POST"]


@pytest.mark.parametrize("fault", AFTER_ACCEPT)
def test_accepted_and_then_trouble(fault, mode, sandbox, seen, connect):
    """One POST and `unknown` by default; where the server is idempotent, the same job again."""
    prompt = f"a cat [[fault:{fault}]]"
    timeout = 0.4 if fault == "slow_after_accept" else 20
    bare = connect(sandbox.base_url, bare=True, max_retries=0, timeout=timeout)
    with pytest.raises(openai.APIError) as expected:
        bare(lambda c: c.videos.create(prompt=prompt + " bare", **ASKED))
    api = connect(
        sandbox.base_url, settings={"retry_creates": mode}, max_retries=1, timeout=timeout
    )
    sent, made = len(posts(sandbox)), len(sandbox.jobs)

    if mode == "safe":
        with pytest.raises(openai.APIError) as caught:
            api(lambda c: c.videos.create(prompt=prompt, **ASKED))
        assert type(caught.value) is type(expected.value) is AFTER_ACCEPT[fault]
        job = seen.job
        assert (job.state, job.reason, job.attempts) == (*UNKNOWN, 1)
        assert job.cost.status is CostStatus.UNKNOWN
        assert (job.cost.usd, job.cost.possible_usd) == (None, Decimal("0.40"))
        assert seen.names == ["video.unknown"]
    else:
        video = api(lambda c: c.videos.create(prompt=prompt, **ASKED))
        assert (seen.job.state, seen.job.provider_job_id) == (JobState.QUEUED, video.id)
        assert seen.names == ["video.submitted"]

    ours = posts(sandbox)[sent:]
    assert len(ours) == (1 if mode == "safe" else 2)
    assert {post.idempotency_key for post in ours} == {seen.job.idempotency_key}
    assert len(sandbox.jobs) - made == 1


def test_a_server_that_ignores_keys_shows_why(raw, video, seen, connect, mode):
    """Against a server without idempotency only `safe` sends an ambiguous create once."""
    raw.script = [(500, {}, {"error": {"message": "broken"}}), (200, {}, video())]
    api = connect(raw.base_url, settings={"retry_creates": mode}, max_retries=1)
    if mode == "safe":
        with pytest.raises(openai.InternalServerError):
            api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    else:
        api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    assert len(raw.requests) == (1 if mode == "safe" else 2)
    keys = [request.all("idempotency-key") for request in raw.requests]
    assert keys == [[seen.job.idempotency_key]] * len(keys)


def test_a_rate_limit_is_waited_for(sandbox, seen, connect, mode):
    """A 429 was not accepted: it is sent again as the SDK does, under the same key."""
    api = connect(sandbox.base_url, settings={"retry_creates": mode})
    api(lambda c: c.videos.create(prompt="a cat [[fault:rate_limit x2]]", **ASKED))
    sent = posts(sandbox)
    assert [request.headers["x-stainless-retry-count"] for request in sent] == ["0", "1", "2"]
    assert len({request.idempotency_key for request in sent}) == len(sandbox.jobs) == 1
    job = seen.job
    assert (job.state, job.attempts) == (JobState.QUEUED, 3 if mode == "safe" else 1)


def test_a_raw_response_says_how_often_it_was_sent(sandbox, seen, connect):
    """The SDK's own count of retries is right although vidobs made them."""
    api = connect(sandbox.base_url)
    raw = api(
        lambda c: c.videos.with_raw_response.create(prompt="a [[fault:rate_limit x1]]", **ASKED)
    )
    assert raw.retries_taken == 1


def test_a_rate_limit_for_ever(sandbox, seen, connect, mode):
    """As many attempts as the SDK makes, then its own exception; the job failed for that reason."""
    api = connect(sandbox.base_url, settings={"retry_creates": mode}, max_retries=2)
    with pytest.raises(openai.RateLimitError):
        api(lambda c: c.videos.create(prompt="a cat [[fault:rate_limit]]", **ASKED))
    assert (len(posts(sandbox)), sandbox.jobs) == (3, [])
    job = seen.job
    assert (job.state, job.reason) == (JobState.FAILED, Reason.RATE_LIMITED)
    assert (job.cost.status, job.cost.usd) == (CostStatus.RELEASED, 0)
    assert seen.names == ["video.failed"]


def test_nobody_listens(seen, connect, mode):
    """A refused connection never carried the request: it is tried again, then `not_sent`."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    api = connect(f"http://127.0.0.1:{port}/v1", settings={"retry_creates": mode}, max_retries=1)
    with pytest.raises(openai.APIConnectionError):
        api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    job = seen.job
    assert (job.state, job.reason) == (JobState.FAILED, Reason.NOT_SENT)
    assert job.attempts == (2 if mode == "safe" else 1)
    assert job.cost.status is CostStatus.RELEASED


@pytest.mark.parametrize("promise", [{"retry-after": "0.01"}, {}], ids=["retry-after", "none"])
def test_a_busy_server(promise, raw, video, seen, connect):
    """503 with Retry-After was not accepted and is sent again; without, nobody knows."""
    raw.script = [(503, promise, {"error": {"message": "busy"}}), (200, {}, video())]
    api = connect(raw.base_url, max_retries=1)
    if promise:
        api(lambda c: c.videos.create(prompt="a cat", **ASKED))
        assert (seen.job.state, seen.job.attempts) == (JobState.QUEUED, 2)
    else:
        with pytest.raises(openai.InternalServerError):
            api(lambda c: c.videos.create(prompt="a cat", **ASKED))
        assert (seen.job.state, seen.job.reason) == UNKNOWN
    assert len(raw.requests) == (2 if promise else 1)


def test_the_server_forbids_it(raw, seen, connect):
    """`x-should-retry: false` is obeyed, as the SDK obeys it."""
    raw.script = [(429, {"x-should-retry": "false"}, {"error": {"message": "stop"}})]
    api = connect(raw.base_url)
    with pytest.raises(openai.RateLimitError):
        api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    assert len(raw.requests) == 1
    assert seen.job.reason is Reason.RATE_LIMITED


@pytest.mark.parametrize("verb", ["remix", "edit", "extend"])
def test_what_makes_a_video_from_another_is_as_careful(verb, raw, seen, connect):
    """Remixes, edits and extensions are paid for too."""
    raw.script = [(500, {}, {"error": {"message": "broken"}})]
    api = connect(raw.base_url, max_retries=2)
    path = {"remix": "/videos/video_1/remix", "edit": "/videos/edits"}.get(
        verb, "/videos/extensions"
    )
    with pytest.raises(openai.InternalServerError):
        api(lambda c: c.post(path, body={"prompt": "a dog"}, cast_to=object))
    assert len(raw.requests) == 1
    assert (seen.job.state, seen.job.operation) == (JobState.UNKNOWN, verb)


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_the_callers_own_key_is_kept(name, raw, video, seen, connect):
    """A key in `extra_headers` is sent once, as it is, and stands in the ledger."""
    raw.script = [(200, {}, video())]
    api = connect(raw.base_url)
    api(lambda c: c.videos.create(prompt="a cat", extra_headers={name: "mine-1"}, **ASKED))
    (request,) = raw.requests
    assert request.all("idempotency-key") == ["mine-1"]
    assert seen.job.idempotency_key == "mine-1"


def test_the_same_key_twice_is_one_job(sandbox, seen, connect):
    """The server replays its answer; the ledger has one job, and one cost."""
    api = connect(sandbox.base_url, settings={"max_spend_usd": "0.80"})
    key = {"Idempotency-Key": "mine-2"}
    first, second, third = (
        api(lambda c: c.videos.create(prompt="a cat", extra_headers=key, **ASKED)) for _ in range(3)
    )
    assert first.id == second.id == third.id
    assert (seen.job.provider_job_id, len(sandbox.jobs)) == (first.id, 1)
    assert seen.names == ["video.submitted"]


def test_an_upload_is_sent_whole_again(sandbox, seen, connect):
    """A file object is put back to where it stood before the create is sent again."""
    api = connect(sandbox.base_url)
    file = io.BytesIO(b"\x89PNG" + bytes(1000))
    api(
        lambda c: c.videos.create(
            prompt="a [[fault:rate_limit x1]]", input_reference=("a.png", file), **ASKED
        )
    )
    assert [post.fields["input_reference"]["bytes"] for post in posts(sandbox)] == [1004, 1004]


class OnceOnly(io.RawIOBase):
    """A stream that can be read but not put back."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        """It can be read."""
        return True

    def readinto(self, buffer):
        """Read."""
        return self._data.readinto(buffer)


def test_what_cannot_be_put_back_is_not_sent_again(sandbox, seen, connect):
    """Half an upload is worse than the exception."""
    api = connect(sandbox.base_url)
    file = ("a.png", OnceOnly(b"\x89PNG"), "image/png")
    with pytest.raises(openai.RateLimitError):
        api(
            lambda c: c.videos.create(
                prompt="a [[fault:rate_limit x1]]", input_reference=file, **ASKED
            )
        )
    assert len(posts(sandbox)) == 1
    assert seen.job.reason is Reason.RATE_LIMITED


def test_the_pause_is_the_sdks(raw, video, seen, connect, caplog):
    """Without a header vidobs waits as long as the SDK would: about half a second at first."""
    raw.script = [(429, {}, {"error": {"message": "slow down"}}), (200, {}, video())]
    api = connect(raw.base_url)
    caplog.set_level("INFO", "openai")
    api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    (said,) = [r for r in caplog.records if r.msg.startswith("Retrying request")]
    pause = next(value for value in said.args if isinstance(value, float))
    assert 0.375 <= pause <= 0.5


@pytest.mark.parametrize("kind", ["sync"], indirect=True)
def test_a_limit_on_retries_that_makes_no_sense_is_the_sdks_to_refuse(sandbox, seen, connect):
    """A negative `max_retries` is handed on as it is."""
    api = connect(sandbox.base_url)
    api.client.max_retries = -1
    if openai.__version__.startswith("3."):
        with pytest.raises(ValueError, match="max_retries"):
            api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    else:
        with pytest.raises(AssertionError):
            api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    assert posts(sandbox) == []


def test_threads_share_nothing(sandbox, seen, connect):
    """Creates at the same moment have keys, jobs and traces of their own."""
    api = connect(sandbox.base_url)
    if api.kind == "async":

        async def together():
            made = (api.client.videos.create(prompt=f"{n}", **ASKED) for n in range(8))
            await asyncio.gather(*made)

        api.run(together())
    else:
        threads = [
            threading.Thread(target=api.client.videos.create, kwargs={"prompt": f"{n}", **ASKED})
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    jobs = seen.jobs
    assert len({job.idempotency_key for job in jobs}) == len({job.job_id for job in jobs}) == 8
    assert len({job.trace.trace_id for job in jobs}) == 8


def test_a_poll_finds_the_job_that_nobody_knew_of(sandbox, seen, connect):
    """The ambiguous create and the video that turns up are one job: one trace, one cost."""
    api = connect(sandbox.base_url)
    with pytest.raises(openai.InternalServerError):
        api(lambda c: c.videos.create(prompt="a cat [[fault:error_after_accept]]", **ASKED))
    before = seen.job
    (made,) = sandbox.jobs
    api(lambda c: c.videos.poll(made.id))
    job = seen.job
    assert (job.job_id, job.trace) == (before.job_id, before.trace)
    assert (job.provider_job_id, job.state) == (made.id, JobState.COMPLETED)
    assert (job.cost.status, job.cost.usd) == (CostStatus.SETTLED, Decimal("0.40"))
    assert seen.names[0] == "video.unknown"
    assert seen.names.count("video.completed") == 1
