"""`max_spend_usd`: a create that would pass the limit never leaves, and not a cent gets past it."""

import asyncio
import threading
from decimal import Decimal

import apsw
import openai
import pytest

import vidobs
from vidobs.core.jobs import JobState, Reason

ASKED = {"model": "sora-2", "seconds": "4", "size": "160x96"}  # 0.40 each


@pytest.fixture
def limited(sandbox, seen, connect):
    """A client that may spend a dollar: two videos."""
    return connect(sandbox.base_url, settings={"max_spend_usd": 1})


def posts(sandbox):
    """Count the creates that reached a sandbox."""
    return sum(request.method == "POST" for request in sandbox.requests)


def test_refused_before_anything_is_sent(limited, sandbox, seen):
    """The third video of 0.40 raises; it is in the ledger, and two events tell of it."""
    for _ in range(2):
        limited(lambda c: c.videos.create(prompt="a cat", **ASKED))
    with pytest.raises(vidobs.SpendLimitError, match=r"quote of \$0\.40 on top of \$0\.80"):
        limited(lambda c: c.videos.create(prompt="a cat", **ASKED))
    assert posts(sandbox) == 2
    job = seen.jobs[-1]
    assert (job.state, job.reason, job.cost.usd) == (JobState.FAILED, Reason.BUDGET, 0)
    assert seen.names[-2:] == ["budget.exceeded", "video.failed"]
    assert [event.job.reason for event in seen.events[-2:]] == [Reason.BUDGET] * 2


def test_copies_share_the_limit(limited, sandbox):
    """What a copy spends counts for all."""
    limited(lambda c: c.with_options(timeout=9).videos.create(prompt="a", **ASKED))
    limited(lambda c: c.copy().videos.create(prompt="b", **ASKED))
    with pytest.raises(vidobs.SpendLimitError):
        limited(lambda c: c.videos.create(prompt="c", **ASKED))
    assert posts(sandbox) == 2


def test_a_failed_job_gives_its_money_back(limited, sandbox, connect):
    """What the provider refused, and what policy says is not billed, is free again."""
    vidobs.configure(ledger="memory:", policies={"openai": {"bill_on_failed": "no"}})
    with pytest.raises(openai.BadRequestError):
        limited(lambda c: c.videos.create(prompt="a [[fault:moderation_input]]", **ASKED))
    limited(lambda c: c.videos.create_and_poll(prompt="b [[fault:fail]]", **ASKED))
    for name in "cd":
        limited(lambda c, name=name: c.videos.create(prompt=name, **ASKED))
    with pytest.raises(vidobs.SpendLimitError):
        limited(lambda c: c.videos.create(prompt="e", **ASKED))


def test_what_may_have_been_spent_stays_reserved(limited, sandbox):
    """A create with an unknown outcome, and a failure that nobody says is free, count."""
    with pytest.raises(openai.InternalServerError):
        limited(lambda c: c.videos.create(prompt="a [[fault:error_after_accept]]", **ASKED))
    limited(lambda c: c.videos.create_and_poll(prompt="b [[fault:fail]]", **ASKED))
    with pytest.raises(vidobs.SpendLimitError):
        limited(lambda c: c.videos.create(prompt="c", **ASKED))


def test_a_settled_job_counts_for_good(limited, sandbox):
    """Money that was spent does not come back when the job is done."""
    for name in "ab":
        limited(lambda c, name=name: c.videos.create_and_poll(prompt=name, **ASKED))
    with pytest.raises(vidobs.SpendLimitError):
        limited(lambda c: c.videos.create(prompt="c", **ASKED))


def test_without_a_price_nothing_is_sent(limited, sandbox, seen):
    """A limit that cannot be kept refuses, and names the fix."""
    with pytest.raises(vidobs.SpendLimitError) as caught:
        limited(lambda c: c.videos.create(prompt="a cat", model="my-own", seconds="4"))
    assert "no price for model 'my-own' of 'openai'" in str(caught.value)
    assert "add a price row (docs/prices.md) or pass seconds= and size=" in str(caught.value)
    assert posts(sandbox) == 0
    assert seen.job.reason is Reason.BUDGET


