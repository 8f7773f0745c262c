"""The state of a job as a function of the clock."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from vidobs.core.calls import Operation
from vidobs.sandbox.jobs import NS, Course, Failure, Size, State, Status, StoredJob

BORN_NS = 1_800_000_000 * NS
ORDER = [Status.QUEUED, Status.IN_PROGRESS, Status.COMPLETED]


def a_job(course: Course | None = None) -> StoredJob:
    """Return a job that was just created."""
    return StoredJob(
        id="video_1",
        operation=Operation.CREATE,
        model="sora-2",
        prompt="a cat",
        seconds=4,
        size=Size(720, 1280),
        created_ns=BORN_NS,
        course=course or Course(),
        digests={},
    )


def at(seconds: float, course: Course | None = None) -> State:
    """Return the state some seconds after the creation."""
    return a_job(course).state(BORN_NS + round(seconds * NS))


def test_a_job_is_queued_then_rendering_then_completed():
    """The usual course: 0.3 s in the queue, 1.5 s of rendering, kept for a day."""
    assert at(0) == State(status=Status.QUEUED, progress=0)
    assert at(0.299) == State(status=Status.QUEUED, progress=0)
    assert at(0.3) == State(status=Status.IN_PROGRESS, progress=0)
    assert at(1.05) == State(status=Status.IN_PROGRESS, progress=50)
    assert at(1.799) == State(status=Status.IN_PROGRESS, progress=99)
    assert at(1.8) == State(
        status=Status.COMPLETED,
        progress=100,
        completed_ns=BORN_NS + 1_800_000_000,
        expires_ns=BORN_NS + 1_800_000_000 + 86_400 * NS,
    )


def test_a_failing_job_ends_early_and_has_no_content():
    """A failure comes after 60 % of the rendering, without a time of completion."""
    course = Course(stops_at=0.6, failure=Failure("server_error", "no"))
    assert at(1.19, course).status is Status.IN_PROGRESS
    assert at(1.21, course) == State(status=Status.FAILED, progress=60)
    assert at(9_999_999, course) == State(status=Status.FAILED, progress=60)


def test_the_time_scale_stretches_everything():
    """A tenth of the time for the queue, the rendering and the life of the content."""
    done = at(0.18, Course.scaled(0.1))
    assert done.completed_ns == BORN_NS + 180_000_000
    assert done.expires_ns == BORN_NS + 180_000_000 + 8_640 * NS


def test_content_expires():
    """The content is there until its expiry, and gone from then on."""
    done = at(2)
    assert not done.is_expired(done.expires_ns - 1)
    assert done.is_expired(done.expires_ns)
    assert not at(0).is_expired(BORN_NS)


@given(st.floats(0, 10), st.floats(0, 10), st.floats(0.001, 5))
def test_time_only_moves_a_job_forward(one: float, other: float, scale: float):
    """Neither status nor progress ever goes back."""
    early, late = sorted([one, other])
    before, after = at(early, Course.scaled(scale)), at(late, Course.scaled(scale))
    assert before.progress <= after.progress
    assert ORDER.index(before.status) <= ORDER.index(after.status)


def test_only_a_remix_shows_its_source():
    """`remixed_from_video_id` is for remixes, though every derived job knows its source."""
    derived = replace(a_job(), source_id="video_0")
    assert replace(derived, operation=Operation.REMIX).remixed_from == "video_0"
    assert replace(derived, operation=Operation.EDIT).remixed_from is None
