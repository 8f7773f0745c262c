"""What every process is made of, whether it observes or only delivers."""

from __future__ import annotations

import logging
import os
from functools import partial
from traceback import format_tb
from typing import TYPE_CHECKING

from vidobs.core.errors import ExportError
from vidobs.core.machine import Rules
from vidobs.core.policies import POLICIES
from vidobs.core.prices import PriceBook, read_price_table
from vidobs.core.scrub import scrub, scrub_exception
from vidobs.data import price_table
from vidobs.delivery import registry
from vidobs.delivery.relay import Relay
from vidobs.delivery.relay_worker import CHECK_S
from vidobs.ledger import processes
from vidobs.ledger.database import MEMORY
from vidobs.runtime.apart.process import RelayProcess
from vidobs.runtime.apart.relay import RelayApart, waits
from vidobs.runtime.late_outbox import LateOutbox
from vidobs.runtime.outbox_limits import OutboxLimits
from vidobs.runtime.retention import Retention
from vidobs.runtime.store import LedgerStore
from vidobs.runtime.watching import Watch
from vidobs.telemetry import http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vidobs.config import Loaded
    from vidobs.core.protocols import Clock, Exporter, RelayListener
    from vidobs.delivery.registry import Resolved
    from vidobs.runtime.outbox_limits import Dropped

_log = logging.getLogger("vidobs")


def built_in_prices() -> PriceBook:
    """Return the price book that ships with vidobs."""
    return PriceBook(read_price_table(price_table()).rows)


def rules_of(loaded: Loaded) -> Rules:
    """Return the prices and the billing rules that hold."""
    settings = loaded.settings
    book = built_in_prices()
    if settings.prices:
        book = book.with_rows(settings.prices)
    return Rules(book, {**POLICIES, **settings.policies})


def store_of(
    loaded: Loaded,
    rules: Rules,
    *,
    clock: Clock,
    getrandbits: Callable[[int], int],
    tell_dropped: Callable[[Dropped], None],
) -> LedgerStore:
    """Return the ledger that the settings name, with all care for it; nothing is opened."""
    settings = loaded.settings
    path = settings.ledger.path or MEMORY
    return LedgerStore(
        path,
        rules,
        clock=clock,
        getrandbits=getrandbits,
        report=_log.error,
        full_sync=settings.durability.value == "full",
        retention=Retention(
            path, days=settings.retention_days, content_days=settings.retention_content_days
        ),
        limits=OutboxLimits(
            max_bytes=settings.outbox_max_bytes,
            max_days=settings.outbox_max_days,
            tell=tell_dropped,
        ),
        watch=Watch(
            stuck_after_s=settings.stuck_after_s,
            expiring_before_s=settings.expiring_before_s,
            getrandbits=getrandbits,
        ),
    )


def bare_store_of(
    loaded: Loaded, rules: Rules, *, clock: Clock, getrandbits: Callable[[int], int]
) -> LedgerStore:
    """Return the ledger that the settings name, for one of two processes: the other cares for it.

    Nothing old is taken out and nothing is said by the clock. Nothing is opened.
    """
    settings = loaded.settings
    return LedgerStore(
        settings.ledger.path or MEMORY,
        rules,
        clock=clock,
        getrandbits=getrandbits,
        report=_log.error,
        full_sync=settings.durability.value == "full",
    )


def resolved(loaded: Loaded, items: Iterable[object]) -> Resolved:
    """Return the exporters and the functions that `callbacks` name.

    Exporters that have an option `service_name` get the setting, unless OTEL_SERVICE_NAME says
    otherwise: in process that comes before it, too.

    Raises:
        ConfigError: one cannot be built.
    """
    settings = loaded.settings
    named = settings.service_name and not os.environ.get("OTEL_SERVICE_NAME")
    return registry.resolve(
        items,
        settings.exporters,
        capture=settings.capture,
        places=loaded.places,
        defaults={"service_name": settings.service_name} if named else {},
    )


def relay_of(
    exporters: Iterable[Exporter],
    store: LedgerStore,
    *,
    clock: Clock,
    getrandbits: Callable[[int], int],
    tell: RelayListener | None = None,
    watch_s: float = CHECK_S,
) -> Relay:
    """Return what delivers from a ledger, which from now on routes to these exporters."""
    relay = Relay(
        exporters,
        outbox=LateOutbox(store),
        clock=clock,
        owner=processes.owner_name(getrandbits(32)),
        report=report_fault,
        quiet=http.suppressed,
        tell=tell,
        watch_s=watch_s,
    )
    _route(store, relay.route)
    return relay


def relay_apart_of(
    exporters: Iterable[Exporter],
    store: LedgerStore,
    *,
    loaded: Loaded,
    clock: Clock,
    getrandbits: Callable[[int], int],
    tell: RelayListener,
) -> Relay | RelayApart:
    """Return what has another process deliver to durable exporters, and delivers to the others.

    The durable ones are made there once more: these here have only shown that they can be, and
    hold nothing yet that would have to be given back.
    """
    known = tuple(exporters)
    names = [one.name for one in known if one.durable]
    others = [one for one in known if not one.durable]
    live = relay_of(others, store, clock=clock, getrandbits=getrandbits, tell=tell)
    if not names:
        return live
    outbox = LateOutbox(store)
    process = RelayProcess(
        loaded, waits=partial(waits, names, outbox), listener=tell, report=report_fault
    )
    relay = RelayApart(names, live=live, process=process, outbox=outbox, report=report_fault)
    _route(store, relay.route)
    return relay


def _route(store: LedgerStore, route: str) -> None:
    store.route = route
    store.exporters = tuple(filter(None, route.split(",")))


def report_fault(where: str, error: BaseException) -> None:
    """Say that a callback or an exporter failed: a text without secrets, and where in the code.

    An exporter that says itself what is wrong needs no places: its receiver is down, not its code.
    """
    if isinstance(error, ExportError):
        said = scrub(str(error))
        _log.warning("%s", said if said.startswith("exporter ") else f"{where}: {said}")
        return
    places = "".join(format_tb(error.__traceback__))
    _log.warning("%s failed: %s\n%s", where, scrub_exception(error), places)
