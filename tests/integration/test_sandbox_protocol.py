"""The sandbox over plain HTTP: what any client of the Videos API meets."""

import asyncio
import hashlib
import io
import json
from concurrent.futures import ThreadPoolExecutor

import av
import httpx
import pytest

from vidobs.testing import Sandbox

BORN_S = 1_800_000_000
KEY = {"authorization": "Bearer sk-test"}


class FrozenClock:
    """Time that moves only when told to."""

    def __init__(self) -> None:
        self.now_ns = BORN_S * 1_000_000_000

    def time_ns(self) -> int:
        """Return the time that was set."""
        return self.now_ns

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += round(seconds * 1_000_000_000)


@pytest.fixture
def clock():
    """A clock for one test."""
    return FrozenClock()


@pytest.fixture
def sandbox(clock):
    """Time moves by the frozen clock only."""
    with Sandbox(clock=clock) as running:
        yield running


@pytest.fixture
def http(sandbox):
    """Plain HTTP with a key."""
    with httpx.Client(base_url=sandbox.base_url, headers=KEY, timeout=20) as client:
        yield client


@pytest.fixture
def finished(http, clock):
    """A small video that is completed."""
    made = http.post("/videos", json={"prompt": "a cat", "seconds": "2", "size": "160x96"}).json()
    clock.move(1.8)
    return made["id"]


def error_of(answer: httpx.Response) -> tuple[int, str | None, str | None]:
    """Return status, param and code of an error, whose envelope must be whole."""
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["type"], str)
    return answer.status_code, error["param"], error["code"]


def test_a_job_is_the_whole_video_object(http, clock):
    """Every field of the object, with its type, at each state of the frozen clock."""
    made = http.post("/videos", json={"prompt": "a cat", "model": "sora-2-pro", "seconds": 8})
    queued = {
        "id": made.json()["id"],
        "object": "video",
        "created_at": BORN_S,
        "status": "queued",
        "completed_at": None,
        "error": None,
        "expires_at": None,
        "model": "sora-2-pro",
        "progress": 0,
        "prompt": "a cat",
        "remixed_from_video_id": None,
        "seconds": "8",
        "size": "720x1280",
    }
    assert made.status_code == 200
    assert made.json() == queued

    url = f"/videos/{queued['id']}"
    assert http.get(url).json() == queued
    clock.move(1.05)
    assert http.get(url).json() == queued | {"status": "in_progress", "progress": 50}
    assert http.get(url).json() == queued | {"status": "in_progress", "progress": 50}
    clock.move(0.75)
    done = {"completed_at": BORN_S + 1, "expires_at": BORN_S + 86_401}
    assert http.get(url).json() == queued | {"status": "completed", "progress": 100} | done


def test_every_answer_is_signed(http, finished):
    """Answers carry a request id and a time; a status also says when to ask again."""
    status = http.get(f"/videos/{finished}")
    refused = http.get("/videos/video_none")
    for answer in (status, refused):
        assert answer.headers["x-request-id"].startswith("req_")
        assert int(answer.headers["openai-processing-ms"]) >= 0
    assert status.headers["x-request-id"] != refused.headers["x-request-id"]
    assert status.headers["openai-poll-after-ms"] == "250"


