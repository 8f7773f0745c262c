"""Every verb of the SDK: the very same answer comes back, and the ledger, events and spans fit."""

from decimal import Decimal

import openai
import pytest
from openai.resources.videos import Videos

from vidobs.core.calls import Operation
from vidobs.core.jobs import AssetState, JobState
from vidobs.core.money import CostStatus

HAS_EDIT = hasattr(Videos, "edit")
edits = pytest.mark.skipif(not HAS_EDIT, reason="this openai SDK has no edit, extend or characters")
ASKED = {"model": "sora-2", "seconds": "4", "size": "160x96"}
PNG = b"\x89PNG\r\n\x1a\n"


class Remembering(openai.OpenAI):
    """Remembers what the SDK itself returned."""

    returned = None

    def request(self, *args, **kwargs):
        """Send a request and keep the result."""
        self.returned = super().request(*args, **kwargs)
        return self.returned


class AsyncRemembering(openai.AsyncOpenAI):
    """The same, async."""

    returned = None

    async def request(self, *args, **kwargs):
        """Send a request and keep the result."""
        self.returned = await super().request(*args, **kwargs)
        return self.returned


@pytest.fixture
def remembering(kind):
    """The class of a client that remembers."""
    return Remembering if kind == "sync" else AsyncRemembering


@pytest.fixture
def api(sandbox, seen, connect, remembering):
    """A wrapped client of the sandbox that remembers what the SDK returned."""
    return connect(sandbox.base_url, cls=remembering)


@pytest.fixture
def finished(api):
    """A video that is ready."""
    return api(lambda c: c.videos.create_and_poll(prompt="a cat", **ASKED))


def test_create_is_a_job_with_a_reserved_cost(api, sandbox, seen):
    """The caller gets the SDK's own object; the ledger has the job, its quote and its key."""
    video = api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    assert video is api.client.returned
    job = seen.job
    assert (job.provider_job_id, job.state) == (video.id, JobState.QUEUED)
    assert (job.provider, job.operation, job.model) == ("openai", Operation.CREATE, "sora-2")
    assert (job.request.seconds, job.request.size) == (Decimal(4), "160x96")
    assert (job.cost.status, job.cost.usd) == (CostStatus.RESERVED, Decimal("0.40"))
    assert (job.server_address, job.attempts) == ("127.0.0.1", 1)
    (post,) = sandbox.requests
    assert post.idempotency_key == job.idempotency_key
    assert seen.names == ["video.submitted"]


