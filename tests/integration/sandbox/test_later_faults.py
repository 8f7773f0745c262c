"""The faults that act after a job was accepted: on its course, its status and its files."""

import io
import json
import threading
from collections.abc import Iterator

import av
import httpx
import openai
import pytest

from vidobs.testing import Sandbox

KEY = {"authorization": "Bearer sk-test"}
SMALL = {"size": "160x96", "seconds": "4"}


@pytest.fixture
def made(http):
    """Make a small video that meets a fault, and return its path."""

    def create(fault: str, prompt: str = "a cat") -> str:
        body = SMALL | {"prompt": f"{prompt} [[fault:{fault}]]"}
        return f"/videos/{http.post('/videos', json=body).json()['id']}"

    return create


@pytest.fixture
def quick():
    """A sandbox in which a job is done in no time, and a slow download takes half a second."""
    with Sandbox(time_scale=0.05) as sandbox:
        yield sandbox


@pytest.fixture
def sdk(quick):
    """The official SDK with its own retries, for the quick sandbox."""
    with openai.OpenAI(base_url=quick.base_url, api_key="k") as client:
        yield client


def seconds_of(data: bytes) -> float:
    """Return how long a file plays."""
    with av.open(io.BytesIO(data)) as container:
        return container.duration / av.time_base


def read_into(parts: list[bytes], chunks: Iterator[bytes]) -> None:
    """Add what comes to the last part, as far as it comes."""
    for chunk in chunks:
        parts[-1] += chunk


def test_stuck(http, clock, made):
    """The job moves to 40 % and no further."""
    path = made("stuck")
    clock.move(0.6)
    assert http.get(path).json()["progress"] == 20
    for _ in range(2):
        clock.move(3600)
        video = http.get(path).json()
        assert (video["status"], video["progress"]) == ("in_progress", 40)


def test_slow_progress(http, clock, made):
    """The job takes 30 s to render instead of 1.5, and moves all the time."""
    path = made("slow_progress")
    seen = []
    for _ in range(3):
        clock.move(10)
        seen.append(http.get(path).json()["progress"])
    assert seen == [32, 65, 99]
    clock.move(0.31)
    assert http.get(path).json()["status"] == "completed"


def test_wrong_duration(http, clock, made):
    """The Video object says four seconds, the file has two."""
    path = made("wrong_duration")
    clock.move(5)
    assert http.get(path).json()["seconds"] == "4"
    assert seconds_of(http.get(f"{path}/content").content) == pytest.approx(2, abs=0.05)


def test_missing_fields(http, clock, made):
    """Create, status and list have little more than the id, and the job goes its way."""
    answer = http.post("/videos", json={"prompt": "[[fault:missing_fields]]"}).json()
    assert answer == {"id": answer["id"], "object": "video", "status": "queued"}
    clock.move(5)
    done = answer | {"status": "completed"}
    assert http.get(f"/videos/{answer['id']}").json() == done
    assert http.get("/videos").json()["data"] == [done]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("failed_as_4xx", 400, "moderation_blocked"), ("failed_as_5xx", 500, "server_error")],
)
def test_a_failed_job_with_an_error_status(http, clock, made, *, fault, status, code):
    """While it runs the status is a 200; then the whole job comes with an error status."""
    path = made(fault)
    assert http.get(path).status_code == 200
    clock.move(5)
    answer = http.get(path)
    assert answer.status_code == status
    assert (answer.json()["status"], answer.json()["error"]["code"]) == ("failed", code)
    assert http.get("/videos").status_code == 200


@pytest.mark.parametrize(
    ("fault", "error", "gets"),
    [
        ("failed_as_4xx", openai.BadRequestError, 1),
        ("failed_as_5xx", openai.InternalServerError, 3),
    ],
)
def test_the_sdk_meets_a_failed_job_with_an_error_status(sdk, quick, *, fault, error, gets):
    """The SDK raises, after its retries where it retries; the job's own code is in the error."""
    with pytest.raises(error) as raised:
        sdk.videos.create_and_poll(prompt=f"[[fault:{fault}]]")
    failed = [request for request in quick.requests if request.status == raised.value.status_code]
    assert len(failed) == gets
    assert raised.value.code in {"moderation_blocked", "server_error"}


