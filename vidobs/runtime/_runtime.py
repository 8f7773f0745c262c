"""The composition root: what one process's vidobs is made of."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from vidobs._guard import Guard
from vidobs.config import HttpSpans, OtelSetup
from vidobs.core import ids
from vidobs.core.capture import Fingerprint
from vidobs.core.events import EventName
from vidobs.delivery.callbacks import Callbacks
from vidobs.dialects.openai import CallContext, address_of, provider_of
from vidobs.observer.observer import Observer
from vidobs.runtime import parts
from vidobs.runtime.maintenance import Maintenance
from vidobs.runtime.media import MediaKeeper
from vidobs.runtime.outbox_limits import said
from vidobs.runtime.reach import reach
from vidobs.runtime.standings import standings_of
from vidobs.runtime.stored_assets import AssetStore
from vidobs.telemetry import http
from vidobs.telemetry.doubles import refuse_twice
from vidobs.telemetry.signals import Signals
from vidobs.telemetry.spans import Tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vidobs.config import Loaded, Settings
    from vidobs.core.protocols import Clock, Exporter, Happening
    from vidobs.delivery.relay import Relay
    from vidobs.runtime.apart.relay import RelayApart
    from vidobs.runtime.outbox_limits import Dropped
    from vidobs.telemetry.deliveries import ExporterStanding
    from vidobs.telemetry.setup import Handle, Kind
    from vidobs.telemetry.totals import Totals

_log = logging.getLogger("vidobs")
_KIND: dict[OtelSetup, Kind] = {OtelSetup.CONSOLE: "console", OtelSetup.OTLP: "otlp"}
_MODE: dict[HttpSpans, http.HttpSpans] = {HttpSpans.CREATES: "creates", HttpSpans.ALL: "all"}
_NOTHING: AbstractContextManager[None] = nullcontext()


class Runtime:
    """Everything of one process, wired together. Opens nothing before the first call."""

    _closed = False
    _recorded = False  # events of which the durable exporters were not told

    def __init__(
        self,
        loaded: Loaded,
        *,
        callbacks: Callbacks | None = None,
        clock: Clock = time,
        look_at: Callable[[], Sequence[ExporterStanding]] = tuple,
        totals: Totals | None = None,
        apart: bool = False,
    ) -> None:
        """Wire it up. `look_at` returns the standings of the runtime that there is by then.

        `apart` has a process of its own deliver to durable exporters, where that has all it needs:
        a ledger in a file, and exporters that are named and not handed over.
        """
        settings = loaded.settings
        self.loaded = loaded
        self.settings = settings
        self.clock = clock
        self.signals = Signals(standings=look_at, totals=totals)
        self.guard = Guard(tell=self.signals.guard_tripped)
        self.bits = Random().getrandbits  # noqa: S311 - ids, not secrets; a fork makes a new one
        self.rules = parts.rules_of(loaded)
        self.callbacks = callbacks or Callbacks(report=parts.report_fault)
        self._otel = _set_up(settings)
        self.tracing = Tracing(getrandbits=self.bits, same_trace_s=settings.same_trace_s)
        self.store = parts.store_of(
            loaded,
            self.rules,
            clock=clock,
            getrandbits=self.bits,
            tell_dropped=self._events_dropped,
        )
        named = all(isinstance(each, str) for each in settings.callbacks)
        self.apart = apart and named and settings.ledger.path is not None
        self._resolve_callbacks()
        self.maintenance = Maintenance(
            begin=self._begin, publish=self._publish, chores=self._chores, guard=self.guard
        )
        self.store.wake = self.maintenance.wake
        self.media = self._media_keeper()
        self.observer = self._observer()
        self._fingerprint: Fingerprint | None = None
        self.assets = self._asset_store()
        if self.relay.route or self.assets is not None:
            self.maintenance.start()  # what an earlier process left goes out now

    def _observer(self) -> Observer:
        return Observer(
            backlog=self.store.backlog,
            tracing=self.tracing,
            rules=self.rules,
            clock=self.clock,
            getrandbits=self.bits,
            hand_on=self.maintenance.hand_on,
            guard=self.guard,
            poll_spans=self.settings.poll_spans.value,
            keeper=self.media,
        )

    def _media_keeper(self) -> MediaKeeper:
        return MediaKeeper(
            self.settings,
            clock=self.clock,
            getrandbits=self.bits,
            record=self.store.backlog.record,
            lost=self.signals.media_lost,
            wake=self.maintenance.wake,
        )

    def _asset_store(self) -> AssetStore | None:
        place = self.settings.store
        if place is None:
            return None
        return AssetStore(
            Path(place.path),
            self.store,
            reach=partial(reach, self),
            clock=self.clock,
            getrandbits=self.bits,
            guard=self.guard,
        )

    @property
    def _sent_by_otlp(self) -> tuple[str, ...]:
        otel = self._otel
        return otel.signals if otel is not None and self.settings.otel is OtelSetup.OTLP else ()

    def _resolve_callbacks(self) -> None:
        found = parts.resolved(self.loaded, self.settings.callbacks)
        refuse_twice(found.exporters, signals=self._sent_by_otlp)
        self.relay = self._relay_to(found.exporters)
        self._unsubscribe = [self.callbacks.add("*", function) for function in found.functions]

    def _relay_to(self, exporters: Iterable[Exporter]) -> Relay | RelayApart:
        relay_of = partial(parts.relay_apart_of, loaded=self.loaded)
        make = relay_of if self.apart else parts.relay_of
        return make(
            exporters,
            self.store,
            clock=self.clock,
            getrandbits=self.bits,
            tell=self.signals.exporters,
        )

    # -- what the edges ask for --------------------------------------------------------------------

    def call_context(
        self, *, base_url: str, client: str, provider: str | None, dialect: str | None
    ) -> CallContext:
        """Return what is the same for every call of a client."""
        found_provider, found_dialect = provider_of(base_url, client)
        address, port = address_of(base_url)
        return CallContext(
            provider=provider or found_provider,
            dialect=dialect or found_dialect,
            policy=self.settings.capture,
            fingerprint=self.fingerprint(),
            server_address=address,
            server_port=port,
        )

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprints with the ledger's key; opens the ledger."""
        if self._fingerprint is None:
            self._fingerprint = Fingerprint(self.store.fingerprint_key())
        return self._fingerprint

    def new_key(self) -> str:
        """Return a fresh idempotency key."""
        return "vidobs-" + ids.uuid7_hex(self.clock.time_ns(), self.bits(ids.SEED_BITS))

    def instrument(self, client: Any) -> bool:  # noqa: ANN401 - the SDK is never imported
        """Give a client's requests HTTP spans, where wanted; return whether ours are on it."""
        mode = self.settings.http_spans
        if mode is HttpSpans.OFF or not self.tracing.active:
            return False
        inner = client._client  # noqa: SLF001 - the SDK has no public name for its HTTP client
        return http.instrument(inner, self.tracing, _MODE[mode], guard=self.guard)

    def quiet(self, *, instrumented: bool) -> AbstractContextManager[None]:
        """Return a context for polls: without HTTP spans of ours, unless all are wanted."""
        if instrumented and self.settings.http_spans is HttpSpans.CREATES:
            return http.suppressed()
        return _NOTHING

    @property
    def all_polls_live(self) -> bool:
        """Whether polls have open spans, for their HTTP spans to go under."""
        return self.settings.http_spans is HttpSpans.ALL and self.tracing.active

    @property
    def counts_calls(self) -> bool:
        """Whether anybody measures single calls."""
        return self.signals.counts_calls

    # -- the maintenance thread --------------------------------------------------------------------

    def _begin(self) -> None:
        self.callbacks.start()
        self.relay.start()
        if self.assets is not None:
            self.assets.start()

    def _publish(self, batch: Sequence[Happening]) -> None:
        self.signals.publish(batch)
        events = [event for seen in batch for event in seen.events]
        if events:
            self.callbacks.dispatch(events)
            self.relay.push(events)
            self._recorded = True
        if self.assets is not None and any(each.name is EventName.COMPLETED for each in events):
            self.assets.wake()

    def _chores(self) -> float:
        if self._recorded:  # once for many batches
            self._recorded = False
            self.relay.wake()
        late, rest = self.store.keep(time.monotonic())
        worked = self.guard.run("media", self.media.work, time.monotonic())
        if worked is not None:
            late, rest = late + worked[0], min(rest, worked[1])
        if late:
            for event in (event for seen in late for event in seen.events):
                self.observer.note_spend(event.job)
            self._publish(late)
            self.relay.wake()
        return rest

    def _events_dropped(self, dropped: Dropped) -> None:
        """Say and count which events durable exporters never get."""
        _log.warning("%s", said(dropped))
        for (exporter, reason), events in dropped.items():
            self.signals.exporters.dropped(exporter, events=events, reason=reason.value)

    def standings(self) -> Sequence[ExporterStanding]:
        """Return how the exporters stand. For any thread; neither raises nor waits for a writer."""
        path, states = self.settings.ledger.path, dict(self.signals.exporters.states)
        now = datetime.fromtimestamp(self.clock.time_ns() / 1e9, UTC)
        found = self.guard.run("standings", standings_of, path, self.relay.route, states, now)
        return found or ()

    # -- flush and the end -------------------------------------------------------------------------

    def settle(self, timeout_s: float) -> bool:
        """Wait until functions were told of what happened so far; exporters may lag behind."""
        deadline = time.monotonic() + timeout_s
        published = self.maintenance.flush(timeout_s)
        while published and self.media.waiting:
            published = self.maintenance.flush(_until(deadline))
        return self.callbacks.drain(_until(deadline)) == 0 and published

    def flush(self, timeout_s: float) -> int:
        """Wait until everything is written and delivered; return what is left."""
        deadline = time.monotonic() + timeout_s
        self._write(deadline)
        self.callbacks.drain(_until(deadline) / 2)  # one that hangs leaves exporters their half
        left = self.relay.flush(_until(deadline))
        if self._otel is not None:
            self._otel.flush(_until(deadline))
        return left + self.maintenance.left + self.callbacks.left + self.store.backlog.waiting

    def shutdown(self, timeout_s: float) -> int:
        """Flush, then end threads and give the files back; return what is left."""
        if self._closed:
            return 0
        deadline = time.monotonic() + timeout_s
        self._write(deadline)
        left = self.callbacks.close(_until(deadline) / 2)  # one that hangs leaves others their half
        return left + self.retire(_until(deadline))

    def retire(self, timeout_s: float) -> int:
        """End everything but the callbacks, which may go on with another runtime."""
        self._closed = True
        deadline = time.monotonic() + timeout_s
        self._write(deadline)
        self.forget_functions()
        left = self.relay.close(_until(deadline)) + self.maintenance.left
        self.maintenance.stop(_until(deadline))
        if self.assets is not None:
            self.assets.close(_until(deadline))
        self.media.close()
        lost = self.store.close()
        if lost:
            self.signals.lost(lost, "the ledger could not be written before the process ended")
        if self._otel is not None:
            self._otel.shutdown(_until(deadline))
        return left + lost

    def _write(self, deadline: float) -> None:
        """Publish what happened, make the pictures, write what waits unless that stays broken."""
        backlog = self.store.backlog
        while True:
            backlog.hurry()
            self.maintenance.flush(_until(deadline))
            unwritten = backlog.waiting and not backlog.broken
            if not (unwritten or self.media.waiting) or time.monotonic() >= deadline:
                return

    def forget_functions(self) -> None:
        """Unsubscribe the functions that came with the settings."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()


def _set_up(settings: Settings) -> Handle | None:
    """Set OpenTelemetry's SDK up where that is asked for; a process without it never loads it."""
    if settings.otel is OtelSetup.NONE:
        return None
    from vidobs.telemetry import setup

    return setup.set_up(_KIND[settings.otel], service_name=settings.service_name)


def _until(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
