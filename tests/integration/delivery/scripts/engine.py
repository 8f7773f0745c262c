"""A process with a sink of its own: `engine.py WHAT LEDGER OUT`.

The sink appends a line to OUT for each event it gets: the process, then the event's id. What it
does besides depends on WHAT the process is for; see the functions below.
"""

import logging
import os
import sys
import threading
import time

from ledger_kit import Maker

import vidobs
from vidobs import runtime
from vidobs.core.jobs import JobState

WHAT, LEDGER, OUT = sys.argv[1:]
SOON = 30
STATES = (JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED)


class Sink:
    """Writes down what it gets, at once, and then takes its time."""

    name = "sink"
    durable = True
    rest_s = 0.0  # after each batch
    begun = threading.Event()
    hangs = False

    def export(self, batch):
        """Take a batch."""
        lines = "".join(f"{os.getpid()} {one.id}\n" for one in batch)
        if self.hangs:
            say("begun")
            time.sleep(3600)
        with open(OUT, "a", encoding="ascii") as out:  # noqa: PTH123 - one write each
            out.write(lines)
        self.begun.set()
        time.sleep(self.rest_s)

    def close(self):
        """Do nothing."""


def say(what):
    """Tell whoever waits."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def start():
    """Set vidobs up, as a program does."""
    logging.basicConfig()
    sink = Sink()
    vidobs.configure(ledger=f"sqlite:///{LEDGER}", callbacks=[sink])
    return sink


def record(jobs):
    """Record jobs to their end, three events each, and tell of them."""
    make = Maker(os.getpid(), time.time_ns())
    one = runtime.current()
    for _ in range(jobs):
        job = make.job()
        one.store.backlog.intend(job)
        for state in STATES:
            seen = make.seen(job, id=f"video_{job.job_id}", state=state)
            one.store.backlog.record(seen)
    while one.store.backlog.waiting:
        one.store.keep(time.monotonic())
    one.relay.wake()


def hang():
    """Be in the middle of an export until somebody kills this process."""
    start().hangs = True
    record(5)
    time.sleep(3600)


def leave():
    """Record ten thousand events for a slow sink, and end."""
    start().rest_s = 0.5
    record(3334)


def deliver():
    """Deliver what others left; say how many events are left then."""
    start()
    say(runtime.current().relay.drain(SOON / 2))


def fork():
    """Fork three times in the middle of deliveries; parent and children all record and deliver."""
    sink = start()
    sink.rest_s = 0.02
    record(100)
    assert sink.begun.wait(SOON)
    children = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            record(20)
            left = vidobs.shutdown(timeout=SOON)
            os._exit(0 if left == 0 else 1)
        children.append(pid)
        record(20)
    for child in children:
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0, "a child"
    say(vidobs.shutdown(timeout=SOON))


{"hang": hang, "leave": leave, "deliver": deliver, "fork": fork}[WHAT]()
