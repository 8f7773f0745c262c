"""Jobs in LangSmith: what is sent when, and what becomes of it there."""

import platform

import msgspec
import pytest
from exporter_kit import an_event, every_event
from langsmith_kit import KEY, LangSmith, Mixed, exporters, parts
from story_kit import JPEG, story

import vidobs
from vidobs import EventName, ExportError
from vidobs_exporters._ids import job_uuid
from vidobs_exporters.langsmith import plan as planning


@pytest.fixture
def server():
    """A LangSmith of the test's own, which nothing was refused by at the end."""
    with LangSmith() as running:
        yield running
    assert running.complaints == []


@pytest.fixture
def exporter_of():
    """Return what makes exporters to a server."""
    with exporters() as make:
        yield make


def sent(server):
    """Return what was asked of the server, request by request: `post name` or `patch name`."""
    return [
        [
            f"{part.name.split('.')[0]} {part.json()['name']}"
            for part in parts(request)
            if part.name.count(".") == 1
        ]
        for request in server.requests
    ]


def root_of(server, event):
    """Return the run of an event's job, as the server has it."""
    return server.runs[str(job_uuid(event.job))]


# -- the usual course ------------------------------------------------------------------------------


def test_a_job_is_posted_patched_and_followed_by_its_calls(server, exporter_of):
    """Each event goes out when it happens; in the end the trace is whole."""
    events = story()
    exporter = exporter_of(server)

    for event in events:
        exporter.export([event])

    assert sent(server) == [
        ["post video_job sora-2", "post generate_content sora-2"],
        ["post fetch_response"],
        ["post fetch_response"],
        ["patch video_job sora-2", "post fetch_response"],
        ["post download_video"],
        ["post video.thumbnail"],
    ]
    root = root_of(server, events[0])
    assert root["end_time"] == "2026-11-20T14:04:21.000000+00:00"
    assert root["extra"]["metadata"]["usage_metadata"]["total_cost"] == "0.8"
    children = [run for run in server.runs.values() if run.get("parent_run_id") == root["id"]]
    assert len(children) == 6


def test_a_job_that_ends_in_the_batch_that_began_it_is_one_post(server, exporter_of):
    """It knows what the last event of the batch knows."""
    events = story()

    exporter_of(server).export(events)

    assert [request[:1] for request in sent(server)] == [
        ["post video_job sora-2"],
        ["post generate_content sora-2"],
    ]
    assert root_of(server, events[0])["outputs"]["file"]["bytes"] == 200_607
    assert server.patched == {}


def test_a_job_that_was_never_posted_is_made_when_it_ends(server, exporter_of):
    """A filter kept the beginning back, or it happened elsewhere: the end tells everything."""
    completed = story()[3]

    exporter_of(server).export([completed])

    assert sent(server) == [["post video_job sora-2"], ["post fetch_response"]]
    assert root_of(server, completed)["outputs"]["status"] == "completed"


def test_a_job_that_another_process_posted_is_ended(server, exporter_of):
    """The second process does not know; the answer 409 tells it, and it patches."""
    events = story()
    exporter_of(server).export(events[:1])
    server.forget()

    exporter_of(server).export([events[3]])

    assert sent(server) == [
        ["post video_job sora-2"],
        ["patch video_job sora-2"],
        ["post fetch_response"],
    ]
    assert root_of(server, events[0])["outputs"]["status"] == "completed"


def test_a_create_of_which_nobody_knows_is_an_open_run(server, exporter_of):
    """Its call is a child with the error; when the job is found after all, nothing is lost."""
    unknown = msgspec.structs.replace(story()[0], name=EventName.UNKNOWN, detail="Timeout: 60 s")
    exporter = exporter_of(server)

    exporter.export([unknown])
    exporter.export(story()[:1])
    exporter.export(story()[1:])

    assert root_of(server, unknown)["outputs"]["status"] == "completed"


