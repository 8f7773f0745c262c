"""The tools of `vidobs.testing` with a real client, a real server and the real runtime."""

import subprocess
import sys
import threading

import openai
import pytest

import vidobs
from vidobs import runtime, testing
from vidobs.core.errors import ConfigError
from vidobs.ledger.reader import LedgerReader
from vidobs.testing import (
    FrozenClock,
    InMemoryExporter,
    Sandbox,
    assert_one_job,
    capture_events,
    isolated,
)

VIDEO = {"model": "sora-2", "prompt": "A clock", "seconds": "4", "size": "720x1280"}


@pytest.fixture
def clock():
    """One clock for server and vidobs."""
    return FrozenClock()


@pytest.fixture
def server():
    """A fast sandbox."""
    with Sandbox(time_scale=0.02) as sandbox:
        yield sandbox


@pytest.fixture
def connect():
    """Make wrapped clients of a server."""
    made = []

    def open_one(server):
        made.append(openai.OpenAI(base_url=server.base_url, api_key="any"))
        return vidobs.wrap(made[-1])

    yield open_one
    for client in made:
        client.close()


def test_pytest_is_not_needed():
    """Every public name can be used, and is listed, where pytest is not installed."""
    code = (
        "import sys; sys.modules['pytest'] = None\n"
        "import vidobs.testing as testing\n"
        "print(sum(getattr(testing, name) is not None for name in dir(testing)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert int(ran.stdout) == len(testing.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Sandbx'"):
        _ = testing.Sandbx


def test_a_job_under_a_clock_that_stands_still(connect, clock):
    """Server and vidobs tell the time of one clock, so every length is exactly what it says."""
    with Sandbox(clock=clock) as server, isolated(clock=clock) as seen:
        client = connect(server)
        video = client.videos.create(**VIDEO)
        for seconds in (0.5, 2.0):
            clock.advance(seconds)
            client.videos.retrieve(video.id)
        job = assert_one_job(seen, state="completed", settled_usd="0.40")

    assert seen.clock is clock
    assert seen.events.names[:2] == ["video.submitted", "video.started"]
    assert (job.created_at, job.queue_s) == (FrozenClock().now, 0.5)
    assert seen.events.named("video.completed")[0].at == clock.now
    assert [span.name for span in seen.events.spans if span.start_ns == clock.time_ns()]


def test_isolated_leaves_nothing_behind(connect, server, tmp_path):
    """Before, inside and after are three ledgers' worth of jobs in two; settings come back."""
    file = tmp_path / "ledger.db"
    vidobs.configure(ledger=f"sqlite:///{file}", prices=[])
    before = runtime.current()
    client = connect(server)
    client.videos.create(**VIDEO)

    with isolated() as seen:
        assert runtime.current() is not before
        client.videos.create(**VIDEO)
        client.videos.create(**VIDEO)
        assert len(seen.jobs) == 2

    assert runtime.current() is before
    client.videos.create(**VIDEO)
    assert vidobs.flush() == 0
    reader = LedgerReader(str(file))
    assert len(reader.jobs()) == 2
    reader.close()