@pytest.mark.parametrize("form", ["bytes", "path", "file", "tuple"])
def test_a_reference_image_is_counted_and_sent(form, api, sandbox, seen, tmp_path):
    """Whatever form a file comes in, the server gets it whole, and it is one input image."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    files = {"bytes": PNG, "path": path, "tuple": ("a.png", PNG, "image/png")}
    with path.open("rb") as file:
        reference = files.get(form, file)
        api(lambda c: c.videos.create(prompt="a cat", input_reference=reference, **ASKED))
    (post,) = sandbox.requests
    assert post.fields["input_reference"]["bytes"] == len(PNG)
    assert seen.job.request.input_images == 1


def test_create_and_poll_is_one_job_to_its_end(api, sandbox, seen):
    """The polls inside are seen; the job is settled once."""
    video = api(lambda c: c.videos.create_and_poll(prompt="a cat", **ASKED))
    job = seen.job
    polls = [request for request in sandbox.requests if request.method == "GET"]
    assert (video.status, job.state, job.polls) == ("completed", JobState.COMPLETED, len(polls))
    assert (job.cost.status, job.cost.usd) == (CostStatus.SETTLED, Decimal("0.40"))
    assert seen.names == ["video.submitted", "video.started", "video.completed"]
    assert job.queue_s is not None
    assert job.render_s is not None


def test_poll_and_retrieve_find_the_job(api, seen):
    """Either brings the job to its end; what is asked again changes nothing."""
    video = api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    api(lambda c: c.videos.poll(video.id))
    before = seen.job
    again = api(lambda c: c.videos.retrieve(video.id))
    assert again is api.client.returned
    assert seen.job == before
    assert before.state is JobState.COMPLETED
    assert seen.names.count("video.completed") == 1


def test_a_job_of_somebody_else_is_adopted(api, sandbox, seen, connect):
    """A poll of a job that was created without vidobs starts to follow it."""
    bare = connect(sandbox.base_url, bare=True)
    video = bare(lambda c: c.videos.create(prompt="a cat", **ASKED))
    api(lambda c: c.videos.poll(video.id))
    job = seen.job
    assert (job.adopted, job.state, job.cost.usd) == (True, JobState.COMPLETED, Decimal("0.40"))
    assert job.trace.trace_id


def test_list_tells_of_the_jobs_it_shows(api, finished, seen, sandbox):
    """Pages and iteration go through; a job that ended since the last poll is settled by a list."""
    video = api(lambda c: c.videos.create(prompt="a dog", **ASKED))
    clock_ends = api(lambda c: c.with_options(max_retries=0).videos.poll(video.id))
    assert clock_ends.status == "completed"
    page = api(lambda c: c.videos.list(limit=1))
    assert page is api.client.returned
    assert [one.id for one in api.every(lambda c: c.videos.list(limit=1))] == [
        video.id,
        finished.id,
    ]
    assert len([r for r in sandbox.requests if r.path.endswith("/videos")]) >= 4
    assert [job.state for job in seen.jobs] == [JobState.COMPLETED] * 2


def test_a_list_settles_what_nobody_polled(api, seen, sandbox, connect):
    """A list is as good as a poll for the jobs that the ledger knows, and for no others."""
    bare = connect(sandbox.base_url, bare=True)
    video = api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    other = bare(lambda c: c.videos.create(prompt="a dog", **ASKED))
    bare(lambda c: c.videos.poll(video.id))
    bare(lambda c: c.videos.poll(other.id))
    api.every(lambda c: c.videos.list())
    assert seen.job.state is JobState.COMPLETED
    assert seen.names == ["video.submitted", "video.completed"]


def test_delete_ends_a_job_or_its_asset(api, finished, seen):
    """A finished job stays completed without its asset; a running one is cancelled."""
    assert api(lambda c: c.videos.delete(finished.id)) is api.client.returned
    running = api(lambda c: c.videos.create(prompt="a dog", **ASKED))
    api(lambda c: c.videos.delete(running.id))
    first, second = seen.jobs
    assert (first.state, first.asset) == (JobState.COMPLETED, AssetState.DELETED)
    assert (second.state, second.asset) == (JobState.CANCELLED, AssetState.DELETED)


def test_remix_is_a_job_of_its_own(api, finished, seen):
    """It knows the video it was made from, and costs what its answer says it will be."""
    video = api(lambda c: c.videos.remix(finished.id, prompt="a dog"))
    assert video is api.client.returned
    job = seen.jobs[1]
    assert (job.operation, job.parent_id) == (Operation.REMIX, finished.id)
    assert (job.provider_job_id, job.cost.usd) == (video.id, Decimal("0.40"))


@edits
@pytest.mark.parametrize("verb", ["edit", "extend"])
def test_edit_and_extend_make_jobs(verb, api, finished, seen):
    """Both upload a video and make a job of their own; an extension is billed for what is new."""
    data = api(lambda c: c.videos.download_content(finished.id)).read()
    file = ("a.mp4", data, "video/mp4")
    more = {"seconds": "8"} if verb == "extend" else {}
    video = api(lambda c: getattr(c.videos, verb)(prompt="more", video=file, **more))
    assert video is api.client.returned
    job = seen.jobs[1]
    assert (job.operation.value, job.provider_job_id) == (verb, video.id)
    assert job.request.seconds == Decimal(more.get("seconds", video.seconds))


@edits
def test_characters_are_no_jobs(api, finished, seen):
    """Making and reading a character goes through and adds nothing to the ledger."""
    data = api(lambda c: c.videos.download_content(finished.id)).read()
    file = ("a.mp4", data, "video/mp4")
    made = api(lambda c: c.videos.create_character(name="Tom", video=file))
    assert api(lambda c: c.videos.get_character(made.id)).name == "Tom"
    assert seen.job.provider_job_id == finished.id


def test_a_buffered_download_is_measured(api, finished, seen):
    """The file's size and checksum are kept; the caller reads the same bytes."""
    content = api(lambda c: c.videos.download_content(finished.id))
    assert content is api.client.returned
    job = seen.job
    assert job.asset is AssetState.DOWNLOADED
    assert job.file.size_bytes == len(content.read())
    assert len(job.file.sha256) == 64
    assert seen.names[-1] == "video.downloaded"


