"""Posters: which frame is taken, how it is turned, and what is no video."""

import io
import random
import struct
from fractions import Fraction

import av
import pytest
from mp4_kit import real_mp4
from PIL import Image

from vidobs.media import picture

TURNED = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)  # clockwise


def film(lights, *, size=(128, 96), halves=False):
    """Return an MP4 of frames of these lights, 16 (black) to 235; `halves`: light on the left."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "g": "50"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.codec_context.thread_count = 1
        for number, light in enumerate(lights):
            frame = av.VideoFrame(*size, "yuv420p")
            y, u, v = frame.planes
            row = bytes([light]) * y.line_size
            if halves:
                row = bytes([light]) * (size[0] // 2) + b"\x10" * (y.line_size - size[0] // 2)
            y.update(row * size[1])
            for plane in (u, v):
                plane.update(b"\x80" * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return file.getvalue()


def shown(tmp_path, data):
    """Return the poster of a file as a picture."""
    path = tmp_path / "video.mp4"
    path.write_bytes(data)
    made = picture.poster(path)
    return None if made is None else Image.open(io.BytesIO(made))


def light(image):
    """Return how light a picture is on average, 0 to 255."""
    return image.convert("L").resize((1, 1)).getpixel((0, 0))


@pytest.mark.parametrize(
    ("size", "height"), [((128, 96), 240), ((640, 360), 180), ((360, 640), 569)]
)
def test_a_poster_is_a_jpeg_of_320_pixels(tmp_path, size, height):
    """Its shape is that of the video."""
    poster = shown(tmp_path, film([100] * 10, size=size))
    assert (poster.format, poster.mode, poster.size) == ("JPEG", "RGB", (320, height))


def test_the_frame_at_a_tenth_is_taken(tmp_path):
    """Frame 10 of 100 is light; those before are not, and it is no key frame."""
    poster = shown(tmp_path, film([60] * 10 + [220] + [60] * 89))
    assert light(poster) > 200


def test_black_frames_are_passed_over(tmp_path):
    """A film that fades in is shown from where something can be seen."""
    poster = shown(tmp_path, film([16] * 40 + [200] * 60))
    assert light(poster) > 180


def test_a_film_that_is_all_dark_has_a_poster_too(tmp_path):
    """Of black frames the lightest is taken."""
    poster = shown(tmp_path, film([16] * 20 + [30] + [16] * 29))
    assert poster is not None
    assert light(poster) < 30


def test_one_frame_is_enough(tmp_path):
    """A video of one frame has a poster."""
    assert shown(tmp_path, film([150])).size == (320, 240)


def test_a_turned_video_is_shown_as_a_player_does(tmp_path):
    """The light left half is on top after a quarter turn clockwise, and the shape upright."""
    data = film([220] * 10, size=(128, 96), halves=True)
    at = data.index(b"tkhd") + 4 + 40
    poster = shown(tmp_path, data[:at] + TURNED + data[at + 36 :])

    assert poster.size == (320, 427)
    assert light(poster.crop((0, 0, 320, 200))) > 180
    assert light(poster.crop((0, 230, 320, 427))) < 40


@pytest.mark.parametrize("codec", ["libx265", "libsvtav1", "libvpx-vp9"])
def test_other_codecs_are_shown(tmp_path, codec):
    """Whatever the FFmpeg inside PyAV decodes."""
    assert shown(tmp_path, real_mp4(codec=codec)).size == (320, 240)


@pytest.mark.parametrize(
    "data",
    [b"", b"no video", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"ffconcat version 1.0\n"],
    ids=["empty", "text", "playlist", "list"],
)
def test_what_is_no_mp4_has_no_poster(tmp_path, data):
    """Nor is any other format looked for in it, such as one that names other files."""
    assert shown(tmp_path, data) is None


def test_a_video_in_another_format_has_no_poster(tmp_path):
    """Even one that FFmpeg would open: of its formats some fetch whatever a file names."""
    assert shown(tmp_path, real_mp4(fmt="matroska")) is None


def test_a_file_that_is_too_large_a_picture_is_not_decoded(tmp_path, monkeypatch):
    """The size stands in the file before any frame."""
    data = film([100] * 5)
    monkeypatch.setattr(picture, "MOST_PIXELS", 128 * 96 - 1)
    assert shown(tmp_path, data) is None


def test_damaged_files_do_no_harm(tmp_path):
    """Of a hundred damaged files each has a poster or none, and nothing is raised."""
    random.seed(7)
    whole = film([100] * 30)
    made = 0
    for _ in range(100):
        data = bytearray(whole[: random.choice((len(whole), random.randrange(len(whole))))])
        for _ in range(random.choice((1, 20))):
            if data:
                data[random.randrange(len(data))] = random.randrange(256)
        made += shown(tmp_path, bytes(data)) is not None
    assert 0 < made < 100


def test_a_missing_package_is_noticed(monkeypatch):
    """Without PyAV or Pillow there are no posters."""
    assert not picture.missing()
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    assert picture.missing()
