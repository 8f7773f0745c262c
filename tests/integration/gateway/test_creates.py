"""What becomes of creates: nothing is made twice, and a failed server is told of truthfully."""

import json
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from gateway_kit import UPSTREAM_KEY, entry, serving, settings_of
from sink_kit import Sink

from vidobs.core.jobs import JobState, Reason
from vidobs.testing import Sandbox

NOBODY = "http://127.0.0.1:9/v1"  # the port is closed


def create(http, prompt="a cat", key=None, **more):
    """Ask for a video."""
    headers = {"Idempotency-Key": key} if key else {}
    body = {"model": "my-sora", "prompt": prompt, "seconds": "4", **more}
    return http.post("/v1/videos", json=body, headers=headers)


@pytest.mark.parametrize("fault", ["error_after_accept", "cut_after_accept"])
def test_an_ambiguous_create_is_not_sent_again(gateway, sandbox, fault):
    """The official client is told not to retry, and the job is one of unknown outcome."""
    with gateway.client(max_retries=2) as client, pytest.raises(openai.InternalServerError) as told:
        client.videos.create(model="my-sora", prompt=f"a cat [[fault:{fault}]]")
    assert told.value.response.headers["x-should-retry"] == "false"
    assert len(sandbox.jobs) == 1
    (job,) = gateway.jobs()
    assert job.state is JobState.UNKNOWN


def test_a_refused_create_costs_nothing(gateway):
    """A moderated prompt comes back as the server's own 400, and the job is released."""
    with gateway.client() as client, pytest.raises(openai.BadRequestError) as told:
        client.videos.create(model="my-sora", prompt="a cat [[fault:moderation_input]]")
    assert told.value.code == "moderation_blocked"
    (job,) = gateway.jobs()
    assert (job.state, job.reason) == (JobState.FAILED, Reason.MODERATION_INPUT)
    assert job.cost.status == "released"


@pytest.mark.parametrize("fault", ["fail", "failed_as_4xx", "failed_as_5xx"])
def test_a_failed_job_is_no_failed_request(gateway, fault):
    """The status is 200 with `status: failed` and an error, whatever status the server used."""
    with gateway.client() as client:
        done = client.videos.create_and_poll(model="my-sora", prompt=f"a cat [[fault:{fault}]]")
        assert done.status == "failed"
        assert done.error.code
        assert client.videos.retrieve(done.id).status == "failed"


def test_an_idempotency_key_makes_one_video(gateway, sandbox):
    """The first answer is replayed, and another request with the key is refused."""
    with gateway.http() as http:
        first, again = create(http, key="k1"), create(http, key="k1")
        assert first.json() == again.json()
        assert again.headers["idempotency-replayed"] == "true"
        assert create(http, prompt="a dog", key="k1").status_code == 422
        assert create(http, key="k2").json()["id"] != first.json()["id"]
    assert len(sandbox.jobs) == 2


def test_requests_at_once_with_one_key_make_one_video(gateway, sandbox):
    """Those that come while the first is under way wait for its answer."""
    with gateway.http() as http, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: create(http, key="k1"), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(sandbox.jobs) == 1


def test_a_key_may_be_used_again_where_nothing_was_accepted(gateway, sandbox):
    """A 429 is no answer to remember; an unknown outcome is one."""
    with gateway.http() as http:
        refused = create(http, prompt="a cat [[fault:rate_limit x1]]", key="k1")
        assert (refused.status_code, refused.headers["x-should-retry"]) == (429, "true")
        assert create(http, prompt="a cat [[fault:rate_limit x1]]", key="k1").status_code == 200
        unknown = [create(http, prompt="[[fault:error_after_accept x1]]", key="k2") for _ in "ab"]
        assert [answer.status_code for answer in unknown] == [500, 500]
        assert unknown[1].headers["idempotency-replayed"] == "true"
    assert len(sandbox.jobs) == 2


def test_keys_outlive_the_process_and_keep_no_prompt(sandbox, tmp_path):
    """After a restart the answer is replayed whole, though the prompt was never written down."""
    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        first = create(http, prompt="a very secret cat", key="k1").json()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
    assert b"secret cat" not in kept
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        assert create(http, prompt="a very secret cat", key="k1").json() == first
    assert len(sandbox.jobs) == 1


