"""`vidobs.reconcile()`: settle what nobody asked about, from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs import runtime
from vidobs.core.errors import ConfigError
from vidobs.sdk.reconcile._reconciler import SINCE, Reconciler, Scope

if TYPE_CHECKING:
    from datetime import timedelta

    from vidobs.core.reconciled import ReconcileReport


def reconcile(
    *,
    since: timedelta = SINCE,
    provider: str | None = None,
    base_url: str | None = None,
    dry_run: bool = False,
) -> ReconcileReport:
    """Find out how the open jobs of the ledger ended, and return what was found.

    Jobs that are queued, running or of unknown outcome are asked about at the server that made
    them, with the key that the environment has for it. What the servers have besides, and what may
    have been made twice, is in the report. Blocks for as long as that takes; any number of
    processes may do it at once, and none asks for what another one asks for just now.

    Args:
        since: how far back to look; jobs created before are left alone.
        provider: look after the jobs of one provider only.
        base_url: the server, instead of the dialect's variable such as `OPENAI_BASE_URL`.
        dry_run: say who would be asked about what, and ask nobody.

    Raises:
        ConfigError: vidobs is switched off, or `base_url` is no address.
        AuthenticationError: there is no key for `base_url`.
        LedgerError: the ledger cannot be used.
    """
    running = runtime.current()
    if running is None:
        raise ConfigError("vidobs is switched off: there is no ledger to reconcile")
    scope = Scope(since=since, provider=provider, base_url=base_url)
    reconciler = Reconciler(running, scope)
    try:
        return reconciler.plan() if dry_run else reconciler.everything()
    finally:
        reconciler.close()
