"""Functions that raise, hang or exit: neither the call nor another function feels it."""

import sys
import threading

import pytest

import vidobs

ASKED = {"model": "sora-2", "seconds": "4", "size": "160x96"}
SOON = 30


@pytest.fixture
def api(sandbox, connect):
    """A wrapped client, its ledger in memory."""
    vidobs.configure(ledger="memory:")
    return connect(sandbox.base_url)


def test_one_that_misbehaves_is_alone_with_it(api, capsys):
    """Raise, exit, hang: the video is made and the function after them gets its events."""
    gate, got, done = threading.Event(), [], threading.Event()

    @vidobs.on("*")
    def raises(event):
        raise RuntimeError(event.name)

    @vidobs.on("*")
    def leaves(_event):
        sys.exit(3)

    @vidobs.on("*")
    def hangs(_event):
        gate.wait(SOON)

    @vidobs.on("video.*")
    def works(event):
        got.append(event.name.value)
        if event.name == "video.completed":
            done.set()

    try:
        video = api(lambda c: c.videos.create_and_poll(prompt="a cat", **ASKED))
        assert video.status == "completed"
        assert done.wait(SOON)
    finally:
        gate.set()
    assert got[0] == "video.submitted"
    assert got[-1] == "video.completed"
    assert capsys.readouterr().out == ""


def test_async_functions_are_awaited(api):
    """They run on a loop of their own, whatever the client is."""
    done = threading.Event()

    @vidobs.on("video.completed")
    async def note(event):
        assert event.job.cost.usd is not None
        done.set()

    api(lambda c: c.videos.create_and_poll(prompt="a cat", **ASKED))
    assert done.wait(SOON)


def test_a_function_of_the_configuration(sandbox, connect):
    """`configure(callbacks=[...])` takes functions; they see what `on("*")` sees."""
    got = []
    vidobs.configure(ledger="memory:", callbacks=[got.append])
    api = connect(sandbox.base_url)
    api(lambda c: c.videos.create(prompt="a cat", **ASKED))
    assert vidobs.flush(SOON) == 0
    assert [event.name.value for event in got] == ["video.submitted"]


def test_what_was_mistyped_is_said(api):
    """No event fits: the error names the nearest."""
    with pytest.raises(vidobs.ConfigError, match=r"did you mean 'video\.completed'"):
        vidobs.on("video.complete")(print)