def test_the_content_is_the_asked_video(http, finished):
    """The file is H.264 of the asked size and length, and is rendered once."""
    answer = http.get(f"/videos/{finished}/content")
    assert answer.headers["content-type"] == "video/mp4"
    assert int(answer.headers["content-length"]) == len(answer.content)
    with av.open(io.BytesIO(answer.content)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert (stream.width, stream.height, stream.pix_fmt) == (160, 96, "yuv420p")
        assert container.duration / av.time_base == pytest.approx(2, abs=1 / 24)
    again = http.get(f"/videos/{finished}/content", params={"variant": "video"})
    assert again.content == answer.content
    assert again.headers["etag"] == answer.headers["etag"]


def test_a_part_of_the_content(http, finished):
    """`Range` is answered with 206 and the very bytes; `If-Range` guards a resumed download."""
    url = f"/videos/{finished}/content"
    whole = http.get(url)
    part = http.get(url, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    tail = http.get(url, headers={"range": "bytes=-10", "if-range": whole.headers["etag"]})
    assert (tail.status_code, tail.content) == (206, whole.content[-10:])
    other = http.get(url, headers={"range": "bytes=-10", "if-range": '"older"'})
    assert (other.status_code, other.content) == (200, whole.content)
    outside = http.get(url, headers={"range": "bytes=99999999-"})
    assert outside.status_code == 416
    assert outside.headers["content-range"] == f"bytes */{len(whole.content)}"


def test_content_asked_for_by_many_is_rendered_once(sandbox, http, finished):
    """Readers at the same time wait for one rendering and get the same bytes."""
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: http.get(f"/videos/{finished}/content").content, range(8))
        assert len({hashlib.sha256(data).hexdigest() for data in answers}) == 1
    assert sandbox._server.backend.renders.made == 1


def test_content_that_is_not_there(http, clock, finished):
    """Too early, failed, expired, another variant, or an unknown id: an error that says which."""
    early = http.post("/videos", json={"prompt": "a dog"}).json()["id"]
    failed = http.post("/videos", json={"prompt": "[[fault:fail]]"}).json()["id"]
    url = "/videos/{}/content"
    assert error_of(http.get(url.format(early))) == (404, "video_id", "video_not_ready")
    clock.move(5)
    assert error_of(http.get(url.format(failed))) == (404, "video_id", "video_failed")
    assert error_of(http.get(url.format("video_x"))) == (404, "video_id", None)
    for variant, code in (("thumbnail", "unsupported_value"), ("gif", "invalid_value")):
        answer = http.get(url.format(finished), params={"variant": variant})
        assert error_of(answer) == (400, "variant", code)
    clock.move(86_400)
    assert error_of(http.get(url.format(finished))) == (404, "video_id", "video_expired")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prompt"),
        ({"prompt": "x", "seconds": "99"}, "seconds"),
        ({"prompt": "x", "size": "a"}, "size"),
    ],
    ids=["no prompt", "seconds", "size"],
)
@pytest.mark.parametrize("kind", ["json", "data"])
def test_a_wrong_parameter_is_a_400(http, sandbox, body, param, kind):
    """The parameter is named, and no job is made."""
    answer = http.post("/videos", **{kind: body})
    assert error_of(answer)[:2] == (400, param)
    assert sandbox.jobs == []


@pytest.mark.parametrize(
    ("content_type", "raw", "status"),
    [
        ("application/json", b"{", 400),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=b", b"x", 400),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n", 400),
        ("text/plain", b"a cat", 415),
    ],
    ids=["json", "no boundary", "no parts", "no name", "text"],
)
def test_a_broken_body_is_refused(http, content_type, raw, status):
    """A body that cannot be parsed never becomes a server error."""
    answer = http.post("/videos", content=raw, headers={"content-type": content_type})
    assert error_of(answer)[0] == status


