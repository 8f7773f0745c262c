"""The calls of our own client, against a whole server."""

from decimal import Decimal

import pytest

import vidobs
from vidobs import exceptions

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


def create(api, **fields):
    """Create a video."""
    return api(lambda videos: videos.create(prompt="a cat", model="sora-2", **fields))


def test_a_video_from_create_to_download(api, seen, tmp_path):
    """One job, one trace, one settled cost; the file is whole and its checksum known."""
    made = create(api, seconds=4, size="720x1280")
    done = api(lambda videos: videos.wait(made.id, poll_interval=0.01))
    kept = api(lambda videos: videos.download(made.id, file=tmp_path / "cat.mp4"))
    held = api(lambda videos: videos.download(made.id))

    assert (made.status, made.seconds, made.size) == ("queued", Decimal(4), "720x1280")
    assert (done.status, done.done, done.cost.usd) == ("completed", True, Decimal("0.40"))
    assert (tmp_path / "cat.mp4").read_bytes() == held.data
    assert kept.sha256 == held.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["cat.mp4"]
    [job] = seen.jobs
    assert done.job_id == job.job_id
    assert (job.state, job.asset, job.file.sha256) == ("completed", "downloaded", kept.sha256)
    assert {span.trace_id for span in seen.events.spans} == {job.trace.trace_id}


def test_every_verb_reaches_the_server(api, sandbox):
    """Remix, edit, extend, list, delete and characters."""
    made = create(api, input_reference=PNG)
    api(lambda videos: videos.wait(made.id, poll_interval=0.01))
    held = api(lambda videos: videos.download(made.id))
    remix = api(lambda videos: videos.remix(made.id, prompt="a dog"))
    edit = api(lambda videos: videos.edit(video=made.id, prompt="a cow"))
    longer = api(lambda videos: videos.extend(video=made.id, prompt="go on", seconds=4))
    listed = api(lambda videos: videos.list(limit=2))
    gone = api(lambda videos: videos.delete(made.id))
    person = api(lambda videos: videos.characters.create(name="Ann", video=held.data))
    found = api(lambda videos: videos.characters.retrieve(person.id))

    assert remix.remixed_from_video_id == made.id
    assert {video.id for video in listed} == {made.id, remix.id, edit.id, longer.id}
    assert (gone.id, gone.deleted) == (made.id, True)
    assert found.name == "Ann"
    with pytest.raises(exceptions.NotFoundError):
        api(lambda videos: videos.retrieve(made.id))


def test_a_failed_job_raises_the_error_of_its_reason(make_api, sandbox, seen):
    """A filter's block is one, whenever it comes; without raising it is a result."""
    api = make_api(sandbox.base_url)
    made = api(
        lambda videos: videos.create(prompt="a cat [[fault:moderation_output]]", model="sora-2")
    )

    with pytest.raises(exceptions.ContentPolicyViolationError) as caught:
        api(lambda videos: videos.wait(made.id, poll_interval=0.01))
    video = api(lambda videos: videos.wait(made.id, raise_on_failure=False))

    assert caught.value.provider == "openai"
    assert (video.state, video.reason.moderation) == ("failed", True)


def test_waiting_ends_in_time(api):
    """The job goes on; the error says what to do."""
    made = api(lambda videos: videos.create(prompt="a cat [[fault:stuck]]", model="sora-2"))

    with pytest.raises(exceptions.Timeout, match="the job goes on: wait again"):
        api(lambda videos: videos.wait(made.id, timeout=0))


def test_waiting_tells_of_each_change_once(api):
    """And of the last one."""
    made = create(api)
    seen = []

    api(lambda videos: videos.wait(made.id, poll_interval=0.01, on_progress=seen.append))

    assert seen[-1].status == "completed"
    assert len({(video.status, video.progress) for video in seen}) == len(seen)


@pytest.mark.parametrize("video_id", ["../models", "a?b=c", "a#b", "ä/ö", "a b", "%2e%2e"])
def test_an_id_stays_one_segment_of_the_path(api, sandbox, video_id):
    """Whatever it holds, it names a video and nothing else."""
    with pytest.raises(exceptions.NotFoundError):
        api(lambda videos: videos.retrieve(video_id))

    [asked] = sandbox.requests
    assert asked.path.startswith("/v1/videos/")


@pytest.mark.parametrize("video_id", ["", ".", ".."])
def test_an_id_that_no_path_can_name_is_refused(api, sandbox, video_id):
    """Nothing is sent."""
    with pytest.raises(vidobs.ConfigError, match="no id of a video"):
        api(lambda videos: videos.retrieve(video_id))

    assert not sandbox.requests


def test_a_key_is_needed(monkeypatch):
    """The error names the variable."""
    with pytest.raises(exceptions.AuthenticationError, match="OPENAI_API_KEY") as caught:
        vidobs.Client(base_url="http://127.0.0.1:1/v1")

    assert caught.value.status_code == 401
