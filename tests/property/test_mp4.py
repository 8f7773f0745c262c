"""Any bytes, and any file changed anyhow: the parser says something plausible or nothing."""

import struct
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from mp4_kit import box, elst, mdhd, moof, movie, mvex, mvhd, stsd, stts, tkhd, trak, trun

from vidobs.core.mp4 import Mp4Reader, probe
from vidobs.core.mp4_tracks import MOST_FPS, MOST_SECONDS

SOURCES = [
    movie(),
    movie(trak(edits=box(b"edts", elst((4000, 0), (4000, -1))))),
    movie(trak(table=(stsd(), stts())), after=mvex(duration=1)) + moof(trun(9), time=0),
]
changes = st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=9)), max_size=6)


def fed(data, steps):
    """Return what a reader says that gets the file in pieces of these sizes."""
    reader = Mp4Reader()
    at = 0
    for step in steps:
        reader.feed(data[at : at + step])
        at += step
    reader.feed(data[at:])
    return reader.probe, reader.cut


def is_plausible(said):
    """Whether a video can be like that."""
    if said is None:
        return True
    lengths = said.seconds is None or 0 < said.seconds <= MOST_SECONDS
    rates = said.fps is None or 0 < said.fps <= MOST_FPS
    return lengths and rates and (said.codec is None or said.codec.isprintable())


@given(st.binary(max_size=400), st.lists(st.integers(0, 40), max_size=20))
def test_any_bytes_behind_a_beginning_are_taken(tail, steps):
    """Garbage in the index raises nothing, and comes out the same in any pieces."""
    data = box(b"ftyp", b"isom") + struct.pack(">I4s", 0, b"moov") + tail
    assert fed(data, steps) == fed(data, [])
    assert is_plausible(probe(data))


@given(st.sampled_from(SOURCES), changes, st.lists(st.integers(0, 90), max_size=30))
def test_a_file_changed_anyhow_is_taken(source, changed, steps):
    """Whatever is overwritten, nothing is raised, and pieces do not matter."""
    data = bytearray(source)
    for place, new in changed:
        data[place : place + len(new)] = new
    assert fed(bytes(data), steps) == fed(bytes(data), [])
    assert is_plausible(probe(bytes(data)))


@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(1, 5000)), min_size=1, max_size=20),
    st.integers(600, 90_000),
    st.integers(1, 9000),
    st.integers(1, 9000),
)
def test_the_length_is_the_sum_of_its_samples(rows, timescale, width, height):
    """However the samples are written down, they add up; the size is that of the frame."""
    ticks = sum(count * delta for count, delta in rows)
    track = trak(
        head=tkhd(duration=ticks * 1000 // timescale),
        media=mdhd(timescale=timescale, duration=ticks),
        table=(stsd(size=(width, height)), stts(*rows)),
    )
    said = probe(movie(track, head=mvhd(duration=0)))
    exact = Fraction(ticks, timescale)
    assert said.size == f"{width}x{height}"
    assert said.seconds == round(Decimal(exact.numerator) / exact.denominator, 6)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(0, 1 << 40))
def test_fragments_in_a_row_add_up(counts, begin):
    """The length does not depend on how a video is cut into fragments, nor where it starts."""
    track = trak(media=mdhd(duration=0), table=(stsd(), stts()), head=tkhd(duration=0))
    data = movie(track, after=mvex())
    at = begin
    for count in counts:
        data += moof(trun(count), time=at)
        at += count * 1000
    said = probe(data)
    assert said.seconds == round(Decimal(sum(counts)) / 24, 6)
    assert said.fps == (24 if sum(counts) > 1 else None)
