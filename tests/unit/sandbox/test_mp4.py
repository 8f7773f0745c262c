"""The rendered files, looked at with PyAV."""

import io

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidobs.sandbox.jobs import Size
from vidobs.sandbox.mp4 import Probe, RenderStoppedError, frame_rate, probe_mp4, render_mp4
from vidobs.sandbox.picture import Clip


def a_clip(width: int = 64, height: int = 96, seconds: int = 1, text: str = "a cat") -> Clip:
    """Return a small clip."""
    return Clip(text=text, caption="m", size=Size(width, height), seconds=seconds, hue=0.3)


@pytest.mark.parametrize(
    ("width", "height", "seconds"),
    [(720, 1280, 4), (1280, 720, 2), (832, 480, 5), (16, 16, 60), (16, 1920, 1), (1920, 16, 1)],
)
def test_a_file_is_what_was_asked_for(width: int, height: int, seconds: int):
    """H.264 in yuv420p, of exactly the size and the length, with every frame decodable."""
    clip = a_clip(width, height, seconds)
    with av.open(io.BytesIO(render_mp4(clip))) as container:
        stream = container.streams.video[0]
        shape = (stream.codec_context.name, stream.pix_fmt, stream.width, stream.height)
        frames = sum(1 for _ in container.decode(stream))
        length_s = container.duration / av.time_base
    assert shape == ("h264", "yuv420p", width, height)
    assert frames == frame_rate(clip) * seconds
    assert length_s == pytest.approx(seconds, abs=0.001)


def test_the_index_stands_in_front():
    """A player can start before the whole file is there, for the longest file too."""
    for seconds in (1, 60):
        data = render_mp4(a_clip(16, 16, seconds))
        assert data[4:8] == b"ftyp"
        assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_the_picture_moves():
    """Frames differ, so that the file looks like a video."""
    with av.open(io.BytesIO(render_mp4(a_clip()))) as container:
        frames = [frame.to_image().tobytes() for frame in container.decode(video=0)]
    assert len(set(frames)) > len(frames) // 2


def test_the_same_clip_gives_the_same_bytes():
    """A file that fell out of the cache comes back unchanged, so a download can be resumed."""
    assert render_mp4(a_clip(720, 1280)) == render_mp4(a_clip(720, 1280))


def test_the_prompt_is_in_the_picture():
    """Two prompts are two pictures."""
    assert render_mp4(a_clip(text="a cat")) != render_mp4(a_clip(text="a dog"))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=300))
def test_any_prompt_can_be_drawn(text: str):
    """No prompt stops the rendering."""
    assert probe_mp4(render_mp4(a_clip(text=text))) == Probe(Size(64, 96), 1.0)


def test_a_long_large_video_has_fewer_frames():
    """The work for one file is bounded, its length is not touched."""
    assert frame_rate(a_clip(720, 1280, 8)) == 24
    assert frame_rate(a_clip(1920, 1080, 10)) == 12
    assert frame_rate(a_clip(1920, 1920, 60)) == 6


def test_a_rendering_can_be_stopped():
    """A stopping server does not wait for a file."""
    with pytest.raises(RenderStoppedError):
        render_mp4(a_clip(), stopped=lambda: True)


@pytest.mark.parametrize("data", [b"", b"not a video", b"\x00" * 1000])
def test_what_is_no_video_has_no_probe(data: bytes):
    """An upload that cannot be read is said to be so."""
    assert probe_mp4(data) is None
