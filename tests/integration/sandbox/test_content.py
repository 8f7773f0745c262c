"""Downloads, over plain HTTP."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import av
import pytest
from PIL import Image, ImageChops, ImageStat


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


@pytest.mark.parametrize(
    ("variant", "kind", "suffix", "size"),
    [
        ("thumbnail", "image/webp", "webp", (160, 96)),
        ("spritesheet", "image/jpeg", "jpg", (5 * 160, 2 * 96)),
    ],
)
def test_a_picture_of_the_video(http, finished, *, variant, kind, suffix, size):
    """A thumbnail is one WebP, a spritesheet ten tiles in one JPEG; a part of either can be had."""
    url = f"/videos/{finished}/content"
    answer = http.get(url, params={"variant": variant})
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-disposition"].endswith(f'{finished}.{suffix}"')
    with Image.open(io.BytesIO(answer.content)) as image:
        assert f"image/{image.format.lower()}" == kind
        assert image.size == size
        assert len(image.convert("RGB").getcolors(1 << 20)) > 100  # not blank
    assert answer.headers["etag"] != http.get(url).headers["etag"]
    part = http.get(url, params={"variant": variant}, headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, answer.content[4:8])


def test_the_tiles_of_a_spritesheet_are_the_video(http, finished):
    """The first tile is the first frame of the file, the last one its last frame."""
    url = f"/videos/{finished}/content"
    sheet = Image.open(io.BytesIO(http.get(url, params={"variant": "spritesheet"}).content))
    with av.open(io.BytesIO(http.get(url).content)) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    for tile, frame in (((0, 0, 160, 96), frames[0]), ((640, 96, 800, 192), frames[-1])):
        difference = ImageChops.difference(sheet.crop(tile), frame)
        assert max(ImageStat.Stat(difference).mean) < 6


def test_a_large_video_has_a_small_picture(http, clock):
    """Pictures are scaled down to what a list of videos shows."""
    made = http.post("/videos", json={"prompt": "a cat", "size": "1280x720"}).json()["id"]
    clock.move(5)
    url = f"/videos/{made}/content"
    for variant, size in (("thumbnail", (512, 288)), ("spritesheet", (5 * 192, 2 * 108))):
        data = http.get(url, params={"variant": variant}).content
        assert Image.open(io.BytesIO(data)).size == size


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
    answer = http.get(url.format(finished), params={"variant": "gif"})
    assert error_of(answer) == (400, "variant", "invalid_value")
    assert "'video', 'thumbnail', 'spritesheet'" in answer.json()["error"]["message"]
    clock.move(86_400)
    assert error_of(http.get(url.format(finished))) == (404, "video_id", "video_expired")
