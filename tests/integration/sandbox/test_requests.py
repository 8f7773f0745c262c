"""How requests are read, refused and recorded."""

import json

import httpx
import pytest

BORN_S = 1_800_000_000


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
def test_a_wrong_parameter_is_a_400(error_of, http, sandbox, *, body, param, kind):
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
def test_a_broken_body_is_refused(error_of, http, content_type, raw, status):
    """A body that cannot be parsed never becomes a server error."""
    answer = http.post("/videos", content=raw, headers={"content-type": content_type})
    assert error_of(answer)[0] == status


def test_a_body_that_is_too_large_is_refused(error_of, http):
    """More than 32 MiB are a 413, whether announced or streamed."""
    big = 32 * 1024 * 1024 + 1
    announced = http.post("/videos", content=b"x" * big, headers={"content-type": "text/plain"})
    assert error_of(announced) == (413, None, "request_too_large")
    chunks = (b"x" * 65_536 for _ in range(big // 65_536 + 1))
    streamed = http.post("/videos", content=chunks, headers={"content-type": "text/plain"})
    assert error_of(streamed) == (413, None, "request_too_large")


def test_a_key_is_needed(error_of, sandbox):
    """Any bearer token or `api-key` will do; without one the answer is OpenAI's 401."""
    with httpx.Client(base_url=sandbox.base_url) as http:
        for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer"}):
            assert error_of(http.get("/videos", headers=headers)) == (401, None, None)
        for headers in ({"authorization": "Bearer x"}, {"api-key": "x"}):
            assert http.get("/videos", headers=headers).status_code == 200


def test_unknown_urls_and_methods_are_in_the_envelope(error_of, http):
    """A wrong path is a 404, a wrong method a 405, both as OpenAI writes errors."""
    assert error_of(http.get("/images"))[0] == 404
    assert error_of(http.put("/videos"))[0] == 405
    assert error_of(http.get("/videos/"))[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/videos", {"GET", "HEAD", "POST"}),
        ("POST", "/videos/video_x", {"DELETE", "GET", "HEAD"}),
        ("GET", "/videos/video_x/remix", {"POST"}),
        ("DELETE", "/videos/characters/char_x", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(http, method, path, allowed):
    """A 405 lists every method of the path, as RFC 9110 wants."""
    answer = http.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed


def test_every_answer_says_what_is_left_of_the_rate_limit(http, clock):
    """Each request takes one of a minute's requests, and time gives them back."""
    names = [f"x-ratelimit-{what}-requests" for what in ("limit", "remaining", "reset")]

    def limits(path: str) -> list[str]:
        headers = http.get(path).headers
        return [headers[name] for name in names]

    assert limits("/videos") == ["1000", "999", "60ms"]
    assert limits("/nothing/there") == ["1000", "998", "120ms"]
    clock.move(60)
    assert limits("/videos/video_x") == ["1000", "999", "60ms"]


@pytest.mark.parametrize(
    "characters",
    ['[{"id": "char_1"}, {"id": "char_2"}]', None],
    ids=["one field of JSON", "brackets"],
)
def test_objects_in_forms(http, sandbox, characters):
    """Objects arrive the same whether a form has them as JSON text or in bracketed fields."""
    one = {"input_reference": '{"file_id": "file-1"}', "characters": characters}
    many = {"input_reference[file_id]": "file-1", "characters[][id]": ["char_1", "char_2"]}
    answer = http.post("/videos", data={"prompt": '{"a": 1}'} | (one if characters else many))
    assert answer.status_code == 200
    assert sandbox.requests[0].fields == {
        "prompt": '{"a": 1}',
        "input_reference": {"file_id": "file-1"},
        "characters": [{"id": "char_1"}, {"id": "char_2"}],
    }
    assert http.post("/videos", data={"prompt": "a", "characters": "[{"}).status_code == 400


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
