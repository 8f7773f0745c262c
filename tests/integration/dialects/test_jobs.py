"""From create to download against the server of every dialect, by every way there is."""

from decimal import Decimal

import pytest
from ways_kit import ways

from vidobs.core.api_errors import InternalServerError
from vidobs.dialects.variants import VARIANTS

GPU = Decimal("0.005")  # two and a half seconds on two cards
COSTS = {  # of a second of video, and what the figure rests on
    "openai": (Decimal("0.1"), "probed"),
    "azure": (Decimal("0.1"), "probed"),
    "vllm-omni": (GPU, "usage"),
    "sglang": (GPU, "usage"),
    "litellm": (Decimal("0.1"), "reported"),
    "new-api": (Decimal("0.216"), "usage"),
    "202": (Decimal("0.1"), "reported"),
}
COSTS_OF_FAILURES = {  # the operator pays, the proxy charges; nobody knows of the others
    "vllm-omni": ("settled", GPU),
    "litellm": ("settled", Decimal("0.1")),
    "sglang": ("unknown", None),
}


@ways("client", "functions", "openai")
def test_one_job_and_one_cost(way, seen):
    """Whatever the server calls its states and its ids."""
    its_id = way.create()
    way.wait(its_id)
    data = way.download(its_id)

    assert data[4:8] == b"ftyp"
    [job] = seen.jobs
    variant = VARIANTS[way.dialect]
    assert (job.state, job.asset) == ("completed", "downloaded")
    assert (job.provider, job.dialect) == (variant.provider, way.dialect)
    assert (job.cost.status, job.cost.usd, job.cost.basis) == ("settled", *COSTS[way.dialect])
    ends = [event for event in seen.events if event.name == "video.completed"]
    assert len(ends) == 1
    assert {span.trace_id for span in seen.events.spans} == {job.trace.trace_id}


@ways("client", "openai")
def test_a_job_that_fails_is_one_too(way, seen):
    """With its reason, whatever HTTP status tells it; it costs what the server's owner pays."""
    its_id = way.create(prompt="A tram [[fault:fail]]")
    way.wait(its_id)

    [job] = seen.jobs
    assert (job.state, job.reason) == ("failed", "provider_error")
    status, usd = COSTS_OF_FAILURES.get(way.dialect, ("released", 0))
    assert (job.cost.status, job.cost.usd) == (status, usd)


@ways("client", kinds=["sync"])
def test_a_failed_job_is_asked_for_once(way):
    """A 500 that holds the job is its end, not a hiccup of the poll."""
    its_id = way.create(prompt="A tram [[fault:fail]]")
    way.wait(its_id)
    before = len(way.server.requests)

    with pytest.raises(InternalServerError, match="could not be generated"):
        way.made(way.videos.wait(its_id, poll_interval=0.001))

    assert len(way.server.requests) == before + 1


@ways("functions", kinds=["async"])
def test_an_id_says_by_itself_whom_to_ask(way):
    """No argument, no variable but those of the dialect; the same id at every call."""
    its_id = way.create()
    ids = {way.call("video_status", its_id).id, way.call("video_wait", its_id).id}

    assert ids == {its_id}
    asked = [request.path for request in way.server.requests[-3:]]
    assert len(asked) == 3
    assert all("/videos" in path for path in asked)
