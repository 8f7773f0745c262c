"""Every fault, in every way to call: the caller sees what the bare SDK shows, the ledger why."""

from decimal import Decimal
from typing import NamedTuple

import pytest
from fault_kit import MODES, StoppedError, seen_by_caller

from vidobs.core.jobs import AssetState, JobState, Reason
from vidobs.core.money import CostBasis, CostStatus
from vidobs.sandbox import FAULTS
from vidobs.testing import assert_one_job

MODERATED_IN = ("moderation_blocked", "Your request was blocked by our moderation system.")
MODERATED_OUT = ("moderation_blocked", "The generated video was blocked by moderation.")
BROKEN = ("server_error", "The video could not be generated.")
LIMITED = (
    "rate_limit_exceeded",
    "Rate limit reached for requests per minute: limit 25. Please try again in 1s.",
)
BEGUN = ("video.submitted", "video.started", "video.progress")
DONE = (*BEGUN, "video.progress", "video.completed")

REFUSED = (CostStatus.RELEASED, None, Decimal(0), None)
MAYBE = (CostStatus.UNKNOWN, None, None, Decimal("0.20"))
UNSTATED = (CostStatus.RELEASED, CostBasis.POLICY_UNKNOWN, Decimal(0), Decimal("0.20"))
HELD = (CostStatus.RESERVED, CostBasis.REQUESTED, Decimal("0.20"), None)
PROBED = (CostStatus.SETTLED, CostBasis.PROBED, Decimal("0.20"), None)
ASKED_FOR = (CostStatus.SETTLED, CostBasis.REQUESTED, Decimal("0.20"), None)


class Expected(NamedTuple):
    """What becomes of a job with a fault; by default it ends well and its file is read."""

    state: JobState = JobState.COMPLETED
    reason: Reason | None = None
    error: tuple[str, str] | None = None
    cost: tuple = PROBED  # status, basis, usd, possible_usd
    asset: AssetState = AssetState.DOWNLOADED
    seconds: int | None = 2  # of the file, where one was read
    events: tuple[str, ...] = (*DONE, "video.downloaded")
    polls: int = 4  # in the record: unchanged ones are written with the next change
    asked: int = 5  # GETs of the status; the last one is after the end
    attempts: int = 1
    raised: tuple[str, str] | None = None  # verb and exception


def refused(reason, error, raised, *, attempts=1):
    """The create is answered with an error: there is no job, and it costs nothing."""
    return Expected(
        state=JobState.FAILED,
        reason=reason,
        error=error,
        cost=REFUSED,
        asset=AssetState.NONE,
        events=("video.failed",),
        polls=0,
        asked=0,
        attempts=attempts,
        raised=("create", raised),
    )


def unknown(raised):
    """The create raises although the job exists: it is not sent again, and may cost."""
    return Expected(
        state=JobState.UNKNOWN,
        cost=MAYBE,
        asset=AssetState.NONE,
        events=("video.unknown",),
        polls=0,
        asked=0,
        raised=("create", raised),
    )


def failed(reason, error, raised=None):
    """The job fails; where that comes with an HTTP error, the caller asks until he gives up."""
    return Expected(
        state=JobState.FAILED,
        reason=reason,
        error=error,
        cost=UNSTATED,
        asset=AssetState.NONE,
        events=(*BEGUN, "video.failed"),
        polls=3,
        asked=6 if raised else 4,
        raised=("poll", raised) if raised else None,
    )


EXPECTED = {
    "fail": failed(Reason.PROVIDER_ERROR, BROKEN),
    "moderation_input": refused(Reason.MODERATION_INPUT, MODERATED_IN, "BadRequestError"),
    "moderation_output": failed(Reason.MODERATION_OUTPUT, MODERATED_OUT),
    "rate_limit": refused(Reason.RATE_LIMITED, LIMITED, "RateLimitError", attempts=3),
    "error_after_accept": unknown("InternalServerError"),
    "slow_after_accept": unknown("APITimeoutError"),
    "cut_after_accept": unknown("APIConnectionError"),
    "stuck": Expected(
        state=JobState.IN_PROGRESS,
        cost=HELD,
        asset=AssetState.NONE,
        events=BEGUN,
        polls=2,
        asked=12,
        raised=("poll", "StoppedError"),
    ),
    "slow_progress": Expected(polls=7, asked=8),
    "wrong_duration": Expected(
        cost=(CostStatus.SETTLED, CostBasis.PROBED, Decimal("0.10"), None),
        seconds=1,
        events=(*DONE, "video.downloaded", "video.mismatch"),
    ),
    "missing_fields": Expected(
        events=("video.submitted", "video.started", "video.completed", "video.downloaded")
    ),
    "failed_as_4xx": failed(Reason.MODERATION_OUTPUT, MODERATED_OUT, "BadRequestError"),
    "failed_as_5xx": failed(Reason.PROVIDER_ERROR, BROKEN, "InternalServerError"),
    "expired_asset": Expected(
        cost=ASKED_FOR,
        asset=AssetState.EXPIRED,
        events=(*DONE, "call.failed"),
        raised=("download", "NotFoundError"),
    ),
    "slow_download": Expected(),
    "stored_elsewhere": Expected(),
    "truncated_download": Expected(
        cost=ASKED_FOR,
        asset=AssetState.AVAILABLE,
        events=(*DONE, "call.failed"),
        raised=("download", "APIConnectionError"),
    ),
    "garbage_json": Expected(
        state=JobState.QUEUED,
        cost=HELD,
        asset=AssetState.NONE,
        events=("video.submitted", *["call.failed"] * 4),
        polls=0,
        asked=4,
        raised=("poll", "JSONDecodeError"),
    ),
    "header_bomb": Expected(),
}
# The SDK reads a whole file before it returns it; a stream is read by the caller.
STREAM_RAISES = {"truncated_download": ("download", "RemoteProtocolError")}
# `create_and_poll` is left with the first error of a poll, and the caller has no id to go on with.
HELPER_LEAVES = {
    "failed_as_4xx": {"asked": 3},
    "failed_as_5xx": {"asked": 3},
    "garbage_json": {"asked": 1, "events": ("video.submitted", "call.failed")},
}