def test_isolated_reads_nothing_that_lies_around(monkeypatch, tmp_path):
    """Neither `VIDOBS_*` nor `vidobs.yaml` counts inside; both count again afterwards."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vidobs.yaml").write_text("service_name: from-the-file\n", "utf-8")
    monkeypatch.setenv("VIDOBS_CAPTURE", "full")
    monkeypatch.setenv("VIDOBS_DISABLED", "true")

    with isolated():
        settings = runtime.current().settings
        assert (settings.capture.content, settings.service_name) == ("none", None)
        assert settings.ledger.in_memory

    assert runtime.current() is None


def test_isolated_takes_settings_and_a_file(monkeypatch, tmp_path):
    """Arguments come before a file that is named; the file may take from the environment."""
    file = tmp_path / "own.yaml"
    file.write_text("{capture: hash, service_name: '${env:CLIP_SERVICE}'}\n", "utf-8")
    monkeypatch.setenv("CLIP_SERVICE", "clips")
    exporter = InMemoryExporter()

    with isolated(config_file=file, capture="full", callbacks=[exporter]):
        settings = runtime.current().settings
        assert (settings.capture.content, settings.service_name) == ("full", "clips")
    assert exporter.closed


def test_isolated_takes_the_callbacks_of_a_file(connect, server, tmp_path):
    """Without `callbacks` those of the file count."""
    file, events = tmp_path / "own.yaml", tmp_path / "events.jsonl"
    file.write_text(f"callbacks: [jsonl]\nexporters: {{jsonl: {{path: {events}}}}}\n", "utf-8")

    with isolated(config_file=file):
        connect(server).videos.create(**VIDEO)

    assert len(events.read_text("utf-8").splitlines()) == 1


@pytest.mark.parametrize("off", [True, False])
def test_isolated_leaves_the_switch_as_it_was(off):
    """Where vidobs was switched off it is on inside, and off again afterwards; and the reverse."""
    vidobs.configure(disabled=off, ledger="memory:")
    before = runtime.current()

    with isolated(disabled=not off):
        assert (runtime.current() is None) is not off

    assert runtime.current() is before
    assert (before is None) is off


def test_isolated_is_undone_when_the_test_raises(server):
    """An exception inside passes through, and what was before is back."""
    before = runtime.current()

    with pytest.raises(KeyError), isolated():
        raise KeyError
    assert runtime.current() is before

    with pytest.raises(ConfigError, match="unknown setting 'ledgr'"), isolated(ledgr="memory:"):
        pass
    with pytest.raises(ConfigError, match="unknown exporter"), isolated(callbacks=["nobody"]):
        pass
    assert runtime.current() is before


def test_what_is_set_up_inside_ends_inside(connect, server):
    """A `configure` within the block replaces the isolated one, and goes with it."""
    before = runtime.current()
    with isolated() as seen:
        exporter = InMemoryExporter()
        vidobs.configure(ledger="memory:", callbacks=[exporter])
        connect(server).videos.create(**VIDEO)
        assert exporter.events.names == ["video.submitted"]
        assert seen.events.names == ["video.submitted"]
        assert_one_job(seen, state="queued")

    assert exporter.closed
    assert runtime.current() is before


def test_isolated_within_isolated(connect, server):
    """The inner one sees its own jobs only, and so does the outer one."""
    client = connect(server)
    with isolated() as outer:
        client.videos.create(**VIDEO)
        with isolated() as inner:
            client.videos.create(**VIDEO)
            assert_one_job(inner)
        assert_one_job(outer)
        assert outer.jobs != inner.events.jobs


def test_switched_off_there_is_nothing_to_read(connect, server):
    """With `disabled` calls work, there are no events, and the ledger says why it has no jobs."""
    with isolated(disabled=True) as seen:
        connect(server).videos.create(**VIDEO)

        assert list(seen.events) == []
        with pytest.raises(ConfigError, match="switched off"):
            _ = seen.jobs


def test_capture_events_has_those_of_the_block_only(connect, server):
    """What came before and after is not there, and what came inside is, without any waiting."""
    with isolated():
        client = connect(server)
        client.videos.create(**VIDEO)
        with capture_events() as events, capture_events("video.failed") as failures:
            inside = client.videos.create(**VIDEO)
        client.videos.create(**VIDEO)

        assert vidobs.flush() == 0
        assert events.names == ["video.submitted"]
        assert events[0].job.provider_job_id == inside.id
        assert list(failures) == []


def test_capture_events_refuses_an_unknown_pattern():
    """A pattern that fits no event is an error before the block."""
    with isolated(), pytest.raises(ConfigError, match="unknown event"), capture_events("vdieo.*"):
        pass


def test_wait_for_what_another_thread_does(connect, server):
    """A test may wait for a job that a worker of the program polls."""
    with isolated() as seen:
        client = connect(server)
        worker = threading.Thread(target=client.videos.create_and_poll, kwargs=VIDEO)
        worker.start()
        done = seen.events.wait_for("video.completed", timeout=30)
        worker.join()

    assert done.job.state == "completed"


@pytest.mark.parametrize("durable", [True, False])
def test_the_exporter_is_told_by_the_relay(connect, server, durable):
    """Reading waits until the relay has delivered; each event comes once, in order."""
    exporter = InMemoryExporter(durable=durable)
    with isolated(callbacks=[exporter]) as seen:
        connect(server).videos.create_and_poll(**VIDEO)

        assert exporter.events.names == seen.events.names
        assert [event.id for event in exporter.events] == [event.id for event in seen.events]
        assert_one_job(exporter.events, state="completed")

    assert exporter.closed
    assert sum(exporter.batches) == len(exporter.events)


def test_a_ledger_file_is_read_as_well(connect, server, tmp_path):
    """With a file the jobs are read from it, with the events of every process."""
    file = tmp_path / "shared.db"
    with isolated(ledger=file) as seen:
        connect(server).videos.create(**VIDEO)
        (job,) = seen.jobs
        assert [event.name for event in seen.events_of(job)] == ["video.submitted"]
        assert seen.spend("model").rows == ()

    reader = LedgerReader(str(file))
    assert assert_one_job(reader, state="queued").job_id == job.job_id
    reader.close()
