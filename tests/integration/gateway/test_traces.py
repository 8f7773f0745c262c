"""One trace, from the client through the gateway."""

import pytest

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ASKED = {"model": "my-sora", "prompt": "a cat"}


def create(gateway, traceparent):
    """Make a video with a trace of the client's; return its job."""
    with gateway.http() as http:
        http.post("/v1/videos", json=ASKED, headers={"traceparent": traceparent}).raise_for_status()
    return gateway.jobs()[0]


@pytest.mark.parametrize(("flags", "sampled"), [("01", True), ("00", False)])
def test_a_job_lives_in_the_trace_of_its_client(gateway, flags, sampled):
    """The create is a child of the client's span, whose decision holds."""
    job = create(gateway, f"00-{TRACE}-{SPAN}-{flags}")

    assert (job.trace.trace_id, job.trace.parent_id) == (TRACE, SPAN)
    assert job.trace.sampled is sampled


@pytest.mark.parametrize("odd", ["", "00-00-00-00", f"00-{'0' * 32}-{SPAN}-01", "x" * 5000])
def test_what_is_no_trace_begins_a_new_one(gateway, odd):
    """A header that means nothing does no harm."""
    job = create(gateway, odd)

    assert job.trace.trace_id not in (TRACE, "0" * 32)
    assert job.trace.parent_id is None


def test_the_next_request_of_a_connection_has_a_trace_of_its_own(gateway):
    """A trace ends with its request."""
    with gateway.http() as http:
        first = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
        http.post("/v1/videos", json=ASKED, headers=first).raise_for_status()
        http.post("/v1/videos", json=ASKED).raise_for_status()

    second, first = gateway.jobs()

    assert first.trace.trace_id == TRACE
    assert second.trace.trace_id != TRACE
    assert second.trace.parent_id is None
