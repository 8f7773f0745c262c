"""What is typed to find jobs, taken apart."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.core import ids
from vidobs.dashboard.page import BadQueryError
from vidobs.dashboard.pages.jobs_search import DIGITS_OF_TIME, Search, created_between, read_search

OURS = "job_0199f77bf40676c8aa8d95b8c1020001"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (None, Search()),
        ("   ", Search()),
        ("tag:team=film", Search(tags=(("team", "film"),))),
        ("tag:team=a=b", Search(tags=(("team", "a=b"),))),
        (
            'tag:"team=big film" user:"Ada L"',
            Search(tags=(("team", "big film"),), users=("Ada L",)),
        ),
        ("user:ada kitten  sun", Search(users=("ada",), words="kitten sun")),
        (
            "kitten user:ada sun tag:a=b",
            Search(tags=(("a", "b"),), users=("ada",), words="kitten sun"),
        ),
        ("username:ada", Search(words="username:ada")),
    ],
)
def test_terms_and_words(typed, found):
    """`tag:` and `user:` stand anywhere, quoted where they hold blanks; the rest are words."""
    assert read_search(typed) == found


@pytest.mark.parametrize("typed", ["tag:team", "tag:=film", 'tag:""x', "k" * 501])
def test_what_makes_no_sense_is_refused(typed):
    """A tag has a name and a value, and nobody types a novel."""
    with pytest.raises(BadQueryError):
        read_search(typed)


@pytest.mark.parametrize(
    ("typed", "digits", "whole"),
    [
        (OURS, OURS[4:], OURS),
        (OURS[4:], OURS[4:], OURS),
        (OURS[4:].upper(), OURS[4:], OURS),
        ("job_0199", "0199", None),
        ("job_", "", None),
        ("0199f77b", "0199f77b", None),
        ("facade", None, None),  # a word
        ("video_1", None, None),
        ("job_xyz", None, None),
        (f"{OURS} {OURS}", None, None),
    ],
)
def test_beginnings_of_our_ids(typed, digits, whole):
    """Without their prefix, ids are told from words by their length."""
    found = read_search(typed)
    assert (found.digits, found.whole_id) == (digits, whole)


@given(ms=st.integers(0, 7_258_118_400_000), length=st.integers(0, DIGITS_OF_TIME))
def test_the_time_of_a_beginning_holds_every_job_that_begins_so(ms, length):
    """Ids begin with their millisecond; a beginning of it is a stretch of time."""
    job_id = ids.job_id(ms * 1_000_000, 0)
    since, until = created_between(job_id[4 : 4 + length])
    assert since <= datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms) < until


def test_the_whole_time_names_one_millisecond():
    """Nothing is left to guess."""
    since, until = created_between(OURS[4 : 4 + DIGITS_OF_TIME])
    assert until - since == timedelta(milliseconds=1)


def test_times_beyond_the_calendar():
    """An id that begins with f is of a year that Python does not have."""
    assert created_between("ffff") is None
