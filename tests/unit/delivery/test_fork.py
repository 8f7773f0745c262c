"""What a forked child does with callbacks and exporters that its parent used."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, os, sys, threading, time
from datetime import UTC, datetime
from vidobs.core.events import EventName, VideoEvent
from vidobs.core.jobs import Job, TraceRef
from vidobs.delivery.callbacks import Callbacks
from vidobs.delivery.relay import Relay

def event(number):
    now = datetime.now(UTC)
    trace = TraceRef(trace_id="4b" * 16, span_id="00f067aa0ba902b7")
    job = Job(job_id="j", provider="openai", dialect="openai", created_at=now, trace=trace)
    return VideoEvent(id=f"event-{number}", name=EventName.COMPLETED, at=now, job=job)

class Live:
    name, durable = "live", False
    def export(self, batch): seen.extend(("live", os.getpid(), one.id) for one in batch)
    def close(self): pass

async def asynchronous(one):
    await asyncio.get_running_loop().run_in_executor(None, int)
    seen.append(("async", os.getpid(), one.id))
    done.release()

def report(where, error): print(where, repr(error))

seen, hung, done, parent = [], threading.Event(), threading.Semaphore(0), os.getpid()
def hang(one):
    if os.getpid() == parent:
        hung.set()
        time.sleep(3600)
    seen.append(("hang", os.getpid(), one.id))

callbacks = Callbacks(report=report)
relay = Relay([Live()], outbox=None, clock=time, owner="parent", report=report)
def start_over():
    callbacks.after_fork()
    relay.after_fork("child")
os.register_at_fork(after_in_child=start_over)

def send(number):
    callbacks.dispatch([event(number)])
    relay.push([event(number)])

callbacks.add("*", hang)
callbacks.add("*", asynchronous)
send(1)
hung.wait()
done.acquire(timeout=30)
relay.flush(30)

child = os.fork()
if child == 0:
    assert threading.active_count() == 1
    send(2)
    left = callbacks.drain(30), relay.flush(30)
    mine = sorted((who, what) for who, pid, what in seen if pid == os.getpid())
    print(left, mine, flush=True)
    os._exit(0)
os.waitpid(child, 0)
send(3)
relay.flush(30)
done.acquire(timeout=30)
print(sorted((who, what) for who, pid, what in seen if pid == parent))
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_parent_and_child_go_on_side_by_side():
    """The child starts with empty queues and new threads and loops; the parent does not notice."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )

    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "(0, 0) [('async', 'event-2'), ('hang', 'event-2'), ('live', 'event-2')]",
        "[('async', 'event-1'), ('async', 'event-3'), ('live', 'event-1'), ('live', 'event-3')]",
    ]
