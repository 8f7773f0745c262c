"""Files built by hand, box by box: the odd, the wrong and the hostile."""

from decimal import Decimal

import pytest
from mp4_kit import (
    box,
    ctts,
    elst,
    full,
    hdlr,
    ints,
    mdhd,
    moof,
    movie,
    mvex,
    mvhd,
    stsd,
    stts,
    tkhd,
    trak,
    trun,
)

from vidobs.core import mp4, mp4_boxes, mp4_tracks
from vidobs.core.mp4 import Mp4Reader, probe

SOUND = trak(head=tkhd(track_id=2, size=(0, 0)), handler=hdlr(b"soun"))
NEGATIVE = stts((1, 0xFFFFFF00))


def seconds(*tracks, **movie_parts):
    """Return the length that a file of these tracks is read as."""
    return probe(movie(*tracks, **movie_parts)).seconds


def edited(*rows, version=0, offset=0):
    """Return a track of 8 s with an edit list."""
    table = (stsd(), stts((192, 1000)), ctts((192, offset)))
    return trak(edits=box(b"edts", elst(*rows, version=version)), table=table)


# -- lengths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("track", "length"),
    [
        (trak(), 8),
        (trak(head=tkhd(version=1), media=mdhd(version=1)), 8),
        (trak(media=mdhd(duration=0xFFFFFFFF)), 8),  # the header does not know
        (trak(media=mdhd(duration=0)), 8),
        (trak(media=mdhd(duration=120_000)), 5),  # the shorter one of two that disagree
        (trak(table=(stsd(), stts((100, 1000), (20, 2000)))), Decimal("5.833333")),
        (trak(table=(stsd(),)), 8),  # no table: the header counts
        (trak(table=(stsd(), stts((192, 1000), count=9))), 8),  # a table that ends too early
        (trak(table=(stsd(), stts((192, 0xFFFFFF00)))), 8),  # a negative length
        (trak(media=mdhd(timescale=90_000, duration=0), table=(stsd(), NEGATIVE)), None),
        (trak(media=mdhd(timescale=0)), 8),  # the track's header counts
        (trak(head=tkhd(duration=0), media=mdhd(timescale=0)), 8),  # the movie's header counts
        (trak(table=(stsd(), stts())), None),  # no samples, whatever the headers say
        (trak(media=mdhd(timescale=1), table=(stsd(), stts((1, 2_000_000)))), None),  # no video
    ],
)
def test_the_length_is_that_of_the_samples(track, length):
    """Samples count first, headers where there are none, and nothing where both are nonsense."""
    assert seconds(track) == length


@pytest.mark.parametrize(
    ("rows", "length"),
    [
        ([(8000, 0)], 8),
        ([(3000, 0)], 3),  # the end is cut off
        ([(5000, 72_000)], 5),  # the first three seconds are cut off
        ([(0, 72_000)], 5),  # the same, "to the end"
        ([(20_000, 0)], 8),  # it cannot show more than there is
        ([(2000, -1), (8000, 0)], 8),  # shown two seconds late
        ([(4000, 0), (4000, 0)], 8),
        ([(3000, 0), (3000, 0)], 6),  # shown twice
        ([(16_000, 0, 0x8000)], 16),  # at half the speed
        ([(5000, -1)], 8),  # nothing is shown at all: not credible
        ([(8001, 0)], 8),  # the movie's clock is coarse
    ],
)
@pytest.mark.parametrize("version", [0, 1])
def test_an_edit_list_decides_what_is_shown(rows, length, version):
    """The length is that of what a player shows."""
    assert seconds(edited(*rows, version=version)) == length


def test_an_offset_for_reordered_frames_cuts_nothing():
    """A list that only makes up for the order of frames leaves the length as it is."""
    assert seconds(edited((8000, 2000), offset=2000)) == 8
    assert seconds(edited((0, 26_000), offset=2000)) == 7


def test_a_rate_without_the_noise_of_a_coarse_clock():
    """Frames that are rounded to milliseconds still come 29.97 times a second."""
    table = (stsd(), stts((160, 33), (80, 34)))  # 8 s and 240 frames would be exact at 30
    assert probe(movie(trak(media=mdhd(timescale=1000, duration=0), table=table))).fps == 30
    table = (stsd(), stts((152, 33), (88, 34)))
    said = probe(movie(trak(media=mdhd(timescale=1000, duration=0), table=table)))
    assert (said.fps, said.seconds) == (Decimal("29.97"), Decimal("8.008"))
    table = (stsd(), stts((63, 33), (37, 34)))  # 3.33667 s, rounded
    assert probe(movie(trak(media=mdhd(timescale=1000), table=table))).fps == Decimal("29.97")


