"""What comes after a fault: a lost job is found again, retries, patience, files that are gone."""

import pytest
from fault_kit import ASKED, MODES, Player, client_of, seen_by_caller

import vidobs
from vidobs.core.jobs import AssetState, JobState
from vidobs.core.money import CostStatus
from vidobs.sandbox import FAULTS
from vidobs.sandbox.fault_table import Spoil
from vidobs.testing import assert_one_job

ONE_BY_ONE = [mode for mode in MODES if mode != "helper"]
SPOILED = [fault.name for fault in FAULTS.values() if fault.spoil]
KEPT_S = 86_400 * 0.02  # of the sandbox, by its time scale


@pytest.fixture(autouse=True, scope="module")
def another(sandbox, clock):
    """There is a job already: a list says the same of what follows, whichever test is the first."""
    with client_of("sync", sandbox.base_url, clock) as client:
        client.videos.create(prompt="a dog", **ASKED)


def create(player, clock, prompt):
    """Begin a new story."""
    clock.restart()
    player.run(player.whole_life(prompt))


@pytest.mark.parametrize("mode", ONE_BY_ONE)
@pytest.mark.parametrize("fault", SPOILED)
def test_a_lost_job_is_found_again(fault, mode, *, clock, seen, connect):
    """Its create raised; a list shows it, and polls bring the same record to its end, once."""
    shown = []
    for bare in (True, False):
        player = connect(mode, bare=bare, impatient=FAULTS[fault].spoil is Spoil.STALL)
        create(player, clock, f"a {mode} cat [[fault:{fault}]]")
        player.run(player.find_again())
        shown.append(seen_by_caller(player))
    assert shown[0] == shown[1]

    job = assert_one_job(seen, state="completed", settled_usd="0.20", adopted=False, attempts=1)
    assert job.provider_job_id == player.video_id
    names = [event.name.value for event in seen.events_of(job)]
    assert (names[0], names[1], names[-1]) == (
        "video.unknown",
        "video.submitted",
        "video.completed",
    )


def test_a_late_answer_is_waited_for(clock, seen, connect):
    """A caller with patience gets it, and so does the ledger."""
    player = connect("plain")
    create(player, clock, "a cat [[fault:slow_after_accept]]")
    assert [step.raised for step in player.steps] == [None] * 6
    assert_one_job(seen, state="completed", settled_usd="0.20", attempts=1)


def test_a_rate_limit_that_ends(kind, clock, seen, connect):
    """The create is sent again as the SDK would, and is one job."""
    player = connect("raw")
    create(player, clock, f"a patient {kind} cat [[fault:rate_limit x2]]")
    assert player.steps[0].shown["retries"] == 2
    assert_one_job(seen, state="completed", settled_usd="0.20", attempts=3)


def test_the_sdk_retries_a_poll_of_a_failed_job(kind, sandbox, clock, seen):
    """A failed job that comes with HTTP 500 is asked for again, and fails once."""
    before = len(sandbox.requests)
    shown = []
    for bare in (True, False):
        clock.restart()
        client = client_of(kind, sandbox.base_url, clock)
        client = client if bare else vidobs.wrap(client)
        player = Player(client.with_options(max_retries=1), "plain")
        player.run(player.whole_life("a cat [[fault:failed_as_5xx]]"))
        asks = client.with_options(max_retries=1).videos
        player.run(player.call("poll", asks, "retrieve", player.video_id))
        shown.append(seen_by_caller(player))
        player.close()
    assert shown[0] == shown[1]
    statuses = [request.status for request in sandbox.requests[before:]]
    assert statuses == [200, 200, 200, *[500] * 6] * 2
    job = assert_one_job(seen, state="failed", reason="provider_error", asset="none")
    assert sum(event.name.terminal for event in seen.events_of(job)) == 1


@pytest.mark.parametrize("mode", ONE_BY_ONE)
def test_a_file_that_expired(mode, *, clock, seen, connect):
    """The provider says when; a file that was read before stays read."""
    player = connect(mode)
    create(player, clock, "a cat")
    clock.advance(KEPT_S)
    step = player.run(player.download(player.video_id))
    assert step.raised == "NotFoundError"
    assert_one_job(seen, state="completed", asset="expired", cost_status=CostStatus.SETTLED)


def test_a_file_that_was_read_and_then_expired(clock, seen, connect):
    """It was not lost: every byte had been read."""
    player = connect("plain")
    create(player, clock, "a cat")
    player.run(player.download(player.video_id))
    clock.advance(KEPT_S)
    assert player.run(player.download(player.video_id)).raised == "NotFoundError"
    job = assert_one_job(seen, state="completed", asset="downloaded")
    assert job.file.complete


def test_a_file_that_broke_off_is_read_again(clock, seen, connect):
    """What was learnt of the whole file stays when a later read breaks off."""
    player = connect("streaming")
    create(player, clock, "a cat [[fault:truncated_download]]")
    for _ in range(2):
        step = player.run(player.download(player.video_id))
        assert step.raised == "RemoteProtocolError"
    (job,) = seen.jobs
    assert (job.state, job.asset) == (JobState.COMPLETED, AssetState.AVAILABLE)
    assert (job.file.complete, job.file.size_bytes) == (False, step.shown["size"])
    names = [event.name.value for event in seen.events_of(job)]
    assert names[-2:] == ["call.failed"] * 2
