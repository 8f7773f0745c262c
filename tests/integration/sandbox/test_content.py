"""Downloads, over plain HTTP."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import av
import pytest


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


def test_content_that_is_not_there(error_of, http, clock, finished):
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
