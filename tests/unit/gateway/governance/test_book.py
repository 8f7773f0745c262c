"""The budgets in memory, step by step, over a projection that is a plain dict."""

import msgspec
import pytest

from vidobs.core.jobs import JobState
from vidobs.gateway.governance.book import Book, Claim, Passed, Shortfall
from vidobs.gateway.governance.durations import Span
from vidobs.gateway.governance.figures import Figures, made_ms
from vidobs.gateway.governance.holders import Holder
from vidobs.gateway.governance.records import GATEWAY, Kind

AT = 1_700_000_000_000
KEY = (Kind.KEY, "vk")
WHOSE = (KEY, GATEWAY)


class Rows:
    """What the projection counts, by job."""

    def __init__(self):
        self.all = {}

    def counted(self, job_id):
        """Return what a job came to."""
        return self.all.get(job_id, 0)

    def spent(self, whose, window, without):  # noqa: ARG002 - all are of one key and window
        """Sum up all but some."""
        return sum(nano for job_id, nano in self.all.items() if job_id not in without)


@pytest.fixture
def rows():
    """An empty projection."""
    return Rows()


@pytest.fixture
def book(rows):
    """Budgets over it."""
    return Book(rows)


def claim(job_id, nano=10, **holder):
    """Return what a create wants."""
    party = (Holder(whose=KEY, name="key vk", **holder),)
    return Claim(job_id=job_id, at_ms=AT, nano=nano, whose=WHOSE, party=party, model="sora")


def job(job_id, nano, state=JobState.COMPLETED):
    """Return a job as the ledger has it."""
    return Figures(
        job_id=job_id,
        at_ms=AT,
        owner="vk",
        provider="openai",
        operation="create",
        model="sora",
        state=state,
        cost_status="settled",
        nano=nano,
    )


def project(book, rows, *jobs, mark):
    """Commit a batch of the projection."""
    before = [(one, rows.counted(one.job_id)) for one in jobs]

    def commit():
        rows.all |= {one.job_id: one.nano for one in jobs if one.final}

    book.projected(before, mark, commit)


def sums(book):
    """Return what a key holds and spent."""
    standing = book.standing(KEY, None, AT)
    return standing.held, standing.spent


def test_the_same_job_is_held_once(book):
    """A create that is tried again under its id holds what it held."""
    assert book.reserve(claim("a", max_nano=10)) == ()
    assert book.reserve(claim("a", max_nano=10)) == ()
    assert sums(book) == (10, 0)
    assert isinstance(book.reserve(claim("b", max_nano=10)), Shortfall)


def test_what_is_newer_than_a_batch_stays(book, rows):
    """A job that ended while a batch was being read counts as it ended, before and after."""
    book.reserve(claim("a", max_nano=100))
    mark, ended = book.ended()
    assert ended == ()
    book.follow(job("a", 7))
    project(book, rows, job("a", 10, JobState.QUEUED), mark=mark)
    assert sums(book) == (0, 7)
    project(book, rows, job("a", 9), mark=mark)  # read before the last correction
    assert sums(book) == (0, 7)
    assert book.ended() == (1, ("a",))
    project(book, rows, job("a", 7), mark=1)
    assert sums(book) == (0, 7)
    assert book.ended() == (1, ())


def test_a_batch_that_is_first_settles_what_was_held(book, rows):
    """The outbox may be read before the one who recorded a job says so."""
    book.reserve(claim("a", max_nano=100))
    project(book, rows, job("a", 7), mark=0)
    assert sums(book) == (0, 7)
    book.follow(job("a", 7))
    assert sums(book) == (0, 7)


def test_a_batch_that_cannot_be_committed_changes_nothing(book, rows):
    """The file is full: what is counted stays as it was, and the next try counts it."""
    book.reserve(claim("a", max_nano=100))

    def full():
        raise OSError

    with pytest.raises(OSError, match=r"^$"):
        book.projected([(job("a", 7), 0)], 0, full)
    assert sums(book) == (10, 0)
    project(book, rows, job("a", 7), mark=0)
    assert sums(book) == (0, 7)


def test_another_process_may_move_the_projection(book, rows):
    """Its ends are ours: what we hold of them is let go, and the sums are read again."""
    book.reserve(claim("a", max_nano=100))
    book.reserve(claim("b", max_nano=100))
    rows.all["a"] = 7
    book.reread(["a"])
    assert sums(book) == (10, 7)


def test_a_job_of_another_process_is_held_too(book, rows):
    """The outbox tells of it when it is accepted, of a changed price, and of its end."""
    project(book, rows, job("a", 10, JobState.QUEUED), mark=0)
    project(book, rows, job("a", 12, JobState.IN_PROGRESS), mark=0)
    assert sums(book) == (12, 0)
    assert book.running(KEY) == 1
    project(book, rows, job("a", 11), mark=0)
    assert sums(book) == (0, 11)
    assert book.running(KEY) == 0


def test_a_soft_budget_is_passed_with_the_claim(book):
    """Whoever reaches it is told of, every time; telling once is another's work."""
    assert book.reserve(claim("a", soft_nano=15)) == ()
    (passed,) = book.reserve(claim("b", soft_nano=15))
    assert isinstance(passed, Passed)
    assert (passed.standing.held, passed.standing.spent) == (20, 0)


def test_windows_that_nobody_asks_for_any_more_go(book, rows):
    """A budget by the minute leaves no trail in memory."""
    minute = Span(1, "m")
    for number in range(50):
        book.standing(KEY, minute, AT + number * 60_000)
    assert len(book._tallies[KEY]) <= 4


def test_the_time_of_a_job_is_in_its_id():
    """To the millisecond, whatever a clock says later."""
    assert made_ms("job_0190163d8694739b9cea7f6b3b3c2f5b") == 0x0190163D8694
    assert msgspec.structs.replace(job("a", 1), state=JobState.UNKNOWN).busy is False
