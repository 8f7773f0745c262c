"""The process that delivers for another one, which asks through stdin and is told through stdout.

It ends when it is asked to, or when the other one is gone: signals that a terminal or a service
manager sends to both are left to the one that serves, which still has something to deliver then.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import sys
from typing import TYPE_CHECKING

from vidobs.core.errors import VidobsError
from vidobs.runtime.apart import messages
from vidobs.runtime.apart.messages import End, Flush, Flushed, Voice
from vidobs.runtime.relaying import Relaying

if TYPE_CHECKING:
    from vidobs.config import Loaded

ORPHANED_S = 2.0  # what a batch that is under way gets when nobody asked for the end
_log = logging.getLogger("vidobs")


def main() -> None:
    """Deliver until asked to end."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what an exporter prints is no message
    voice = Voice(pipe)
    logging.getLogger().addHandler(voice)
    loaded: Loaded = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this
    try:
        _deliver(loaded, voice)
    except VidobsError as error:
        _log.error("exporters cannot run: %s", error)
        sys.exit(1)


def _deliver(loaded: Loaded, voice: Voice) -> None:
    relaying = Relaying(loaded, tell=voice, alone=False)
    timeout_s = ORPHANED_S
    try:
        relaying.start()
        for line in sys.stdin.buffer:
            asked = messages.read_asked(line)
            if isinstance(asked, End):
                timeout_s = asked.timeout_s
                break
            if isinstance(asked, Flush):
                relaying.flush(asked.timeout_s)
                voice.say(Flushed(asked.number))
            else:
                relaying.wake()
    finally:
        relaying.close(timeout_s)
