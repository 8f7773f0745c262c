"""What the parts of the gateway know of each other.

A request passes them in this order: `Keys` say who asks, `Limits` and `Budgets` admit a create,
`Guards` look at its prompt; then it leaves. Each of these is shared state, so each stands behind a
protocol: today one machine on SQLite, later several on PostgreSQL and Redis. What is asked for on
every request (`principal`, `admit`) answers from memory and never blocks.

A job says in its ledger row whose it is: `attribution.user` is `Principal.user_id`, and the tags
below name the rest. Routes of other parts are ASGI applications: `extra_routes` are found by the
whole path (`/key/generate`), `mounts` by what it begins with (`/ui`); both see the scope as it came
and ask `Keys` themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

from vidobs.core.calls import Operation

if TYPE_CHECKING:
    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Recorded

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

# Tags of the jobs that the gateway makes.
KEY_TAG = "key"  # `Principal.owner`
USER_TAG = "user"  # `Principal.user_id`, where there is one; never what a request names
TEAM_TAG = "team"  # `Principal.team_id`, where there is one
MODEL_TAG = "model"  # the name in `model_list`
DEPLOYMENT_TAG = "deployment"  # the id of the deployment that it was sent to
# Keys of the section `gateway:` that other parts read: `GatewayConfig.parts[name]`.
PARTS = ("keys", "budgets", "limits", "guardrails", "alerts", "webhooks")


class Role(StrEnum):
    """What somebody may do."""

    MASTER = "master"  # everything, the keys of others included
    VIEWER = "viewer"  # look at everything, change nothing
    KEY = "key"  # make videos, and see only what was made with the same key
    ANYONE = "anyone"  # there is no master key: make videos, on loopback only


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `owner` goes into the ids of videos: who has another one gets a 404."""

    role: Role
    owner: str  # stable over rotations of a key; `master`, `anyone`, or the id of a virtual key
    alias: str | None = None  # what people call the key
    user_id: str | None = None
    team_id: str | None = None
    models: tuple[str, ...] = ()  # names of `model_list`; none: every one
    metadata: Mapping[str, object] = {}

    def may_use(self, model: str) -> bool:
        """Whether a model of `model_list` is open to it."""
        return not self.models or model in self.models


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A create, remix, edit or extension that somebody wants sent."""

    job_id: str  # ours, made before anything is sent
    operation: Operation
    model: str  # the name in `model_list`
    provider: str
    upstream_model: str
    quote_usd: Decimal | None  # None: nobody knows the price
    seconds: Decimal | None = None  # of output
    prompt: str | None = None
    now: datetime


class Refusal(Exception):  # noqa: N818 - not an error of ours: an answer
    """Nothing is sent. Becomes an answer in OpenAI's envelope.

    `code` is the envelope's, such as `budget_exceeded` or `content_policy_violation`; `headers` may
    hold `retry-after` and `x-ratelimit-*`.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        error_type: str = "invalid_request_error",
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.error_type = error_type
        self.param = param
        self.headers = dict(headers or {})


def not_allowed(methods: str) -> Refusal:
    """Return what other methods of a route are answered with."""
    return Refusal(
        405, f"this route takes {methods}", code="method_not_allowed", headers={"allow": methods}
    )


class Keys(Protocol):
    """Who may come in."""

    def principal(self, token: str | None, now: datetime) -> Principal:
        """Return who has this key. Answers from memory, in constant time for wrong keys.

        Raises:
            Refusal: 401, there is no such key, or it is expired or blocked.
        """
        ...


class Permit(Protocol):
    """What an admitted create holds: its place among concurrent jobs, and its quote of budgets."""

    headers: Mapping[str, str]  # `x-ratelimit-*`, for the answer

    def give_back(self) -> None:
        """Free everything: provably nothing was accepted. Later calls do nothing."""
        ...


class Admission(Protocol):
    """Limits and budgets."""

    def request(
        self, principal: Principal, now: datetime, *, operation: Operation
    ) -> Mapping[str, str]:
        """Count what makes or fetches a video against requests per minute; return headers.

        Raises:
            Refusal: 429, with `retry-after`.
        """
        ...

    def admit(self, principal: Principal, ask: Ask) -> Permit:
        """Reserve the quote and a place for a job, all or nothing, in one step without waiting.

        Raises:
            Refusal: 429 `rate_limit_exceeded`, or 400 `budget_exceeded`.
        """
        ...

    def recorded(self, seen: Recorded) -> None:
        """Follow a job: settle or release what it holds when it ended. Idempotent."""
        ...

    def resume(self, jobs: Mapping[str, Job]) -> None:
        """After a start: hold again what the unfinished jobs of the ledger held."""
        ...


class Guards(Protocol):
    """What looks at prompts and results."""

    async def before(self, principal: Principal, ask: Ask) -> str | None:
        """Return the prompt to send, redacted where so configured.

        Raises:
            Refusal: 400 `content_policy_violation`.
        """
        ...

    async def after(self, principal: Principal, job: Job) -> None:
        """Look at a job that ended.

        Raises:
            Refusal: 400 `content_policy_violation`; its content is not handed out.
        """
        ...


class Alerts(Protocol):
    """Where people are told that something needs them."""

    def raise_alert(self, kind: str, message: str, *, key: str, facts: Mapping[str, str]) -> None:
        """Tell, once per `key` and while it lasts; returns at once."""
        ...


class Service(Protocol):
    """What works beside the routes, in the gateway's event loop, from its start to its end."""

    async def start(self) -> None:
        """Begin."""
        ...

    async def close(self) -> None:
        """End, and give everything back."""
        ...
