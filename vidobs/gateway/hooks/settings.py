"""How webhooks to clients are set up: `gateway.webhooks`."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from vidobs.config import readers
from vidobs.core.errors import ConfigError, unknown_name
from vidobs.gateway.hooks.feed import LedgerFeed
from vidobs.gateway.hooks.reach import OPENED_BY_TRUE, Network, Reach
from vidobs.gateway.hooks.schedule import GIVE_UP_S
from vidobs.gateway.hooks.sending import TIMEOUT_S, HookSender
from vidobs.gateway.hooks.service import Hooks
from vidobs.gateway.hooks.store import FILE_NAME, SqliteHookStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs._guard import Guard
    from vidobs.core.jobs import Job

_OPTIONS = ("enabled", "allow_private", "allow_http", "timeout_s", "give_up_hours", "store")
_HOUR_S = 3600.0


class HookSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the section says."""

    enabled: bool = True
    reach: Reach = Reach()
    timeout_s: float = TIMEOUT_S
    give_up_s: float = GIVE_UP_S
    store: str | None = None  # a path; None: beside the ledger


def read_hooks(value: object, where: str) -> HookSettings:
    """Read the section.

    Raises:
        ConfigError: an option is unknown or cannot be used.
    """
    if value is None:
        return HookSettings()
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: webhooks must be a mapping")
    for name in value:
        if name not in _OPTIONS:
            raise ConfigError(f"{where}: {unknown_name('option of webhooks', str(name), _OPTIONS)}")
    given = {name: one for name, one in value.items() if one is not None}
    timeout_s = readers.seconds(given.get("timeout_s", TIMEOUT_S), f"{where}: timeout_s")
    if not timeout_s:
        raise ConfigError(f"{where}: timeout_s: allowed: more than 0 seconds")
    hours = readers.seconds(given.get("give_up_hours", GIVE_UP_S / _HOUR_S), f"{where}: hours")
    store = given.get("store")
    return HookSettings(
        enabled=readers.boolean(given.get("enabled", True), f"{where}: enabled"),
        reach=_reach(given, where),
        timeout_s=timeout_s,
        give_up_s=hours * _HOUR_S,
        store=None if store is None else readers.text(store, f"{where}: store"),
    )


def open_hooks(
    settings: HookSettings,
    ledger_path: str,
    *,
    video_id: Callable[[Job], str | None],
    guard: Guard | None = None,
) -> Hooks:
    """Return the webhooks over a ledger; start them in the event loop that serves.

    Raises:
        HookStoreError: their file cannot be used.
    """
    path = settings.store or str(Path(ledger_path).with_name(FILE_NAME))
    return Hooks(
        SqliteHookStore(str(Path(path).expanduser())),
        LedgerFeed(ledger_path),
        HookSender(settings.reach, timeout_s=settings.timeout_s),
        video_id=video_id,
        guard=guard,
        give_up_s=settings.give_up_s,
    )


def _reach(given: Mapping[str, object], where: str) -> Reach:
    allowed = given.get("allow_private", False)
    plain = readers.boolean(given.get("allow_http", False), f"{where}: allow_http")
    if isinstance(allowed, bool):
        kinds = OPENED_BY_TRUE if allowed else frozenset()
        return Reach(kinds=kinds, plain_http=plain)
    listed = allowed if isinstance(allowed, list) else [allowed]
    return Reach(networks=tuple(_network(one, where) for one in listed), plain_http=plain)


def _network(given: object, where: str) -> Network:
    try:
        return ip_network(given) if isinstance(given, str) else _wrong(given, where)
    except ValueError:
        return _wrong(given, where)


def _wrong(given: object, where: str) -> Network:
    raise ConfigError(
        f"{where}: allow_private is {given!r}; give true, false or a list of networks, such as "
        "['10.0.0.0/8']"
    )