def test_another_server_is_asked_only_if_the_first_took_nothing(sandbox, tmp_path):
    """A closed port is passed over; a server that accepted and then failed is not."""
    two = (
        entry("my-sora", "openai/sora-2", NOBODY, weight=1_000_000),
        entry("my-sora", "openai/sora-2", sandbox.base_url, weight=1),
    )
    with serving(tmp_path, settings_of(*two)) as gateway, gateway.http() as http:
        assert create(http).status_code == 200
        states = sorted((job.state.value, job.reason) for job in gateway.jobs())
        assert states == [("failed", Reason.NOT_SENT), ("queued", None)]
        assert create(http, prompt="[[fault:error_after_accept]]").status_code == 500
    assert len(sandbox.jobs) == 2


def test_a_server_that_fails_rests(sandbox, tmp_path):
    """After so many failures in a row the others are asked first."""
    two = (
        entry("my-sora", "openai/sora-2", NOBODY, weight=1_000_000),
        entry("my-sora", "openai/sora-2", sandbox.base_url, weight=1),
    )
    content = settings_of(*two, gateway={"allowed_fails": 2, "cooldown_s": 600})
    with serving(tmp_path, content) as gateway, gateway.http() as http:
        for _ in range(4):
            assert create(http).status_code == 200
        failed = [job for job in gateway.jobs() if job.state is JobState.FAILED]
        assert len(failed) == 2
        info = http.get("/model/info").json()["data"]
        assert [one["model_info"]["resting"] for one in info] == [True, False]


def test_the_gateways_key_stays_inside(tmp_path):
    """A server that quotes the key it was sent is not repeated, and its 401 is not the client's."""
    said = {"error": {"message": f"Incorrect API key provided: {UPSTREAM_KEY}", "code": "bad"}}
    with Sink() as sink:
        sink.answers(401, {"content-type": "application/json"}, body=json.dumps(said).encode())
        content = settings_of(entry("my-sora", "openai/sora-2", f"{sink.url}/v1"))
        with serving(tmp_path, content) as gateway, gateway.http() as http:
            told = create(http)
    assert (told.status_code, told.json()["error"]["code"]) == (502, "upstream_unauthorized")
    assert UPSTREAM_KEY not in told.text
    assert sink.requests[0].headers["authorization"] == f"Bearer {UPSTREAM_KEY}"


def test_a_server_that_lies_leaves_the_outcome_open(tmp_path):
    """A 200 that names no video is told as such, and never asked for again."""
    lies = (b"{", b"[]", b'{"ok": true}', b"\xff", b"")
    with Sink() as sink:
        content = settings_of(entry("my-sora", "openai/sora-2", f"{sink.url}/v1"))
        with serving(tmp_path, content) as gateway, gateway.http() as http:
            for body in lies:
                sink.answers(200, {"content-type": "application/json"}, body=body)
                told = create(http)
                assert (told.status_code, told.headers["x-should-retry"]) == (502, "false"), body
            states = [job.state for job in gateway.jobs()]
    assert states == [JobState.UNKNOWN] * len(lies)
    assert len(sink.requests) == len(lies)


def test_a_server_that_hangs_or_floods_leaves_the_outcome_open(tmp_path):
    """Neither is waited for without end: 504 after the time-out, 502 after too many bytes."""
    with Sink() as sink:
        content = settings_of(entry("my-sora", "openai/sora-2", f"{sink.url}/v1", timeout=0.3))
        with serving(tmp_path, content) as gateway, gateway.http() as http:
            sink.answers(200, {"content-type": "application/json"}, body=b"x" * (9 << 20))
            assert create(http).status_code == 502
            sink.hangs()
            late = create(http)
            assert (late.status_code, late.json()["error"]["code"]) == (504, "outcome_unknown")
            assert late.headers["x-should-retry"] == "false"
            assert [job.state for job in gateway.jobs()] == [JobState.UNKNOWN] * 2
    assert len(sink.requests) == 2


def test_an_address_of_a_picture_is_passed_on_and_never_fetched(gateway, sandbox):
    """The gateway reaches what clients do not; it fetches nothing for them."""
    with Sink() as sink, gateway.http() as http:
        picture = {"image_url": f"{sink.url}/inside.png"}
        assert create(http, input_reference=picture).status_code == 200
        assert sink.requests == []
    assert sandbox.requests[0].fields["input_reference"] == picture


def test_prices_of_the_file_count(tmp_path):
    """`model_info` of LiteLLM's prices a model that nobody else knows."""
    with Sandbox(time_scale=0.02) as sandbox:
        one = entry(
            "mine", "openai/mine-1", sandbox.base_url, info={"output_cost_per_second": 0.25}
        )
        with serving(tmp_path, settings_of(one)) as gateway, gateway.http() as http:
            made = http.post("/v1/videos", json={"model": "mine", "prompt": "a", "seconds": "4"})
            assert made.headers["x-vidobs-cost-usd"] == "1.00"
            assert made.headers["x-litellm-response-cost"] == "1.00"