def test_expired_asset(error_of, http, clock, made):
    """The job completes, and its files are gone at that moment."""
    path = made("expired_asset")
    clock.move(1.8)
    video = http.get(path).json()
    assert video["status"] == "completed"
    assert video["expires_at"] == video["completed_at"]
    assert error_of(http.get(f"{path}/content"))[::2] == (404, "video_expired")


def test_slow_download(sdk, quick):
    """The file comes whole, in many pieces, in 10 s times the time scale."""
    video = sdk.videos.create_and_poll(prompt="[[fault:slow_download]]", **SMALL)
    url = f"{quick.base_url}/videos/{video.id}/content"
    with httpx.stream("GET", url, headers=KEY) as answer:
        pieces = list(answer.iter_raw())
    data = b"".join(pieces)
    assert len(data) == int(answer.headers["content-length"])
    assert seconds_of(data) == pytest.approx(4, abs=0.05)
    assert len(pieces) > 10
    assert answer.elapsed.total_seconds() >= 0.45


def test_a_slow_download_does_not_keep_the_server(clock):
    """When the server stops, the rest of a slow download is not waited for."""
    failures = []

    def download(url: str) -> None:
        try:
            httpx.get(url, headers=KEY, timeout=60)
        except httpx.HTTPError as error:
            failures.append(type(error))

    with Sandbox(clock=clock, faults=["slow_download"]) as sandbox:
        url = f"{sandbox.base_url}/videos"
        made = httpx.post(url, json=SMALL | {"prompt": "a cat"}, headers=KEY).json()["id"]
        clock.move(5)
        client = threading.Thread(target=download, args=(f"{url}/{made}/content",))
        client.start()
        while len(sandbox.requests) < 2 or sandbox.requests[1].status is None:
            client.join(0.01)
    client.join(5)
    assert not client.is_alive()
    assert failures == [httpx.RemoteProtocolError]


def test_truncated_download(http, clock, made):
    """Half of the announced bytes come; asking for the rest brings half of that."""
    path = f"{made('truncated_download')}/content"
    clock.move(5)
    got, announced = [], []
    for _ in range(3):
        got.append(b"")
        start = sum(map(len, got))
        with http.stream("GET", path, headers={"range": f"bytes={start}-"}) as answer:
            announced.append(int(answer.headers["content-length"]))
            with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
                read_into(got, answer.iter_raw())
    assert [len(part) for part in got] == [size // 2 for size in announced]
    assert announced[1] == announced[0] - announced[0] // 2
    assert got[0][4:8] == b"ftyp"
    assert http.get("/videos").status_code == 200


def test_garbage_json(http, clock, made):
    """A status says that it is JSON and stops in the middle; the list is whole."""
    path = made("garbage_json")
    for _ in range(2):
        answer = http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        with pytest.raises(json.JSONDecodeError):
            answer.json()
        clock.move(5)
    assert http.get("/videos").json()["data"][0]["status"] == "completed"


def test_header_bomb(sdk, quick, http, clock, made):
    """64 KiB of headers on every answer about the job, which clients still accept."""
    path = made("header_bomb")
    clock.move(5)
    listed = http.get("/videos").headers
    for answer in (http.get(path), http.get(f"{path}/content")):
        assert answer.status_code == 200
        bombs = {name: value for name, value in answer.headers.items() if "bomb" in name}
        assert sum(len(name) + len(value) for name, value in bombs.items()) == 64 * 1024
    assert not [name for name in listed if "bomb" in name]
    video = sdk.videos.create_and_poll(prompt="[[fault:header_bomb]]", **SMALL)
    assert len(sdk.videos.download_content(video.id).read()) > 1000


def test_later_faults_meet_a_few_creates(http, clock, made):
    """`xN` counts the creates, and the jobs keep what they met."""
    one, two = made("garbage_json x1", "same"), made("garbage_json x1", "same")
    assert b"}" not in http.get(one).content
    assert http.get(two).json()["status"] == "queued"