@pytest.mark.parametrize("mixed", Mixed)
def test_sending_again_changes_nothing(mixed, exporter_of):
    """Whatever LangSmith does with what it has already: 409 is delivered, and nothing is lost."""
    batches = [story(1)[:2], story(1)[:4], [*story(1)[2:], *story(2)], story(2)]
    with LangSmith(mixed=mixed) as server, LangSmith() as once:
        for batch in batches:
            exporter_of(server).export(batch)
        for event in [*story(1), *story(2)]:
            exporter_of(once).export([event])

    assert server.complaints == []
    assert set(server.runs) == set(once.runs)
    for number in (1, 2):
        root = root_of(server, story(number)[0])
        assert root["outputs"]["status"] == "completed"
        assert root["extra"]["metadata"]["usage_metadata"]["total_cost"] == "0.8"


def test_equal_events_are_equal_bytes(server, exporter_of):
    """So a receiver can tell that it has seen them, and so can whoever compares two captures."""
    exporter_of(server).export(every_event())
    first = [(request.headers["content-type"], request.body) for request in server.forget()]
    server.answers(202)

    exporter_of(server).export(every_event())

    assert first == [(request.headers["content-type"], request.body) for request in server.requests]


def test_only_events_about_jobs_make_runs(server, exporter_of):
    """What happens to exporters is no run."""
    exporter = exporter_of(server)

    exporter.export([an_event(EventName.EXPORTER_DOWN)])

    assert server.requests == []
    assert exporter.check(an_event(EventName.EXPORTER_DOWN)) == (
        f"{server.url} nothing to send; project 'default'"
    )


# -- on the wire -----------------------------------------------------------------------------------


def test_the_request_is_what_langsmith_documents(server, exporter_of):
    """Headers, part names in order, types and lengths; an amount is a number as exact as ours."""
    completed = story()[3]
    exporter = exporter_of(server, workspace="11111111-2222-3333-4444-555555555555")

    exporter.export([completed])

    [request, _] = server.requests
    assert (request.method, request.path) == ("POST", "/runs/multipart")
    assert request.headers["x-api-key"] == KEY
    assert request.headers["x-tenant-id"] == "11111111-2222-3333-4444-555555555555"
    found = parts(request)
    stem = f"post.{job_uuid(completed.job)}"
    assert [part.name for part in found] == [
        stem,
        *(f"{stem}.{name}" for name in ("inputs", "outputs", "events", "extra")),
    ]
    assert {part.headers["content-type"] for part in found} == {"application/json"}
    assert b'"total_cost":0.8}' in request.body


def test_a_picture_is_sent_as_it_is(server, tmp_path, exporter_of):
    """As a part of its own, with its type; a line break or a boundary in it does no harm."""
    with_picture(tmp_path)
    exporter = exporter_of(server)

    exporter.export(story()[5:])

    [(name, part)] = server.attached.items()
    assert (name[1], part.content) == ("thumbnail", JPEG)
    assert part.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("way", ["gone", "too large", "not wanted"])
def test_a_picture_that_cannot_be_sent_is_left_out(server, tmp_path, way, exporter_of):
    """The event is delivered without it."""
    kept = with_picture(tmp_path)
    if way == "gone":
        kept.unlink()
    if way == "too large":
        kept.write_bytes(b"\xff" * (4 * 1024 * 1024 + 1))
    exporter = exporter_of(server, media="none" if way == "not wanted" else "thumbnail")

    exporter.export(story()[5:])

    assert server.attached == {}
    assert [run["name"] for run in server.runs.values()] == ["video.thumbnail"]


def with_picture(folder):
    """Configure a ledger that keeps the picture of the story's job, and return where."""
    vidobs.configure(ledger=f"sqlite:///{folder}/ledger.db")
    kept = folder / "ledger.db.media" / f"{story()[5].job.job_id}.jpg"
    kept.parent.mkdir()
    kept.write_bytes(JPEG)
    return kept


def test_an_older_server_gets_the_older_form(tmp_path, exporter_of):
    """Without multipart ingestion runs go as JSON, without pictures; that is found out once."""
    with_picture(tmp_path)
    with LangSmith(multipart=False) as server:
        exporter = exporter_of(server)
        for event in story():
            exporter.export([event])

    assert server.complaints == []
    assert [request.path for request in server.requests[:3]] == [
        "/runs/multipart",
        "/runs/batch",
        "/runs/batch",
    ]
    with LangSmith() as newer:
        for event in story():
            exporter_of(newer).export([event])
    assert server.runs == newer.runs
    assert server.attached == {}