def test_a_variant_is_not_the_video(api, finished, seen):
    """A thumbnail that was read does not make the video downloaded."""
    picture = api(lambda c: c.videos.download_content(finished.id, variant="thumbnail"))
    assert picture is api.client.returned
    assert len(picture.read()) > 100
    assert (seen.job.asset, seen.job.file) == (AssetState.AVAILABLE, None)
    assert "video.downloaded" not in seen.names


def test_a_refused_download_fails_the_call_alone(api, finished, seen):
    """A variant that the server does not know is a failed call, not a failed video."""
    with pytest.raises(openai.BadRequestError):
        api(lambda c: c.videos.download_content(finished.id, variant="poster"))
    assert (seen.job.state, seen.job.asset) == (JobState.COMPLETED, AssetState.AVAILABLE)
    assert seen.names[-1] == "call.failed"


def test_a_streamed_download_is_not_read_early(api, finished, seen):
    """Until the caller reads, nothing is read; afterwards size and checksum are known."""
    stream = lambda c: c.videos.with_streaming_response.download_content(finished.id)  # noqa: E731
    assert api.stream(stream, lambda r: r.http_response.is_stream_consumed) is False
    data = b"".join(api.chunks(stream))
    assert data[4:8] == b"ftyp"
    assert seen.job.file.size_bytes == len(data)
    assert seen.job.asset is AssetState.DOWNLOADED


def test_a_download_that_is_left_early_is_no_asset(raw, video, seen, connect):
    """A part of the file is not the file."""
    api = connect(raw.base_url)
    raw.script = [(200, {}, video("completed", progress=100)), (200, {}, bytes(8 << 20))]
    api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    api.chunks(lambda c: c.videos.with_streaming_response.download_content("video_raw"), most=1)
    job = seen.job
    assert (job.asset, job.file.complete, job.file.sha256) == (AssetState.AVAILABLE, False, None)
    assert 4096 <= job.file.size_bytes < 8 << 20


def test_a_range_is_no_asset(api, finished, seen):
    """Half of the file, asked for as half, does not count as downloaded."""
    part = {"range": "bytes=0-99"}
    api(lambda c: c.videos.download_content(finished.id, extra_headers=part))
    assert seen.job.asset is AssetState.AVAILABLE


def test_raw_responses_of_every_verb(api, seen):
    """`with_raw_response` gives the SDK's wrapper, and the job is followed all the same."""
    raw = api(lambda c: c.videos.with_raw_response.create(prompt="a cat", **ASKED))
    assert raw is api.client.returned
    video = raw.parse()
    api(lambda c: c.videos.poll(video.id))
    raw = api(lambda c: c.videos.with_raw_response.retrieve(video.id))
    assert raw.http_response.status_code == 200
    assert seen.job.state is JobState.COMPLETED
    api(lambda c: c.videos.with_raw_response.list())
    api(lambda c: c.videos.with_raw_response.delete(video.id))
    assert seen.job.asset is AssetState.DELETED