@pytest.mark.parametrize("rows", [[(1, 192_000)], [(4_000_000_000, 1)]])
def test_a_rate_that_no_video_has_is_not_said(rows):
    """One frame has no rate, and a billion frames a second are a lie."""
    assert probe(movie(trak(table=(stsd(), stts(*rows))))).fps is None


# -- size, codec, sound, tracks --------------------------------------------------------------------


def test_the_size_is_as_shown():
    """A file that is turned on its side while it is shown has the size that is seen."""
    turned = trak(head=tkhd(turned=True), table=(stsd(size=(1280, 720)), stts((192, 1000))))
    assert probe(movie(turned)).size == "720x1280"


def test_the_track_header_helps_out():
    """Without a size in the sample entry that of the track counts; with neither it is unknown."""
    unknown = (stsd(size=(0, 0)), stts((192, 1000)))
    assert probe(movie(trak(table=unknown))).size == "720x1280"
    assert probe(movie(trak(head=tkhd(size=(0, 0)), table=unknown))).size is None


@pytest.mark.parametrize(
    ("written", "read"), [(b"hvc1", "hvc1"), (b"raw ", "raw"), (b"a\nb\x00", None)]
)
def test_a_codec_is_four_plain_characters(written, read):
    """What could forge a log line is no codec."""
    assert probe(movie(trak(table=(stsd(written), stts((192, 1000)))))).codec == read


@pytest.mark.parametrize(
    ("sound", "heard"),
    [
        (SOUND, True),
        (trak(handler=hdlr(b"soun"), table=(stsd(), stts())), False),  # a track without a sound
        (trak(handler=hdlr(b"text")), False),
        (b"", False),
    ],
)
def test_sound_is_a_track_with_samples(sound, heard):
    """Only a track that holds sound counts as sound."""
    assert probe(movie(trak(), sound)).audio is heard


def test_sound_is_unknown_while_the_index_is_not_read():
    """A file that ends amid its index does not say that it is silent."""
    data = movie(trak(), SOUND)
    reader = Mp4Reader()
    reader.feed(data[: data.index(b"soun") - 200])
    assert (reader.probe.seconds, reader.probe.audio) == (8, None)


def test_the_track_that_is_shown_counts():
    """A disabled track, a picture of the cover or an empty track is not the video."""
    other = (stsd(b"jpeg", (64, 64)), stts((1, 24)))
    disabled = trak(head=tkhd(enabled=False), table=other)
    empty = trak(table=(stsd(b"jpeg"), stts()))
    assert probe(movie(disabled, empty, SOUND, trak(), trak(table=other))).codec == "avc1"
    assert probe(movie(disabled)).codec == "jpeg"
    assert probe(movie(SOUND)) is None


def test_a_handler_of_the_data_does_not_count():
    """QuickTime writes a second `hdlr`, into `minf`: it says nothing of the track."""
    table = box(b"stbl", stsd(), stts((192, 1000)))
    media = box(b"mdia", mdhd(), hdlr(), box(b"minf", hdlr(b"alis"), table))
    assert seconds(box(b"trak", tkhd(), media)) == 8


# -- fragments -------------------------------------------------------------------------------------

EMPTY = trak(media=mdhd(duration=0), table=(stsd(), stts()), head=tkhd(duration=0))


@pytest.mark.parametrize(
    ("parts", "length"),
    [
        ([moof(trun(96), time=0), moof(trun(96), time=96_000)], 8),
        ([moof(trun(96)), moof(trun(96))], 8),  # without times
        ([moof(trun(96, durations=[1000] * 96), time=0)], 4),
        ([moof(trun(48), trun(48), time=0)], 4),
        ([moof(trun(96), time=0, default=500)], 2),  # a default of the fragment's own
        ([moof(trun(96), time=0), moof(trun(96), time=0)], 4),  # the same piece twice
        ([moof(trun(96), time=9_000_000), moof(trun(96), time=9_096_000)], 8),  # starts late
        ([moof(trun(96), time=0), moof(trun(96), time=1 << 60)], 8),  # a hole is not a length
        ([moof(trun(96), time=0), moof(trun(96), track_id=7, time=96_000)], 4),  # nobody's
        ([], 30),  # nothing came: what was announced
        ([moof(trun(9, durations=[1]), time=0)], 30),  # a run that cannot be read
        ([moof(trun(96), time=0, default=0)], 30),
        ([moof(trun(96), time=0), moof(trun(96), time=96_000, default=0)], 30),
    ],
)
def test_the_length_of_fragments(parts, length):
    """The length is that of the pieces that are there, each once."""
    data = movie(EMPTY, after=mvex(duration=30_000)) + b"".join(parts)
    assert probe(data).seconds == length