def test_a_wrong_address_is_not_an_older_server(server, exporter_of):
    """When neither form is known there, multipart is tried again the next time."""
    exporter = exporter_of(server)
    for _ in range(2):
        server.answers_next(404)
    with pytest.raises(ExportError, match="answered 404") as caught:
        exporter.export(story()[:1])

    exporter.export(story()[:1])

    assert caught.value.retryable is None
    assert server.requests[-1].path == "/runs/multipart"


# -- limits ----------------------------------------------------------------------------------------


def test_many_operations_are_split(server, exporter_of):
    """A hundred go into one request, as many as LangSmith takes."""
    batch = [story(number)[1] for number in range(1, 251)]

    exporter_of(server).export(batch)

    assert [len(names) for names in sent(server)] == [100, 100, 50]


def test_large_operations_are_split(server, tmp_path, exporter_of):
    """A request stays below 18 MiB."""
    vidobs.configure(ledger=f"sqlite:///{tmp_path}/ledger.db")
    batch = [story(number)[5] for number in range(1, 8)]
    for event in batch:
        kept = tmp_path / "ledger.db.media" / f"{event.job.job_id}.jpg"
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(b"\xff" * 4_000_000)

    exporter_of(server).export(batch)

    assert [len(names) for names in sent(server)] == [4, 3]
    assert all(len(request.body) < planning.MOST_BYTES for request in server.requests)


def test_too_much_for_the_server_is_halved(server, exporter_of):
    """A proxy with a smaller limit gets smaller requests; what is too large alone is refused."""
    batch = [story(number)[1] for number in range(1, 5)]
    exporter = exporter_of(server)
    server.answers_next(413)

    exporter.export(batch)

    assert [len(names) for names in sent(server)] == [4, 2, 2]
    server.answers(413)
    with pytest.raises(ExportError) as caught:
        exporter.export(batch[:1])
    assert caught.value.retryable is False


@pytest.mark.parametrize("failing", range(4))
def test_what_arrived_before_a_failure_is_told(server, failing, exporter_of):
    """The relay sends the rest again, from the first event that is not wholly there."""
    batch = [an_event(number=number) for number in range(1, 5)]  # a request for each
    exporter = exporter_of(server)
    for _ in range(failing):
        server.answers_next(202)
    server.answers_next(503)

    with pytest.raises(ExportError) as caught:
        exporter.export(batch)

    assert (caught.value.delivered, caught.value.retryable) == (failing, True)


def test_of_a_half_that_arrived_the_events_count(server, exporter_of):
    """Also when a request had to be split in two."""
    batch = [story(number)[1] for number in range(1, 5)]
    for status in (413, 202, 500):
        server.answers_next(status)

    with pytest.raises(ExportError) as caught:
        exporter_of(server).export(batch)

    assert caught.value.delivered == 2


def test_no_more_jobs_are_remembered_than_fit(server, monkeypatch, exporter_of):
    """A process that submits for ever does not grow; what it forgot it finds out again."""
    monkeypatch.setattr("vidobs_exporters.langsmith.exporter._MOST_MADE", 2)
    exporter = exporter_of(server)
    for number in range(1, 4):
        exporter.export(story(number)[:1])
    server.forget()

    exporter.export([story(1)[3]])
    exporter.export([story(3)[3]])

    assert [names[0].split()[0] for names in sent(server)] == ["post", "patch", "post", "patch"]
    assert root_of(server, story(1)[0])["outputs"]["status"] == "completed"


def test_nothing_of_the_host_is_sent(server, exporter_of):
    """No name of it, no platform, no path: LangSmith's own client tells its kernel's version."""
    exporter_of(server).export(every_event())

    said = b"".join(request.body for request in server.requests).decode()
    for secret in (platform.node(), platform.platform(), platform.release()):
        assert secret not in said
    runtime = root_of(server, every_event()[0])["extra"]["runtime"]
    assert runtime == {"sdk": "vidobs", "sdk_version": vidobs.__version__}
