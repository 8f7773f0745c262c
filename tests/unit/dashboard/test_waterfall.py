"""The drawing of a job's phases: where bars lie, and what is said beside them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.core.job_objects import PhaseObject
from vidobs.dashboard.waterfall import Bar, Life, PollMark, waterfall


def phase(name, start, end, *, sure=None, **marks):
    """Return a phase; without `sure` all of it is certain."""
    first, last = sure or (start, end)
    given = {"estimated": False, "open": False, "failed": False} | marks
    return PhaseObject(
        name=name, start_s=start, sure_start_s=first, sure_end_s=last, end_s=end, **given
    )


def rows(life):
    """Return the rows by their names."""
    return {row.name: row for row in waterfall(life).rows}


def test_a_border_that_is_not_known_is_drawn_on_both_sides():
    """Between two polls it was queued or it rendered: that stretch is in both bars, unsure."""
    drawn = rows(
        Life(
            phases=(
                phase("queue", 0, 40, sure=(0, 20), estimated=True),
                phase("render", 20, 100, sure=(40, 90)),
            ),
            queue_s=40,
            render_s=60,
        )
    )
    assert drawn["queue"].bars == (Bar(0, 20, sure=True), Bar(20, 20, sure=False))
    assert drawn["queue"].note == "about 20.0 s to 40.0 s"
    assert drawn["render"].bars == (
        Bar(20, 20, sure=False),
        Bar(40, 50, sure=True),
        Bar(90, 10, sure=False),
    )
    assert (drawn["render"].length_s, drawn["render"].note) == (60, "50.0 s to 1m 20s")


def test_a_phase_of_which_no_moment_is_certain():
    """Where certainty would end before it begins, everything is unsure."""
    drawn = rows(Life(phases=(phase("render", 0, 10, sure=(8, 3)),)))
    assert drawn["render"].bars == (Bar(0, 100, sure=False),)


def test_what_goes_on_ends_at_a_line_that_says_now():
    """There is a little room behind it, and no length that could be taken for the last word."""
    made = waterfall(Life(phases=(phase("queue", 0, 100, sure=(0, 60), open=True),), queue_s=3))
    assert made.now == pytest.approx(100 / 1.03, abs=0.001)
    assert (made.rows[0].length_s, made.rows[0].note) == (100, "so far")
    assert waterfall(Life(phases=(phase("queue", 0, 100),))).now is None


def test_polls_are_ticks():
    """Those that failed look otherwise, and those that changed nothing are counted."""
    polls = (PollMark(5, "queued", None), PollMark(10, None, "APITimeoutError"))
    row = rows(Life(phases=(phase("queue", 0, 20),), polls=polls, asked=7))["polls"]
    assert row.marks == ((25.0, False), (50.0, True))
    assert (row.note, row.length_s) == ("7, 2 recorded, 1 failed", None)


def test_attempts_and_failures_are_said():
    """A create that was sent twice, and a render that failed."""
    drawn = rows(
        Life(phases=(phase("submit", 0, 2), phase("render", 2, 9, failed=True)), attempts=2)
    )
    assert drawn["submit"].note == "2 attempts"
    assert (drawn["render"].note, drawn["render"].failed) == ("failed", True)


def test_a_late_download_does_not_squeeze_the_rest():
    """An hour after a job of a minute it is named, and not drawn."""
    drawn = waterfall(Life(phases=(phase("render", 0, 60), phase("download", 3600, 3602))))
    render, download = drawn.rows
    assert render.bars == (Bar(0, 100, sure=True),)
    assert (download.later, download.bars, download.note) == (True, (), "1h 00m after the create")


def test_the_shortest_phase_can_be_seen():
    """A create of a millisecond beside a render of an hour, at either end."""
    drawn = rows(Life(phases=(phase("submit", 0, 0.001), phase("render", 3599.999, 3600))))
    assert drawn["submit"].bars == (Bar(0, 0.35, sure=True),)
    assert drawn["render"].bars == (Bar(99.65, 0.35, sure=True),)


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (0.9, ["0", "0.2 s", "0.4 s", "0.6 s", "0.8 s"]),
        (20, ["0", "5 s", "10 s", "15 s", "20 s"]),
        (95, ["0", "30 s", "1m", "1m 30s"]),
        (5000, ["0", "15m", "30m", "45m", "1h", "1h 15m"]),
        (500_000, ["0", "1d", "2d", "3d", "4d", "5d"]),
    ],
)
def test_the_scale_has_round_marks(seconds, labels):
    """About six of them, whatever the length."""
    drawn = waterfall(Life(phases=(phase("render", 0, seconds),)))
    assert [label for _, label in drawn.scale] == labels


def test_a_job_of_which_nothing_is_known():
    """There is nothing to draw, and nothing to divide by."""
    drawn = waterfall(Life(phases=()))
    assert (drawn.rows, drawn.now) == ((), None)


_TIME = st.floats(0, 1e7, allow_nan=False)


@given(
    phases=st.lists(
        st.builds(
            lambda name, times, open_: phase(
                name, times[0], times[3], sure=(times[1], times[2]), open=open_
            ),
            st.sampled_from(["submit", "queue", "render", "download"]),
            st.tuples(_TIME, _TIME, _TIME, _TIME).map(sorted),
            st.booleans(),
        ),
        max_size=6,
    ),
    polls=st.lists(st.builds(PollMark, st.floats(-1e4, 1e8), st.none(), st.none()), max_size=5),
)
def test_nothing_is_drawn_outside(phases, polls):
    """Whatever the times are, bars and ticks stay within the width, and rows do not overlap."""
    drawn = waterfall(Life(phases=phases, polls=polls))
    for row in drawn.rows:
        assert all(bar.x >= 0 and bar.width > 0 and bar.x + bar.width <= 100.01 for bar in row.bars)
        assert all(0 <= x <= 100 for x, _ in row.marks)
    heights = [row.y for row in drawn.rows]
    assert heights == sorted(set(heights))
    assert all(row.top + 14 <= drawn.height for row in drawn.rows)
    assert len(drawn.scale) <= 12