def expected_of(fault, mode):
    """Return what is expected; a fault without an expectation fails."""
    assert fault in EXPECTED, f"say in EXPECTED what becomes of a job with the fault {fault!r}"
    expected = EXPECTED[fault]
    if mode == "helper":
        expected = expected._replace(**HELPER_LEAVES.get(fault, {}))
        if expected.raised is not None and expected.raised[0] != "download":
            expected = expected._replace(raised=("create_and_poll", expected.raised[1]))
    if mode == "streaming":
        expected = expected._replace(raised=STREAM_RAISES.get(fault, expected.raised))
    return expected


def test_every_expectation_has_its_fault():
    """A fault that is renamed or gone leaves no expectation behind."""
    assert set(EXPECTED) - set(FAULTS) == set()


def play(player, fault, sandbox, clock):
    """Live through one job; return the requests that the server saw, creates apart."""
    before = len(sandbox.requests)
    clock.restart()
    try:
        player.run(player.whole_life(f"a cat [[fault:{fault}]]"))
    except StoppedError:
        assert fault == "stuck"
    player.video_id = player.video_id or sandbox.jobs[-1].id  # where the caller never saw it
    requests = [
        (request.method, request.path.replace(player.video_id, "ID"), request.status)
        for request in sandbox.requests[before:]
    ]
    creates = [request for request in requests if request[0] == "POST"]
    return len(creates), [request for request in requests if request[0] != "POST"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault(fault, mode, *, sandbox, clock, seen, connect):
    """Wrapped and bare show the same to the byte, and the ledger has all of it, once."""
    expected = expected_of(fault, mode)
    impatient = fault == "slow_after_accept"
    bare = connect(mode, bare=True, impatient=impatient)
    wrapped = connect(mode, impatient=impatient)
    _, by_bare = play(bare, fault, sandbox, clock)
    creates, by_wrapped = play(wrapped, fault, sandbox, clock)
    assert by_wrapped == by_bare
    assert len(by_wrapped) == expected.asked
    assert creates == (1 if mode == "helper" else expected.attempts)
    assert seen_by_caller(wrapped) == seen_by_caller(bare)

    if expected.state is JobState.COMPLETED:
        read = wrapped.run(wrapped.download(wrapped.video_id))
        assert read == bare.run(bare.download(wrapped.video_id))
        check_file(seen.jobs[0].file, read, expected, mode)
    raised = {(step.verb, step.raised) for step in wrapped.steps if step.raised}
    assert raised == ({expected.raised} if expected.raised else set())
    check_record(seen, expected, creates)


def check_file(file, read, expected, mode):
    """The record has of the file what the caller got of it."""
    if expected.asset is AssetState.DOWNLOADED:
        assert file.complete
        assert (file.size_bytes, file.sha256) == (read.shown["size"], read.shown["sha256"])
        assert (file.seconds, file.size) == (expected.seconds, "160x96")
    elif mode == "streaming" and expected.asset is AssetState.AVAILABLE:
        assert not file.complete
        assert (file.size_bytes, file.sha256) == (read.shown["size"], None)
        assert file.size_bytes > 0
    else:
        assert file is None


def check_record(seen, expected, creates):
    """The ledger says what happened, in order, with at most one end."""
    status, basis, usd, possible = expected.cost
    job = assert_one_job(
        seen,
        state=expected.state,
        reason=expected.reason,
        model="sora-2",
        cost_status=status,
        cost_basis=basis,
        possible_usd=possible,
        asset=expected.asset,
        attempts=creates,
    )
    assert job.cost.usd == usd
    assert (job.error and (job.error.code, job.error.message)) == expected.error
    assert job.polls == expected.polls
    events = seen.events_of(job)
    assert tuple(event.name.value for event in events) == expected.events
    assert sum(event.name.terminal for event in events) == job.state.terminal
    assert events[-1].job == job
    failures = [event for event in events if event.name in {"call.failed", "video.unknown"}]
    assert all(event.detail for event in failures)