def test_streaming_responses_are_read_by_the_caller_alone(api, seen):
    """A create whose body is streamed is recorded when the caller has read it."""
    create = lambda c: c.videos.with_streaming_response.create(prompt="a cat", **ASKED)  # noqa: E731
    video = api.stream(create, lambda response: response.parse())
    assert seen.job.provider_job_id == video.id
    api.stream(lambda c: c.videos.with_streaming_response.retrieve(video.id), lambda r: r.parse())
    unread = api.stream(create, lambda response: response.http_response.is_stream_consumed)
    assert unread is False
    assert [job.state for job in seen.jobs][1] is JobState.UNKNOWN


def test_copies_are_wrapped_too(api, sandbox, seen):
    """`with_options` and `copy` make clients that are observed, copies of copies as well."""
    api(lambda c: c.with_options(timeout=20).videos.create(prompt="a", **ASKED))
    api(lambda c: c.copy(max_retries=0).with_options(timeout=9).videos.create(prompt="b", **ASKED))
    assert [job.state for job in seen.jobs] == [JobState.QUEUED] * 2


def test_requests_by_hand_are_seen(api, seen):
    """`client.post` and `client.get` on /videos are video calls like any other."""
    body = {"prompt": "a cat", **ASKED}
    made = api(lambda c: c.post("/videos", body=body, cast_to=object))
    api(lambda c: c.get(f"/videos/{made['id']}", cast_to=object))
    as_text = api(lambda c: c.post("/videos", body={**body, "prompt": "b"}, cast_to=str))
    first, second = seen.jobs
    assert first.provider_job_id == made["id"]
    assert second.provider_job_id in as_text


def test_azure_is_azure(sandbox, seen, connect):
    """An Azure client's jobs are filed under azure, from create to download."""
    api = connect(sandbox.azure_url, azure=True)
    video = api(lambda c: c.videos.create_and_poll(prompt="a cat", **ASKED))
    api(lambda c: c.videos.download_content(video.id))
    job = seen.job
    assert (job.provider, job.dialect) == ("azure", "azure")
    assert (job.state, job.asset) == (JobState.COMPLETED, AssetState.DOWNLOADED)


def test_other_calls_go_straight_through(api, raw, seen, connect):
    """What is no video call is not looked at, and raises what it raises."""
    raw.script = [(200, {}, {"object": "list", "data": [], "has_more": False})]
    other = connect(raw.base_url)
    assert other(lambda c: c.models.list()).data == []
    raw.script = [(404, {}, {"error": {"message": "no"}})]
    with pytest.raises(openai.NotFoundError):
        other(lambda c: c.models.retrieve("none"))
    assert (seen.jobs, seen.names) == ([], [])


def test_errors_are_the_very_same_object(sandbox, seen, connect, kind):
    """What the SDK raised reaches the caller as the same instance."""
    raised = []

    class Failing(openai.OpenAI):
        def request(self, *args, **kwargs):
            try:
                return super().request(*args, **kwargs)
            except openai.APIError as error:
                raised.append(error)
                raise

    class AsyncFailing(openai.AsyncOpenAI):
        async def request(self, *args, **kwargs):
            try:
                return await super().request(*args, **kwargs)
            except openai.APIError as error:
                raised.append(error)
                raise

    api = connect(sandbox.base_url, cls=Failing if kind == "sync" else AsyncFailing)
    calls = [
        lambda c: c.videos.create(prompt="a cat", size="1x1"),
        lambda c: c.videos.retrieve("video_none"),
        lambda c: c.videos.download_content("video_none"),
        lambda c: c.videos.delete("video_none"),
    ]
    for call in calls:
        with pytest.raises(openai.APIStatusError) as caught:
            api(call)
        assert caught.value is raised[-1]
    assert [(job.state, job.reason) for job in seen.jobs] == [("failed", "invalid_request")]
