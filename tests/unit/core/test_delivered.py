"""Whether a file is what was asked for."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from vidobs.core.calls import Operation, VideoRequest
from vidobs.core.delivered import Compared, compared, mismatch
from vidobs.core.jobs import Job, JobState, TraceRef, VideoFile

ASKED = {"seconds": Decimal(8), "size": "720x1280"}
GOT = {"seconds": Decimal(8), "size": "720x1280", "fps": Decimal(24), "audio": True}


def said(asked, got, **job):
    """Return what is said of a job that asked for one thing and got another."""
    ended = Job(
        job_id="job_1",
        provider="openai",
        dialect="openai_videos",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        trace=TraceRef("a" * 32, "b" * 16),
        state=JobState.COMPLETED,
        request=VideoRequest(**{**ASKED, **asked}),
        file=None if got is None else VideoFile(**{**GOT, **got}),
        **job,
    )
    return mismatch(ended)


@pytest.mark.parametrize(
    ("asked", "got", "text"),
    [
        ({}, {"seconds": Decimal(5)}, "asked 8 s 720x1280, got 5 s"),
        ({}, {"seconds": Decimal("8.500001")}, "asked 8 s 720x1280, got 8.5 s"),
        ({}, {"seconds": Decimal("7.499")}, "asked 8 s 720x1280, got 7.499 s"),
        ({}, {"size": "1280x720"}, "asked 8 s 720x1280, got 1280x720"),
        (
            {},
            {"seconds": Decimal("4.004"), "size": "480x854"},
            "asked 8 s 720x1280, got 4.004 s 480x854",
        ),
        ({"seconds": None}, {"size": "64x64"}, "asked 720x1280, got 64x64"),
        ({"size": None}, {"seconds": Decimal(5)}, "asked 8 s, got 5 s"),
        ({"audio": True}, {"audio": False}, "asked 8 s 720x1280 with sound, got no sound"),
        ({"fps": Decimal(60)}, {}, "asked 8 s 720x1280 60 fps, got 24 fps"),
        ({"size": "1080p"}, {}, "asked 8 s 1080p, got 720x1280"),
    ],
)
def test_a_difference_is_said_with_both_sides(asked, got, text):
    """What was asked for, and what came instead."""
    assert said(asked, got) == text


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ({}, {}),
        ({}, {"seconds": Decimal("8.5")}),  # half a second is nothing
        ({}, {"seconds": Decimal("7.5")}),
        ({"size": "854x480"}, {"size": "848x480"}),  # whole blocks of 16
        ({"size": "1920x1080"}, {"size": "1920x1088"}),
        ({"size": "1280X720"}, {"size": "1280x720"}),
        ({"size": "720p"}, {}),
        ({"size": "480P"}, {"size": "832x480"}),
        ({"size": "16:9"}, {}),  # a shape, no size
        ({"size": "auto"}, {}),
        ({"size": "hd"}, {}),  # nobody knows what that is
        ({"fps": Decimal(30)}, {"fps": Decimal("29.97")}),
        ({"audio": False}, {"audio": True}),  # more than was asked for
        ({"audio": True}, {"audio": None}),
        ({"seconds": None, "size": None}, {}),
        ({"seconds": Decimal("NaN")}, {}),
        ({"fps": Decimal("Infinity")}, {}),
        ({}, {"seconds": None, "size": None, "fps": None, "audio": None}),
        ({}, None),
    ],
)
def test_what_is_equal_or_not_known_is_no_difference(asked, got):
    """Nothing is said where the file fits, or where that cannot be told."""
    assert said(asked, got) is None


def test_the_length_of_an_extension_is_not_compared():
    """Its file holds the source as well; its size still has to be right."""
    longer = {"seconds": Decimal(16)}
    assert said({}, longer, operation=Operation.EXTEND) is None
    wrong = {**longer, "size": "64x64"}
    assert said({}, wrong, operation=Operation.EXTEND) == "asked 8 s 720x1280, got 64x64"


def test_what_was_asked_for_stands_beside_what_came():
    """Every property has a line, also where one side says nothing."""
    job = Job(
        job_id="job_1",
        provider="openai",
        dialect="openai_videos",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        trace=TraceRef("a" * 32, "b" * 16),
        request=VideoRequest(seconds=Decimal(8), size="720x1280", audio=True),
        file=VideoFile(seconds=Decimal("5.042"), size="720x1280", fps=Decimal(24), audio=False),
    )
    assert compared(job) == (
        Compared("length", "8 s", "5.042 s", differs=True),
        Compared("size", "720x1280", "720x1280", differs=False),
        Compared("frame rate", None, "24 fps", differs=False),
        Compared("sound", "with sound", "no sound", differs=True),
    )


def test_before_a_download_nothing_differs():
    """What is not known is no mismatch."""
    job = Job(
        job_id="job_1",
        provider="openai",
        dialect="openai_videos",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        trace=TraceRef("a" * 32, "b" * 16),
        request=VideoRequest(seconds=Decimal(8), size="720x1280", audio=True),
    )
    assert [(each.got, each.differs) for each in compared(job)] == [(None, False)] * 4
