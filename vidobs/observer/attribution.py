"""Who a job is for: `vidobs.context(user=..., tags={...})`.

A context variable carries it across `await` and into tasks. Threads start with an empty context, so
the first use of a context makes `threading.Thread` and `ThreadPoolExecutor` hand the attribution
on, and nothing else; code without a context runs exactly as before.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from vidobs.core.calls import NOBODY, Attribution
from vidobs.core.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_T = TypeVar("_T")

_CURRENT: ContextVar[Attribution] = ContextVar("vidobs_attribution", default=NOBODY)
_MARK = "_vidobs_hands_on"
_OWN_THREADS = "vidobs-"  # they work for everybody, whoever was the first to need them


def current() -> Attribution:
    """Return who the calls of this task or thread are for."""
    return _CURRENT.get()


@contextmanager
def context(
    *, user: str | None = None, tags: Mapping[str, object] | None = None
) -> Iterator[Attribution]:
    """Attribute every job created inside to a user and tags.

    Contexts nest: an inner one adds its tags to the outer's and replaces its user. Values become
    text of at most 200 characters, with secrets removed.
    """
    _hand_on_to_threads()
    outer = _CURRENT.get()
    inner = Attribution(
        user=outer.user if user is None else scrub(str(user), 200),
        tags={**outer.tags, **{str(k)[:100]: scrub(str(v), 200) for k, v in (tags or {}).items()}},
    )
    token = _CURRENT.set(inner)
    try:
        yield inner
    finally:
        _CURRENT.reset(token)


def _hand_on_to_threads() -> None:
    if not hasattr(threading.Thread.start, _MARK):
        _replace(threading.Thread, "start", _starting)
    if not hasattr(ThreadPoolExecutor.submit, _MARK):
        _replace(ThreadPoolExecutor, "submit", _submitting)


def _replace(owner: type, name: str, around: Callable[[Callable[..., Any]], Any]) -> None:
    replacement = around(getattr(owner, name))
    setattr(replacement, _MARK, True)
    setattr(owner, name, replacement)


def _starting(original: Callable[..., None]) -> Callable[..., None]:
    @wraps(original)
    def start(self: threading.Thread) -> None:
        who = _CURRENT.get()
        if who is not NOBODY and not self.name.startswith(_OWN_THREADS):
            self.run = _running_for(who, self.run)  # type: ignore[method-assign]  # this thread only
        original(self)

    return start


def _submitting(original: Callable[..., _T]) -> Callable[..., _T]:
    @wraps(original)
    def submit(
        self: ThreadPoolExecutor, fn: Callable[..., object], /, *args: object, **kw: object
    ) -> _T:
        who = _CURRENT.get()
        if who is NOBODY:
            return original(self, fn, *args, **kw)
        token = _CURRENT.set(NOBODY)  # a worker thread that starts now outlives this task
        try:
            return original(self, _running_for(who, fn), *args, **kw)
        finally:
            _CURRENT.reset(token)

    return submit


def _running_for(who: Attribution, fn: Callable[..., _T]) -> Callable[..., _T]:
    def run(*args: object, **kwargs: object) -> _T:
        token = _CURRENT.set(who)
        try:
            return fn(*args, **kwargs)
        finally:
            _CURRENT.reset(token)

    return run
