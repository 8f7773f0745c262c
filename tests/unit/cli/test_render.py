"""Tables, totals and trees, as the demo and the commands show them."""

import itertools
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from vidobs.cli.render import cost_text, jobs_table, length, spend_line, trace_tree
from vidobs.core.events import SpanRecord, spans_of
from vidobs.core.jobs import JobState
from vidobs.core.money import Cost, CostStatus
from vidobs.core.span_tree import placed


def drawn(renderable: object, width: int = 100) -> list[str]:
    """Return what a terminal would show, line by line."""
    console = Console(width=width, color_system=None)
    with console.capture() as shown:
        console.print(renderable)
    return [line.rstrip() for line in shown.get().splitlines()]


def test_the_trace_is_a_tree_in_time(a_job, events):
    """Children hang under their parents, with start, length and state; the job has its cost."""
    assert drawn(trace_tree(a_job(1), events)) == [
        "trace 4bf92f3577b34da6a3ce929d0e0e4736",
        "└── generate_content sora-2  ━                +0.00   0.25 s  queued",
        "    ├── video_job sora-2     ━━━━━━━━━━━━━━━━ +0.00  14.00 s  $0.80  completed",
        "    └── fetch_response         ━              +2.00   0.10 s  in_progress",
    ]


def test_a_failed_span_names_its_error(a_job, events, a_span):
    """An error is behind the span that failed, and a foreign trace is named."""
    span = a_span("fetch_response", "cccc", at=3, lasts=1, trace_id="f" * 32, error_type="TimeoutX")
    event = msgspec.structs.replace(events[0], spans=(*events[0].spans, span))

    assert drawn(trace_tree(a_job(1), [event]), 120)[2].endswith(
        f"+3.00   1.00 s  TimeoutX  in trace {'f' * 32}"
    )


def test_a_job_without_events_has_an_empty_tree(a_job):
    """Nothing recorded is said, not hidden."""
    assert drawn(trace_tree(a_job(1), [])) == [
        "trace 4bf92f3577b34da6a3ce929d0e0e4736  no spans recorded"
    ]


def test_a_span_in_several_events_is_shown_once(events, a_span):
    """The last form of a span counts."""
    again = a_span("generate_content sora-2", "00f067aa0ba902b7", at=0, lasts=9)
    later = msgspec.structs.replace(events[2], spans=(again,))

    assert [span.duration_s for span in spans_of([events[0], later])] == [9.0]


@settings(deadline=None)  # a machine may be busy
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"), st.sampled_from([*"abcdefg", None]), st.integers(0, 9)
        ),
        max_size=8,
        unique_by=lambda span: span[0],
    )
)
def test_every_span_has_exactly_one_place(spans):
    """Orphans and circles of parents included, no span is lost or doubled."""
    records = [
        SpanRecord(name=i, trace_id="t", span_id=i, parent_id=p, start_ns=s, end_ns=s + 1)
        for i, p, s in spans
    ]

    places = placed(records)

    assert sorted(place.span.span_id for place in places) == sorted(span[0] for span in spans)
    assert all(place.offset_s >= 0 for place in places)
    assert all(later.depth <= earlier.depth + 1 for earlier, later in itertools.pairwise(places))


def test_ids_are_cut_where_they_still_differ(a_job):
    """Jobs of the same millisecond are told apart."""
    twins = [
        msgspec.structs.replace(a_job(1), job_id=f"job_019aa0b1c2d170000000000000000{end}")
        for end in ("0a1", "0b1")
    ]

    rows = [line.split()[0] for line in drawn(jobs_table(twins)) if line.strip().startswith("job_")]

    assert rows == ["job_019aa0b1c2d1700000000000000000a", "job_019aa0b1c2d1700000000000000000b"]


def test_the_same_job_twice_is_no_riddle(a_job):
    """A list that holds a job twice is drawn all the same."""
    assert len(drawn(jobs_table([a_job(1), a_job(1)]))) > 3


def test_the_total_counts_only_what_ended(jobs):
    """Estimates, possible spend and unknown costs are named beside the total, not in it."""
    assert spend_line(jobs).plain == (
        "total $0.80 for 4 jobs; possibly $0.80 more; 1 of unknown cost; 1 not finished"
    )
    assert spend_line(jobs[-1:]).plain == "total $0.80 for 1 job"
    assert spend_line([]).plain == "total $0.00 for 0 jobs"


def test_a_create_of_unknown_outcome_is_possible_spend(a_job):
    """A job that nobody knows the outcome of is neither spent nor unfinished."""
    cost = Cost(status=CostStatus.UNKNOWN, possible_usd=Decimal("0.8"))
    job = a_job(1, state=JobState.UNKNOWN, cost=cost)

    assert spend_line([job]).plain == "total $0.00 for 1 job; possibly $0.80 more"


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (Cost(), "unknown"),
        (Cost(status=CostStatus.QUOTED, usd=Decimal("1.5")), "~$1.50"),
        (Cost(status=CostStatus.RESERVED, usd=Decimal("1.5")), "~$1.50"),
        (Cost(status=CostStatus.SETTLED, usd=Decimal("0.000123")), "$0.000123"),
        (Cost(status=CostStatus.SETTLED), "unknown"),
        (Cost(status=CostStatus.RELEASED, usd=Decimal(0)), "$0.00"),
        (Cost(status=CostStatus.RELEASED, usd=Decimal(0), possible_usd=Decimal(2)), "$2.00?"),
    ],
)
def test_cost_in_a_table(cost, text):
    """An estimate, a doubt and an unknown figure each look like one."""
    assert cost_text(cost).plain == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0, "0.00 s"), (1.534, "1.53 s"), (92.04, "92.0 s")]
)
def test_length(seconds, text):
    """Short times have two places, long ones one, unknown ones none."""
    assert length(seconds).plain == text
