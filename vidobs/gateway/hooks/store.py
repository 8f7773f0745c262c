"""Where endpoints and deliveries are kept: a file of the gateway's own, readable by its owner only.

Secrets stand in it as they are, because bodies are signed with them.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from vidobs.core.errors import VidobsError
from vidobs.gateway.hooks.records import Delivery, Endpoint
from vidobs.gateway.sqlite_file import FileKind, queries
from vidobs.ledger import codec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from vidobs.gateway.hooks.messages import Message

FILE_NAME = "gateway-webhooks.db"
_HOME = "vidobs.gateway.hooks"
_encode = msgspec.msgpack.Encoder().encode
_secrets = msgspec.msgpack.Decoder(tuple[bytes, ...])
_endpoint = msgspec.msgpack.Decoder(Endpoint)


class HookStoreError(VidobsError):
    """The file of webhooks cannot be used."""


KIND = FileKind(
    what="webhooks",
    error=HookStoreError,
    application_id=0x76696477,  # "vidw"
    home=_HOME,
    wait_ms=5000,
    pragmas=("foreign_keys = ON",),
)


class HookStore(Protocol):
    """Endpoints, the queue, and how far the ledger was read. Methods may block."""

    def add(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint."""
        ...

    def change(self, endpoint: Endpoint) -> None:
        """Keep an endpoint as it is now."""
        ...

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """Return an endpoint."""
        ...

    def endpoints(self, owner: str) -> list[Endpoint]:
        """Return the endpoints of an owner, oldest first."""
        ...

    def drop(self, endpoint_id: str, owner: str) -> bool:
        """Forget an endpoint and what is on its way to it; return whether there was one."""
        ...

    def place(self, ledger: str) -> int | None:
        """Return how far a ledger was read; `None` for one that was never."""
        ...

    def take(self, ledger: str, place: int, messages: Sequence[Message], now: datetime) -> int:
        """Queue messages for the endpoints that want them, and remember the place: all or nothing.

        Returns how many deliveries that made; what is queued already is not queued again.
        """
        ...

    def due(self, now: datetime, limit: int) -> list[Delivery]:
        """Return what is to be sent now, the longest due first."""
        ...

    def next_due(self) -> datetime | None:
        """Return when the next delivery is due."""
        ...

    def waiting(self, endpoint_id: str) -> int:
        """Count what is on its way to an endpoint."""
        ...

    def done(self, delivery: Delivery) -> None:
        """Forget a delivery: it was taken, or given up."""
        ...

    def postpone(self, delivery: Delivery) -> None:
        """Keep when to try a delivery again."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...


class SqliteHookStore:
    """The store in SQLite. Thread-safe."""

    def __init__(self, path: str) -> None:
        """Open, and if need be make, the file. Raises `HookStoreError`."""
        self.path = path
        self._lock = Lock()
        self._sql = queries(_HOME)
        self._connection = KIND.open(path)

    def add(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint."""
        row = (endpoint.id, endpoint.owner, *_written(endpoint))
        with self._held():
            self._connection.execute(self._sql["add_endpoint"], row)

    def change(self, endpoint: Endpoint) -> None:
        """Keep an endpoint as it is now."""
        with self._held():
            self._connection.execute(
                self._sql["change_endpoint"], (*_written(endpoint), endpoint.id)
            )

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """Return an endpoint."""
        return next(iter(self._endpoints("endpoint", endpoint_id)), None)

    def endpoints(self, owner: str) -> list[Endpoint]:
        """Return the endpoints of an owner, oldest first."""
        return self._endpoints("endpoints_of", owner)

    def drop(self, endpoint_id: str, owner: str) -> bool:
        """Forget an endpoint and what is on its way to it."""
        with self._held():
            self._connection.execute(self._sql["drop_endpoint"], (endpoint_id, owner))
            return self._connection.changes() > 0

    def place(self, ledger: str) -> int | None:
        """Return how far a ledger was read."""
        found = self._all("place", ledger)
        return int(found[0][0]) if found else None

    def take(self, ledger: str, place: int, messages: Sequence[Message], now: datetime) -> int:
        """Queue messages, and remember the place: all or nothing."""
        made, now_us = 0, codec.us(now)
        with self._held(), self._connection:
            for message in messages:
                for endpoint in self._load("endpoints_of", message.owner):
                    if endpoint.disabled is None and message.event in endpoint.events:
                        row = (endpoint.id, message.event_id, message.body, now_us, now_us)
                        self._connection.execute(self._sql["add_delivery"], row)
                        made += self._connection.changes()
            self._connection.execute(self._sql["keep_place"], (ledger, place))
        return made

    def due(self, now: datetime, limit: int) -> list[Delivery]:
        """Return what is to be sent now."""
        return [_delivery(row) for row in self._all("due", codec.us(now), limit)]

    def next_due(self) -> datetime | None:
        """Return when the next delivery is due."""
        [(due_us,)] = self._all("next_due")
        return None if due_us is None else codec.moment(due_us)

    def waiting(self, endpoint_id: str) -> int:
        """Count what is on its way to an endpoint."""
        return int(self._all("waiting", endpoint_id)[0][0])

    def done(self, delivery: Delivery) -> None:
        """Forget a delivery."""
        with self._held():
            key = (delivery.endpoint_id, delivery.event_id)
            self._connection.execute(self._sql["delivered"], key)

    def postpone(self, delivery: Delivery) -> None:
        """Keep when to try a delivery again."""
        with self._held():
            self._connection.execute(
                self._sql["postpone"],
                (
                    codec.us(delivery.due_at),
                    delivery.attempts,
                    delivery.last_error,
                    delivery.endpoint_id,
                    delivery.event_id,
                ),
            )

    def close(self) -> None:
        """Give the file back."""
        with self._held():
            self._connection.close()

    # -- inside ------------------------------------------------------------------------------------

    @contextmanager
    def _held(self) -> Iterator[None]:
        with self._lock, KIND.translated(self.path):
            yield

    def _all(self, query: str, *bindings: str | int) -> list[Any]:
        with self._held():
            return self._connection.execute(self._sql[query], bindings).fetchall()

    def _endpoints(self, query: str, binding: str) -> list[Endpoint]:
        with self._held():
            return self._load(query, binding)

    def _load(self, query: str, binding: str) -> list[Endpoint]:
        rows: list[Any] = self._connection.execute(self._sql[query], (binding,)).fetchall()
        return [
            msgspec.structs.replace(_endpoint.decode(doc), keys=_secrets.decode(secrets))
            for doc, secrets in rows
        ]


def _written(endpoint: Endpoint) -> tuple[bytes, bytes]:
    bare = msgspec.structs.replace(endpoint, keys=())
    return _encode(bare), _encode(endpoint.keys)


def _delivery(row: Any) -> Delivery:  # noqa: ANN401 - a row of SQLite
    endpoint_id, event_id, body, created_us, due_us, attempts, last_error = row
    return Delivery(
        event_id=event_id,
        endpoint_id=endpoint_id,
        body=body,
        created_at=codec.moment(created_us),
        due_at=codec.moment(due_us),
        attempts=attempts,
        last_error=last_error,
    )