def test_a_body_that_is_too_large_is_refused(http):
    """More than 32 MiB are a 413, whether announced or streamed."""
    big = 32 * 1024 * 1024 + 1
    announced = http.post("/videos", content=b"x" * big, headers={"content-type": "text/plain"})
    assert error_of(announced) == (413, None, "request_too_large")
    chunks = (b"x" * 65_536 for _ in range(big // 65_536 + 1))
    streamed = http.post("/videos", content=chunks, headers={"content-type": "text/plain"})
    assert error_of(streamed) == (413, None, "request_too_large")


def test_a_key_is_needed(sandbox):
    """Any bearer token or `api-key` will do; without one the answer is OpenAI's 401."""
    with httpx.Client(base_url=sandbox.base_url) as http:
        for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer"}):
            assert error_of(http.get("/videos", headers=headers)) == (401, None, None)
        for headers in ({"authorization": "Bearer x"}, {"api-key": "x"}):
            assert http.get("/videos", headers=headers).status_code == 200


def test_unknown_urls_and_methods_are_in_the_envelope(http):
    """A wrong path is a 404, a wrong method a 405, both as OpenAI writes errors."""
    assert error_of(http.get("/images"))[0] == 404
    assert error_of(http.put("/videos"))[0] == 405
    assert error_of(http.get("/videos/"))[0] == 404


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1", "/openai"])
def test_the_api_is_mounted_for_openai_and_azure(sandbox, prefix):
    """All three prefixes reach the same jobs, with Azure's `api-version` ignored."""
    headers = {"api-key": "x"}
    with httpx.Client(base_url=sandbox.azure_url + prefix, headers=headers) as http:
        params = {"api-version": "preview"}
        made = http.post("/videos", json={"prompt": "a cat"}, params=params).json()
        assert http.get(f"/videos/{made['id']}", params=params).json()["id"] == made["id"]
    assert [job.id for job in sandbox.jobs] == [made["id"]]


def test_json_and_forms_make_the_same_job(http, sandbox):
    """One request in JSON, multipart and a plain form: three equal jobs."""
    fields = {"prompt": "a cat", "seconds": "8", "size": "1280x720"}
    bracketed = {"input_reference[image_url]": "https://example.com/a.png"}
    http.post("/videos", json=fields | {"input_reference": {"image_url": bracketed.popitem()[1]}})
    parts = {name: (None, value) for name, value in fields.items()}
    reference = {"input_reference[image_url]": (None, "https://example.com/a.png")}
    http.post("/videos", files=parts | reference)
    http.post("/videos", data=fields | {"input_reference[image_url]": "https://example.com/a.png"})
    assert {(job.prompt, job.seconds, job.size) for job in sandbox.jobs} == {
        ("a cat", 8, "1280x720")
    }
    assert len(sandbox.jobs) == 3
    sent = [request.fields for request in sandbox.requests]
    assert sent[0] == sent[1] == sent[2]


def test_the_list_has_pages(http, clock):
    """The newest first, `after` and `limit` walk on, `order=asc` turns it round."""
    ids = [http.post("/videos", json={"prompt": str(i)}).json()["id"] for i in range(5)]
    clock.move(5)
    first = http.get("/videos", params={"limit": 2}).json()
    assert first["object"] == "list"
    assert [video["id"] for video in first["data"]] == [ids[4], ids[3]]
    assert [video["status"] for video in first["data"]] == ["completed"] * 2
    assert (first["first_id"], first["last_id"], first["has_more"]) == (ids[4], ids[3], True)
    rest = http.get("/videos", params={"after": ids[3]}).json()
    assert [video["id"] for video in rest["data"]] == [ids[2], ids[1], ids[0]]
    assert rest["has_more"] is False
    oldest = http.get("/videos", params={"limit": 1, "order": "asc"}).json()
    assert [video["id"] for video in oldest["data"]] == [ids[0]]
    for query in ({"limit": "101"}, {"limit": "x"}, {"order": "up"}, {"after": "video_x"}):
        assert error_of(http.get("/videos", params=query))[:2] == (400, next(iter(query)))


def test_an_empty_list(http):
    """No jobs: no ids, no more."""
    assert http.get("/videos").json() == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


def test_a_deleted_video_is_gone(http, sandbox, finished):
    """Status, content and a second deletion answer 404; the sandbox still shows the job."""
    url = f"/videos/{finished}"
    assert http.delete(url).json() == {"id": finished, "object": "video.deleted", "deleted": True}
    for answer in (http.get(url), http.get(f"{url}/content"), http.delete(url)):
        assert error_of(answer) == (404, "video_id", None)
    assert [job.deleted for job in sandbox.jobs] == [True]


def test_a_remix_inherits(http, sandbox, finished):
    """A remix has its own prompt, and the model, length and size of its source."""
    remix = http.post(f"/videos/{finished}/remix", json={"prompt": "a dog"}).json()
    wanted = {"prompt": "a dog", "seconds": "2", "size": "160x96", "model": "sora-2"}
    assert remix | wanted == remix
    assert remix["remixed_from_video_id"] == finished
    assert error_of(http.post(f"/videos/{finished}/remix", json={}))[:2] == (400, "prompt")
    running = http.post(f"/videos/{remix['id']}/remix", json={"prompt": "a cow"})
    assert error_of(running) == (400, "video_id", "video_not_ready")
    assert error_of(http.post("/videos/video_x/remix", json={"prompt": "x"}))[0] == 404


def test_edits_and_extensions_start_from_a_video(http, sandbox, finished):
    """A finished video or an uploaded one; an extension counts the stitched total."""
    source = {"id": finished}
    edit = http.post("/videos/edits", json={"prompt": "bluer", "video": source}).json()
    assert (edit["seconds"], edit["size"], edit["remixed_from_video_id"]) == ("2", "160x96", None)
    longer = {"prompt": "more", "video[id]": finished, "seconds": "4"}
    assert http.post("/videos/extensions", data=longer).json()["seconds"] == "6"
    file = {"video": ("a.mp4", http.get(f"/videos/{finished}/content").content, "video/mp4")}
    uploaded = http.post("/videos/edits", data={"prompt": "redder"}, files=file).json()
    assert (uploaded["seconds"], uploaded["size"]) == ("2", "160x96")
    assert [(str(job.operation), job.source_id) for job in sandbox.jobs[1:]] == [
        ("edit", finished),
        ("extend", finished),
        ("edit", None),
    ]
    described = sandbox.requests[-1].fields["video"]
    assert (described["filename"], described["bytes"]) == ("a.mp4", len(file["video"][1]))
    broken = http.post("/videos/edits", data={"prompt": "x"}, files={"video": b"no video"})
    assert error_of(broken)[:2] == (400, "video")
    no_seconds = http.post("/videos/extensions", json={"prompt": "x", "video": source})
    assert error_of(no_seconds)[:2] == (400, "seconds")


def test_a_character_is_a_named_upload(http, finished):
    """A character comes from a video file and can be read back."""
    file = {"video": ("a.mp4", http.get(f"/videos/{finished}/content").content, "video/mp4")}
    made = http.post("/videos/characters", data={"name": "Tom"}, files=file).json()
    assert made == {"id": made["id"], "name": "Tom", "created_at": BORN_S + 1}
    assert http.get(f"/videos/characters/{made['id']}").json() == made
    assert error_of(http.get("/videos/characters/char_x"))[:2] == (404, "character_id")
    assert error_of(http.post("/videos/characters", data={"name": "Tom"}))[:2] == (400, "video")
    assert error_of(http.post("/videos/characters", files=file))[:2] == (400, "name")


def test_a_repeated_key_replays(http, sandbox, clock):
    """The same key and parameters answer as the first time, whatever the encoding, with no job."""
    key = {"idempotency-key": "k1"}
    first = http.post("/videos", json={"prompt": "a cat", "seconds": 8}, headers=key)
    clock.move(5)
    parts = {"prompt": (None, "a cat"), "seconds": (None, "8")}
    again = http.post("/videos", files=parts, headers=key)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert [(job.idempotency_key, job.replays) for job in sandbox.jobs] == [("k1", 1)]
    assert [request.idempotency_key for request in sandbox.requests] == ["k1", "k1"]


def test_a_key_belongs_to_its_parameters(http, sandbox, finished):
    """The same key with other parameters, or another operation, is a 400 that names them."""
    key = {"idempotency-key": "k1"}
    http.post("/videos", json={"prompt": "a cat", "seconds": "8"}, headers=key)
    other = http.post("/videos", json={"prompt": "a cat", "seconds": "4"}, headers=key)
    assert error_of(other) == (400, "seconds", "idempotency_key_reused")
    remix = http.post(f"/videos/{finished}/remix", json={"prompt": "a cat"}, headers=key)
    assert error_of(remix)[2] == "idempotency_key_reused"
    assert "seconds, the operation, the source" in remix.json()["error"]["message"]
    assert len(sandbox.jobs) == 2


def test_requests_at_once_with_one_key_make_one_job(sandbox):
    """Thirty creates with one key, all at the same time: one job, one answer."""

    async def create_all() -> list[str]:
        key = KEY | {"idempotency-key": "k1"}
        async with httpx.AsyncClient(base_url=sandbox.base_url, headers=key) as http:
            creates = [http.post("/videos", json={"prompt": "a cat"}) for _ in range(30)]
            return [answer.json()["id"] for answer in await asyncio.gather(*creates)]

    assert len(set(asyncio.run(create_all()))) == 1
    assert [job.replays for job in sandbox.jobs] == [29]


def test_requests_are_recorded_without_secrets(http, sandbox):
    """Method, path, query, headers, fields, status and time of every request; never the key."""
    http.post("/videos?x=1", json={"prompt": "a cat"}, headers={"api-key": "sk-canary"})
    (seen,) = sandbox.requests
    assert (seen.method, seen.path, seen.query, seen.status) == ("POST", "/v1/videos", "x=1", 200)
    assert seen.fields == {"prompt": "a cat"}
    assert seen.received_at.timestamp() == BORN_S
    assert seen.answered_after_s > 0
    assert (seen.headers["authorization"], seen.headers["api-key"]) == ("***", "***")
    assert "sk-" not in json.dumps(dict(seen.headers))
