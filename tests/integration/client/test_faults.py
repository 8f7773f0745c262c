"""What our own client does when a server misbehaves: never a second job without a word."""

import pytest

import vidobs
from vidobs import exceptions
from vidobs.exceptions import APIConnectionError, InternalServerError


def create(api, fault):
    """Create a video that meets a fault."""
    return api(lambda videos: videos.create(prompt=f"a cat [[fault:{fault}]]", model="sora-2"))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("error_after_accept", InternalServerError),
        ("cut_after_accept", APIConnectionError),
    ],
)
def test_a_create_that_may_have_been_accepted_is_not_sent_again(api, sandbox, seen, fault, error):
    """There is one job on the server, and the ledger says that its outcome is unknown."""
    with pytest.raises(error):
        create(api, fault)

    assert len(sandbox.jobs) == 1
    assert [job.state for job in seen.jobs] == ["unknown"]


def test_a_create_that_timed_out_is_not_sent_again(api, sandbox, seen):
    """The same for an answer that is too slow."""
    from vidobs.sdk.client._calls import Extras

    with pytest.raises(exceptions.Timeout):
        api(
            lambda videos: videos.create(
                prompt="a cat [[fault:slow_after_accept]]",
                model="sora-2",
                extras=Extras(timeout=0.1),
            )
        )

    assert len(sandbox.jobs) == 1
    assert [job.state for job in seen.jobs] == ["unknown"]


def test_a_create_that_was_refused_for_now_is_sent_again(api, sandbox, seen):
    """429 with Retry-After proves that nothing was made."""
    made = create(api, "rate_limit x1")

    assert made.status == "queued"
    [job] = seen.jobs
    assert (job.provider_job_id, job.attempts) == (made.id, 2)
    keys = {asked.headers["idempotency-key"] for asked in sandbox.requests}
    assert len(keys) == 1


def test_a_connection_that_never_opened_is_tried_again_and_told_apart(make_api, seen):
    """Nothing was sent: a failed job, not an unknown one."""
    api = make_api("http://127.0.0.1:9/v1", max_retries=1)

    with pytest.raises(APIConnectionError):
        create(api, "none")

    [job] = seen.jobs
    assert (job.state, job.reason) == ("failed", "not_sent")


def test_a_prompt_that_is_refused_at_once_is_a_policy_violation(api, seen):
    """With the provider's code and the id of the request."""
    with pytest.raises(exceptions.ContentPolicyViolationError) as caught:
        create(api, "moderation_input")

    assert (caught.value.status_code, caught.value.code) == (400, "moderation_blocked")
    assert caught.value.request_id
    assert isinstance(caught.value, exceptions.BadRequestError)


@pytest.mark.parametrize("fault", ["failed_as_4xx", "failed_as_5xx"])
def test_a_failed_job_behind_an_error_status_is_a_failed_job(api, seen, fault):
    """A wait ends with what happened to the job, not with what happened to the poll."""
    made = create(api, fault)

    video = api(lambda videos: videos.wait(made.id, poll_interval=0.01, raise_on_failure=False))

    assert video.state == "failed"
    assert [job.state for job in seen.jobs] == ["failed"]


def test_a_download_that_breaks_off_goes_on_where_it_stopped(api, sandbox, tmp_path):
    """What came is not asked for again."""
    made = create(api, "truncated_download")
    api(lambda videos: videos.wait(made.id, poll_interval=0.01))
    path = tmp_path / "cat.mp4"

    with pytest.raises(APIConnectionError):
        api(lambda videos: videos.download(made.id, file=path))

    assert not path.exists()
    asked = [request for request in sandbox.requests if request.path.endswith("/content")]
    assert "range" not in asked[0].headers
    assert all(request.headers["range"].startswith("bytes=") for request in asked[1:])


def test_a_part_of_an_earlier_download_is_gone_on_with(api, sandbox, tmp_path):
    """Also in another process: the part lies beside the file."""
    made = api(lambda videos: videos.create(prompt="a cat", model="sora-2"))
    api(lambda videos: videos.wait(made.id, poll_interval=0.01))
    whole = api(lambda videos: videos.download(made.id))
    (tmp_path / "cat.mp4.part").write_bytes(whole.data[:1000])

    kept = api(lambda videos: videos.download(made.id, file=tmp_path / "cat.mp4"))

    assert kept.sha256 == whole.sha256
    assert sandbox.requests[-1].headers["range"] == "bytes=1000-"


def test_a_part_of_something_else_is_thrown_away(api, tmp_path):
    """It is longer than what the server has."""
    made = api(lambda videos: videos.create(prompt="a cat", model="sora-2"))
    api(lambda videos: videos.wait(made.id, poll_interval=0.01))
    (tmp_path / "cat.mp4.part").write_bytes(bytes(50_000_000))

    kept = api(lambda videos: videos.download(made.id, file=tmp_path / "cat.mp4"))

    assert (tmp_path / "cat.mp4").stat().st_size == kept.size_bytes < 50_000_000


def test_a_spend_limit_refuses_before_anything_is_sent(make_api, sandbox, seen):
    """As for a wrapped client."""
    api = make_api(sandbox.base_url, max_spend_usd="0.01")

    with pytest.raises(vidobs.SpendLimitError):
        api(lambda videos: videos.create(prompt="a cat", model="sora-2", seconds=4))

    assert not sandbox.jobs
