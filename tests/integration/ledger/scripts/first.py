"""One of several processes that start at once: opens the ledger, writes a job, says the key."""

import os
import sys
import time

from ledger_kit import RULES, Maker

from vidobs.runtime.store import LedgerStore

make = Maker(os.getpid(), time.time_ns())
path = os.environ["VIDOBS_LEDGER"].removeprefix("sqlite:///")
store = LedgerStore(
    path, RULES, clock=time, getrandbits=make.bits, report=sys.stderr.write, full_sync=False
)
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
key = store.fingerprint_key()
store.backlog.intend(make.job())
while store.backlog.waiting:
    store.keep(time.monotonic())
store.close()
sys.stdout.write(key.hex())
