"""One of several processes that see the same jobs: `race.py SEED JOBS`; starts at a line on stdin.

Records three polls of every job, in any order, through the backlog; says what it was told of.
"""

import json
import os
import random
import sys
import time

from ledger_kit import RULES, Maker

from vidobs.core.jobs import JobState
from vidobs.ledger.backlog import Deferred
from vidobs.runtime.store import LedgerStore

PATIENCE_S = 60
seed, jobs = map(int, sys.argv[1:])
path = os.environ["VIDOBS_LEDGER"].removeprefix("sqlite:///")
make = Maker(seed, time.time_ns())
reports, told, deferred = [], [], 0
store = LedgerStore(
    path,
    RULES,
    clock=time,
    getrandbits=make.bits,
    report=reports.append,
    full_sync=False,
)
store.route = "first"
states = [JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED]
answers = [(f"video_{number}", state) for number in range(jobs) for state in states]
random.Random(seed).shuffle(answers)
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
for video, state in answers:
    try:
        told += store.backlog.record(make.poll(video, state)).events
    except Deferred:
        deferred += 1
        told += [event for seen in store.keep(time.monotonic())[0] for event in seen.events]
deadline = time.monotonic() + PATIENCE_S
while store.backlog.waiting and time.monotonic() < deadline:
    told += [event for seen in store.keep(time.monotonic())[0] for event in seen.events]
said = {
    "told": [event.id for event in told],
    "ends": sum(event.name.terminal for event in told),
    "deferred": deferred,
    "reports": reports,
    "lost": store.close(),
}
sys.stdout.write(json.dumps(said))