def test_a_remix_costs_what_its_source_is_long(limited, sandbox):
    """The quote of a remix comes from the video it is made from; an unknown source is refused."""
    video = limited(lambda c: c.videos.create_and_poll(prompt="a cat", **ASKED))
    limited(lambda c: c.videos.remix(video.id, prompt="a dog"))
    with pytest.raises(vidobs.SpendLimitError, match=r"\$0\.40 on top of \$0\.80"):
        limited(lambda c: c.videos.remix(video.id, prompt="a bird"))
    with pytest.raises(vidobs.SpendLimitError, match="must be a video that this ledger knows"):
        limited(lambda c: c.videos.remix("video_none", prompt="a fish"))


def test_wrapping_again_does_not_forget(limited, sandbox):
    """A second `wrap` may raise the limit; what was spent stays spent."""
    for name in "ab":
        limited(lambda c, name=name: c.videos.create(prompt=name, **ASKED))
    vidobs.wrap(limited.client, max_spend_usd="1.00")
    with pytest.raises(vidobs.SpendLimitError):
        limited(lambda c: c.videos.create(prompt="c", **ASKED))
    vidobs.wrap(limited.client, max_spend_usd="1.20")
    limited(lambda c: c.videos.create(prompt="d", **ASKED))


def test_not_a_cent_more_at_once(sandbox, seen, connect):
    """Sixteen creates at the same moment, from threads or tasks: exactly three get through."""
    api = connect(sandbox.base_url, settings={"max_spend_usd": "1.20"})
    outcomes = []

    def note(call):
        try:
            call()
            outcomes.append("sent")
        except vidobs.SpendLimitError:
            outcomes.append("refused")

    if api.kind == "sync":
        ready = threading.Barrier(16)

        def create(number):
            ready.wait()
            note(lambda: api.client.videos.create(prompt=f"{number}", **ASKED))

        threads = [threading.Thread(target=create, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:

        async def together():
            made = (api.client.videos.create(prompt=f"{n}", **ASKED) for n in range(16))
            for result in await asyncio.gather(*made, return_exceptions=True):
                refused = isinstance(result, vidobs.SpendLimitError)
                outcomes.append("refused" if refused else result.status and "sent")

        api.run(together())
    assert sorted(outcomes) == ["refused"] * 13 + ["sent"] * 3
    assert posts(sandbox) == 3
    held = sum((job.cost.usd for job in seen.jobs), Decimal(0))
    assert held == Decimal("1.20")


def test_no_limit_no_reservation(sandbox, seen, connect):
    """Without `max_spend_usd` an unknown price is only unknown."""
    api = connect(sandbox.base_url)
    api(lambda c: c.videos.create(prompt="a cat", model="my-own", seconds="4", size="160x96"))
    assert seen.job.cost.usd is None


def test_money_comes_back_although_the_ledger_was_busy(sandbox, connect, tmp_path):
    """What another process's lock held up counts as soon as it is written."""
    path = tmp_path / "ledger.db"
    vidobs.configure(ledger=f"sqlite:///{path}")
    api = connect(sandbox.base_url, settings={"max_spend_usd": "0.40"})
    with pytest.raises(openai.BadRequestError):
        api(lambda c: c.videos.create(prompt="a [[fault:moderation_input]]", **ASKED))
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(openai.BadRequestError):
        api(lambda c: c.videos.create(prompt="b [[fault:moderation_input]]", **ASKED))
    with pytest.raises(vidobs.SpendLimitError):
        api(lambda c: c.videos.create(prompt="c", **ASKED))
    other.execute("ROLLBACK")
    other.close()
    assert vidobs.flush(30) == 0
    api(lambda c: c.videos.create(prompt="d", **ASKED))
