"""Real files, made by PyAV: the parser reads what FFmpeg reads."""

from decimal import Decimal
from fractions import Fraction

import pytest
from mp4_kit import movie, probed, real_mp4

from vidobs.core.mp4 import Mp4Reader, VideoProbe, probe

B_FRAMES = {"preset": "medium", "bf": "3", "g": "12"}
SHORT_GROUPS = {"preset": "ultrafast", "g": "12"}


def moved_to_the_end(data):
    """Put the index of a file behind its media, as a muxer without `faststart` does."""
    boxes, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        boxes.append(data[at : at + size])
        at += size
    return b"".join(sorted(boxes, key=lambda box: box[4:8] == b"moov"))


FILES = {
    "plain": {},
    "index first": {"options": {"moov_size": "8192"}},
    "reordered frames": {"encoder": B_FRAMES, "frames": 48},
    "29.97": {"rate": Fraction(30_000, 1001), "frames": 120},
    "23.976": {"rate": Fraction(24_000, 1001), "frames": 96},
    "60": {"rate": Fraction(60), "frames": 60},
    "12.5": {"rate": Fraction(25, 2), "frames": 25},
    "with sound": {"sound": True, "frames": 36},
    "hevc": {"codec": "libx265"},
    "av1": {"codec": "libsvtav1"},
    "vp9": {"codec": "libvpx-vp9"},
    "mpeg4": {"codec": "mpeg4"},
    "odd size": {"size": (130, 98)},
    "quicktime": {"fmt": "mov"},
    "starts late": {"first_pts": 24, "encoder": B_FRAMES},
    "beginning cut off": {"first_pts": -12, "frames": 48},
    "beginning cut off, reordered": {"first_pts": -12, "frames": 48, "encoder": B_FRAMES},
    "fragments": {
        "frames": 60,
        "encoder": SHORT_GROUPS,
        "options": {"movflags": "frag_keyframe+empty_moov"},
    },
    "fragments after samples": {
        "frames": 60,
        "encoder": SHORT_GROUPS,
        "options": {"movflags": "frag_keyframe"},
    },
    "fragments with sound": {
        "frames": 60,
        "sound": True,
        "encoder": B_FRAMES,
        "options": {"movflags": "frag_keyframe+empty_moov+delay_moov"},
    },
    "a fragment per frame": {
        "frames": 30,
        "options": {"movflags": "frag_every_frame+empty_moov+default_base_moof"},
    },
    "cmaf": {"frames": 60, "encoder": B_FRAMES, "options": {"movflags": "cmaf+frag_keyframe"}},
}


@pytest.mark.parametrize("how", FILES.values(), ids=FILES)
def test_a_real_file_is_read_as_ffmpeg_reads_it(how):
    """Length, size, frame rate, sound and codec are those that FFmpeg finds."""
    data = real_mp4(**how)
    seconds, size, rate, sound, codec = probed(data)
    said = probe(data)
    assert said.seconds == round(Decimal(seconds.numerator) / seconds.denominator, 6)
    assert (said.size, said.audio, said.codec) == (size, sound, codec)
    assert said.fps == round(Decimal(rate.numerator) / rate.denominator, 3)


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(Fraction(30_000, 1001), "29.97"), (Fraction(24_000, 1001), "23.976"), (Fraction(60), "60")],
)
def test_a_frame_rate_is_exact_and_short(rate, shown):
    """29.97 frames a second are said as such, not as a long fraction."""
    assert str(probe(real_mp4(rate=rate)).fps) == shown


@pytest.mark.parametrize("step", [1, 7, 1000, 10**9])
@pytest.mark.parametrize("name", ["plain", "index first", "fragments with sound"])
def test_the_pieces_a_file_comes_in_do_not_matter(name, step):
    """A file that comes byte by byte is read as one that comes at once."""
    data = real_mp4(**FILES[name])
    reader = Mp4Reader()
    for start in range(0, len(data), step):
        reader.feed(data[start : start + step])
    assert reader.probe == probe(data)
    assert reader.probe.seconds is not None


def test_the_index_may_stand_behind_the_media():
    """A file without `faststart` is read all the same."""
    data = real_mp4(options={"moov_size": "8192"})
    behind = moved_to_the_end(data)
    assert behind.index(b"moov") > behind.index(b"mdat")
    assert probe(behind) == probe(data)
    assert probe(behind).seconds == 1


def test_gigabytes_pass_without_being_kept():
    """Nothing of the media is stored, also where its size has 64 bits."""
    reader = Mp4Reader()
    head, tail = movie(media=b"").split(b"\0\0\0\x08mdat")[0], movie()
    ftyp, moov = head[:20], head[20:]
    media = 5 << 30
    reader.feed(ftyp + b"\0\0\0\x01mdat" + (media + 16).to_bytes(8, "big"))
    chunk = bytes(1 << 20)
    for _ in range(media // len(chunk)):
        reader.feed(chunk)
        assert not reader._kept
    reader.feed(moov)
    assert reader.probe == probe(tail)
    assert not reader.cut


def test_a_file_that_ends_early_is_told_from_a_whole_one():
    """A body without a length is known to be cut off by the box that it ends in."""
    data = movie()
    for length, cut in ((len(data), False), (len(data) - 1, True), (60, True), (20, False)):
        reader = Mp4Reader()
        reader.feed(data[:length])
        assert reader.cut is cut


def test_what_is_no_video_says_nothing():
    """An error page, a picture or nothing is no video, and no reason to raise."""
    for data in (b"", b"x", b'{"error": {"message": "no"}}', b"\x89PNG\r\n\x1a\n" * 9, bytes(4096)):
        assert probe(data) is None


def test_a_probe_is_plain_data():
    """What a file says can be compared and stored."""
    assert probe(movie()) == VideoProbe(
        seconds=Decimal(8), size="720x1280", fps=Decimal(24), audio=False, codec="avc1"
    )
