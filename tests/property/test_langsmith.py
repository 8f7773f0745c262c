"""Whatever happens on the way, LangSmith has every job whole in the end."""

from hypothesis import given, settings
from hypothesis import strategies as st
from langsmith_kit import LangSmith, Mixed, exporters
from story_kit import story

from vidobs import EventName
from vidobs_exporters._ids import job_uuid

HERE = [event for pair in zip(story(1), story(2), strict=True) for event in pair]
JOBS = {str(job_uuid(event.job)) for event in HERE}
CHILDREN = 6  # of each job: its calls, and the picture


@st.composite
def deliveries(draw):
    """Cut the events into batches; some are delivered again, some by another process."""
    out, place = [], 0
    while place < len(HERE):
        again = draw(st.integers(0, min(place, 4)))
        most = draw(st.integers(1, 6))
        out.append((HERE[place - again : place + most], draw(st.booleans())))
        place += most
    return out


@settings(max_examples=15, deadline=None)
@given(
    deliveries=deliveries(),
    mixed=st.sampled_from(Mixed),
    multipart=st.booleans(),
    kept_back=st.sampled_from([None, EventName.SUBMITTED, EventName.STARTED]),
)
def test_every_job_arrives_whole(deliveries, mixed, multipart, kept_back):
    """Batches are cut anywhere, repeated, sent by a process that knows nothing, or filtered."""
    with LangSmith(mixed=mixed, multipart=multipart) as server, exporters() as make:
        exporter = make(server)
        for batch, restarts in deliveries:
            exporter = make(server) if restarts else exporter
            exporter.export([event for event in batch if event.name is not kept_back])

    assert server.complaints == []
    roots = {one: run for one, run in server.runs.items() if "parent_run_id" not in run}
    assert set(roots) == JOBS
    for one, root in roots.items():
        assert root["outputs"]["status"] == "completed"
        assert root["extra"]["metadata"]["usage_metadata"]["total_cost"] == "0.8"
        children = [run for run in server.runs.values() if run.get("parent_run_id") == one]
        assert len(children) == CHILDREN - (kept_back is not None)
