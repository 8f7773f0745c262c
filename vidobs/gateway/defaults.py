"""The parts that stand in where nobody plugs others: one master key, no limits."""

from __future__ import annotations

import hmac
from types import MappingProxyType
from typing import TYPE_CHECKING

from vidobs.gateway.seams import Principal, Refusal, Role

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vidobs.core.calls import Operation
    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Recorded
    from vidobs.gateway.seams import Ask

_NONE: Mapping[str, str] = MappingProxyType({})
_MASTER = Principal(role=Role.MASTER, owner="master")
_ANYONE = Principal(role=Role.ANYONE, owner="anyone")


def unauthorized(token: str | None) -> Refusal:
    """Return the answer to who brings no key, or a wrong one."""
    message = "send a key: Authorization: Bearer KEY" if not token else "this key is not known"
    return Refusal(
        401,
        message,
        code="invalid_api_key",
        error_type="authentication_error",
        headers={"www-authenticate": "Bearer"},
    )


class MasterKey:
    """One key, of the configuration; without one anybody may come in."""

    def __init__(self, key: str | None) -> None:
        self._key = None if key is None else key.encode()

    def principal(self, token: str | None, now: datetime) -> Principal:
        """Return who has this key."""
        del now
        if self._key is None:
            return _ANYONE
        if not token or not hmac.compare_digest(token.encode("utf-8", "replace"), self._key):
            raise unauthorized(token)
        return _MASTER


class _Free:
    """A permit of who limits nothing."""

    headers: Mapping[str, str] = _NONE

    def give_back(self) -> None:
        """Do nothing."""


_FREE = _Free()


class NoLimits:
    """Admits everything."""

    def request(
        self, principal: Principal, now: datetime, *, operation: Operation
    ) -> Mapping[str, str]:
        """Admit a request."""
        del principal, now, operation
        return _NONE

    def admit(self, principal: Principal, ask: Ask) -> _Free:
        """Admit a create."""
        del principal, ask
        return _FREE

    def recorded(self, seen: Recorded) -> None:
        """Hold nothing."""

    def resume(self, jobs: Mapping[str, Job]) -> None:
        """Hold nothing."""


class NoAlerts:
    """Tells nobody."""

    def raise_alert(self, kind: str, message: str, *, key: str, facts: Mapping[str, str]) -> None:
        """Do nothing."""