def test_fragments_have_a_rate_and_an_edit_list():
    """24 frames a second; and a list that cuts off a second cuts it off the whole, not a piece."""
    edits = box(b"edts", elst((1000, 24_000)))
    track = trak(media=mdhd(duration=0), table=(stsd(), stts()), edits=edits)
    data = movie(track, after=mvex()) + moof(trun(96), time=0) + moof(trun(96), time=96_000)
    assert (probe(data).seconds, probe(data).fps) == (7, 24)


# -- lies ------------------------------------------------------------------------------------------


def test_a_box_cannot_reach_out_of_the_one_it_is_in():
    """A size beyond the parent's end is taken as the parent's end."""
    lying = full(b"mdhd", ints(0, 0, 24_000, 192_000, 0), size=1 << 30)
    stbl = box(b"stbl", stsd(), stts((192, 1000)))
    inner = box(b"mdia", hdlr(), box(b"minf", stbl), lying)
    assert seconds(box(b"trak", tkhd(), inner)) == 8
    sound = box(b"mdia", hdlr(b"soun"), box(b"minf", box(b"stbl", stsd(size=(9, 9)), lying)))
    assert seconds(box(b"trak", tkhd(track_id=2), sound), trak()) == 8


@pytest.mark.parametrize("size", range(8))
def test_a_box_smaller_than_its_header_ends_its_parent(size):
    """Nothing behind such a box can be found; what is outside of its parent still is."""
    broken = box(b"junk", size=size) + bytes(32)
    assert seconds(box(b"trak", broken), trak(), after=broken) == 8
    assert probe(broken + movie()) is None
    assert probe(box(b"junk") + movie()) is None  # nothing that an MP4 begins with


def test_a_size_in_64_bits_may_be_too_small_or_endless():
    """The large size is believed no more than the small one."""
    for large in (0, 15, (1 << 64) - 1):
        head = b"\0\0\0\x01free" + large.to_bytes(8, "big")
        assert probe(head + movie()) is None
    assert probe(b"\0\0\0\x01free" + (16).to_bytes(8, "big") + movie()).seconds == 8


def test_every_cut_and_every_changed_byte_is_survived():
    """A damaged file says less, or something else, and raises nothing."""
    data = movie(edited((8000, 0)), SOUND, after=mvex()) + moof(trun(2, durations=[1, 2]), time=0)
    for place in range(len(data)):
        probe(data[:place])
        for value in (0, 1, 0x7F, 0xFF):
            probe(data[:place] + bytes([value]) + data[place + 1 :])


def test_what_is_read_is_bounded():
    """A file of endless boxes, tracks, edits or tables costs a bounded amount, and says less."""
    reader = Mp4Reader()
    reader.feed(box(b"free") * (mp4.MOST_BOXES + 1))
    reader.feed(movie())
    assert reader.probe is None

    rows = mp4.MOST_BOX_BYTES // 8 + 1
    table = full(b"stts", ints(rows), ints(1, 1000) * rows)
    assert seconds(trak(media=mdhd(duration=24_000), table=(stsd(), table))) == 1  # not read

    many = [trak(head=tkhd(enabled=False))] * mp4_tracks.MOST_TRACKS
    assert seconds(*many, trak(table=(stsd(), stts((24, 1000))))) == 8  # one too many

    assert seconds(edited(*[(1, 0)] * (mp4_boxes.MOST_EDITS + 1))) == 8  # as if there were no list


def test_fragments_beyond_the_bounds_make_the_length_unknown():
    """A sum over some of the pieces is no length."""
    big = trun(260_000, durations=[1] * 260_000)
    head = movie(EMPTY, head=mvhd(duration=0), after=mvex())
    assert probe(head + moof(trun(96), time=0) + moof(big)).seconds == Decimal("14.833333")
    huge = full(b"trun", ints(300_000, 100), bytes(1_200_000), flags=0x101)
    assert probe(head + moof(trun(96), time=0) + moof(huge)).seconds is None
    most = mp4.MOST_READ_BYTES // len(big) + 1
    assert probe(head + moof(trun(96), time=0) + moof(big) * most).seconds is None
