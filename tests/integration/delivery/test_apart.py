"""Exporters in a process of their own: it comes when it is needed, and its end loses nothing."""

import logging
import os
import signal
import threading
import time

import pytest
from ledger_kit import Maker
from sink_kit import Sink

from vidobs import config, runtime
from vidobs.core import names
from vidobs.core.jobs import JobState
from vidobs.runtime.apart import process
from vidobs.telemetry import deliveries

SOON_S = 20.0  # until a test gives up
MODULE = '''
import os, pathlib, sys, time

class Noisy:
    """Says where it runs, on what is a channel of ours; never ends, if told so."""

    durable = True

    def __init__(self, name, *, path, hangs=False):
        self.name, self.path, self.hangs = name, path, hangs

    def export(self, batch):
        print("no message of ours")
        with open(self.path, "a") as out:
            out.writelines(f"{os.getpid()} {event.id}\\n" for event in batch)

    def close(self):
        while self.hangs:
            time.sleep(3600)
'''


class Stage:
    """A ledger, and this process with another one for its exporters."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self._make = Maker(os.getpid(), time.time_ns())
        (folder / "apart_exporters.py").write_text(MODULE, "utf-8")
        installed = folder / "apart_exporters-1.dist-info"
        installed.mkdir()
        (installed / "METADATA").write_text("Name: apart_exporters\nVersion: 1\n", "utf-8")
        (installed / "entry_points.txt").write_text(
            "[vidobs.exporters]\nnoisy = apart_exporters:Noisy\n", "utf-8"
        )
        monkeypatch.syspath_prepend(str(folder))

    def set_up(self, *callbacks, **options):
        """Have a runtime with these exporters; return its relay."""
        noisy = {"path": str(self.folder / "noisy.txt")}
        given = {
            "ledger": f"sqlite:///{self.folder}/ledger.db",
            "callbacks": ["noisy", *callbacks],
            "exporters": {**options, "noisy": {**noisy, **options.get("noisy", {})}},
        }
        return runtime.configure(config.load(given, {}), apart=True).relay

    def record(self, jobs=1):
        """Record jobs, two events each, and say so to the exporters."""
        backlog = runtime.current().store.backlog
        for _ in range(jobs):
            job = self._make.job()
            backlog.intend(job)
            for state in (JobState.QUEUED, JobState.COMPLETED):
                seen = self._make.seen(job, id=f"video_{job.job_id}", state=state)
                backlog.record(seen)
        runtime.current().relay.wake()

    def arrived(self):
        """The processes that took events, and the events, in the order in which they did."""
        path = self.folder / "noisy.txt"
        lines = path.read_text("ascii").splitlines() if path.exists() else []
        return [line.split() for line in lines]


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """An empty ledger."""
    yield Stage(tmp_path, monkeypatch)
    runtime.reset()


def test_another_process_delivers_and_ends_with_this_one(stage):
    """Everything arrives once, from it; what exporters print does not disturb it."""
    relay = stage.set_up()
    stage.record(100)
    assert relay.flush(SOON_S) == 0
    pid = relay.process.pid
    arrived = stage.arrived()
    assert {int(one) for one, _ in arrived} == {pid} != {os.getpid()}
    assert len({event for _, event in arrived}) == len(arrived) == 200

    assert runtime.shutdown(SOON_S) == 0

    assert relay.process.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_it_is_not_started_before_anything_waits(stage):
    """A process that has nothing to send takes no memory for it."""
    relay = stage.set_up()
    relay.start()
    assert relay.flush(SOON_S) == 0
    assert relay.process.pid is None
    stage.record()
    assert relay.flush(SOON_S) == 0
    assert relay.process.pid is not None


def test_what_was_left_before_goes_out_at_the_start(stage):
    """Nothing has to happen first."""
    runtime.configure(config.load({"ledger": f"sqlite:///{stage.folder}/ledger.db"}, {}))
    store = runtime.current().store
    store.route, store.exporters = "noisy", ("noisy",)  # as if it had been killed before it sent
    stage.record(3)
    relay = stage.set_up()
    relay.start()
    assert relay.flush(SOON_S) == 0
    assert len(stage.arrived()) == 6


def test_one_that_is_killed_is_started_again(stage, caplog, monkeypatch):
    """It is said, and what it did not deliver arrives."""
    monkeypatch.setattr(process, "FIRST_REST_S", 0.01)
    relay = stage.set_up()
    stage.record()
    assert relay.flush(SOON_S) == 0
    first = relay.process.pid
    os.kill(first, signal.SIGKILL)
    _until(lambda: "was ended by signal 9" in caplog.text)
    stage.record()
    _until(lambda: len(stage.arrived()) == 4)
    assert relay.process.pid not in {first, None}


def test_signals_of_a_terminal_or_a_manager_are_for_the_one_that_serves(stage):
    """It still has something to deliver when they come."""
    relay = stage.set_up()
    stage.record()
    assert relay.flush(SOON_S) == 0
    first = relay.process.pid
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(first, number)
    stage.record()
    assert relay.flush(SOON_S) == 0
    assert {int(pid) for pid, _ in stage.arrived()} == {first}


def test_metrics_and_logs_come_out_here(stage, caplog):
    """How often an exporter took something, and what it says when it is down."""
    told = {}
    with Sink() as sink:
        sink.answers(410)
        hook = {"url": sink.url, "allow_http": True, "allow_private": True}
        relay = stage.set_up("webhook", webhook=hook)
        runtime.count()
        stage.record()
        relay.flush(SOON_S)
    with caplog.at_level(logging.WARNING):
        _until(lambda: "webhook" in runtime.current().signals.exporters.states)
    for sample in runtime.counted():
        told[sample.instrument, sample.attributes.get(names.EXPORTER_ID)] = sample
    assert told[deliveries.DELIVERED, "noisy"].value == 2
    assert relay.left == 2
    assert "exporter.down" in caplog.text


def test_an_exporter_that_does_not_end_is_ended(stage):
    """The time of a shutdown holds, whatever it does."""
    relay = stage.set_up(noisy={"hangs": True})
    stage.record()
    assert relay.flush(SOON_S) == 0
    pid = relay.process.pid
    assert runtime.shutdown(0.5) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def _until(holds):
    """Look again and again, as long as a test may take."""
    deadline = time.monotonic() + SOON_S
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline
        pause.wait(0.01)
