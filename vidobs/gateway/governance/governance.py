"""Puts keys, budgets and limits together for one gateway."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import ConfigError
from vidobs.gateway.governance.admission import Listener, LocalAdmission
from vidobs.gateway.governance.book import Book
from vidobs.gateway.governance.database import beside
from vidobs.gateway.governance.directory import Directory, secrets_of
from vidobs.gateway.governance.durations import ms
from vidobs.gateway.governance.feed import SqliteFeed
from vidobs.gateway.governance.keeper import Keeper
from vidobs.gateway.governance.projection import Projection
from vidobs.gateway.governance.rates import local_rates
from vidobs.gateway.governance.records import Account, Kind
from vidobs.gateway.governance.settings import UnknownPrice
from vidobs.gateway.governance.spend_rows import SpendRows
from vidobs.gateway.governance.sqlite_store import SqliteKeyStore
from vidobs.gateway.governance.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.gateway.governance.settings import GovernanceSettings
    from vidobs.gateway.seams import Alerts

_START = datetime(1970, 1, 1, tzinfo=UTC)


class Governance:
    """Keys, budgets and limits of one gateway: `directory` are its `Keys`, `admission` admits.

    Opening reads what the ledger says since the last time. `start` begins to follow it and the
    changes of other processes; `close` writes down what is known.
    """

    def __init__(
        self,
        settings: GovernanceSettings,
        ledger_path: str | None,
        *,
        alerts: Alerts,
        report: Callable[[str], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: Callable[[], float] = time.time,
    ) -> None:
        path = place_of(settings, ledger_path)
        if ledger_path is None:
            raise ConfigError(
                "budgets are a view of the ledger, and one in memory forgets them; point "
                "VIDOBS_LEDGER at a file, such as sqlite:///ledger.db"
            )
        self.now = now
        self.settings = settings
        self.store = SqliteKeyStore(path)
        self.rows = SpendRows(path)
        self._feed = SqliteFeed(ledger_path)
        self.directory = Directory(
            self.store,
            secrets_of(settings.master_key, settings.keys.viewer_key),
            _gateway(settings),
        )
        deny = settings.budgets.unknown_price is UnknownPrice.DENY
        self.book = Book(self.rows, deny_unpriced=deny)
        self._projection = Projection(self._feed, self.rows, self.book, now)
        self._projection.catch_up()
        self._read_ahead()
        self._teller = Teller(alerts, self.rows.told(0))
        self.admission = LocalAdmission(
            self.directory,
            self.book,
            rates=local_rates(seconds),
            listener=Listener(soft=self._teller.soft, exceeded=self._teller.exceeded),
            models=settings.limits.models,
            count_polls=settings.limits.count_polls,
        )
        self.keeper = Keeper(
            directory=self.directory,
            projection=self._projection,
            rows=self.rows,
            teller=self._teller,
            report=report,
        )

    def _read_ahead(self) -> None:
        """Sum up what has the most jobs now, and not while a request waits."""
        at_ms = ms(self.now())
        for holder in self.directory.party("").holders:
            if holder.budgeted:
                self.book.standing(holder.whose, holder.span, at_ms)

    def start(self) -> None:
        """Follow the ledger and the changes of other processes from now on."""
        self.keeper.start()

    def close(self) -> None:
        """Stop, and give the files back."""
        self.keeper.close()
        self._feed.close()
        self.rows.close()
        self.store.close()


def place_of(settings: GovernanceSettings, ledger_path: str | None) -> str:
    """Return the file of keys and budgets: as configured, else beside the ledger.

    Raises:
        ConfigError: neither is there.
    """
    if settings.keys.file is not None:
        return str(Path(settings.keys.file).expanduser())
    if ledger_path is None:
        raise ConfigError(
            "keys are kept beside the ledger, and this one is in memory; name a file in "
            "gateway.keys.file, or point VIDOBS_LEDGER at one"
        )
    return beside(ledger_path)


def _gateway(settings: GovernanceSettings) -> Account:
    """Return the account of everybody together."""
    account = Account(kind=Kind.GATEWAY, id="", created_at=_START, updated_at=_START)
    return msgspec.structs.replace(account, allowance=settings.allowance)
