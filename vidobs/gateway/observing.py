"""What the gateway tells the observer, and what it hears back: every write to the ledger."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from vidobs.core import ids
from vidobs.core.calls import Attribution, Operation, VideoCall
from vidobs.core.protocols import Recorded
from vidobs.core.scrub import scrub
from vidobs.dialects.openai import Route, read_call
from vidobs.gateway.seams import DEPLOYMENT_TAG, KEY_TAG, MODEL_TAG, TEAM_TAG, USER_TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Happening
    from vidobs.gateway.seams import Principal
    from vidobs.gateway.upstream.server import Upstream
    from vidobs.runtime import Runtime

_MOST_TAG = 200


class Observing:
    """The observer of the process, whose every write `tell` is told of, at once."""

    def __init__(self, runtime: Runtime, tell: Callable[[Recorded], None]) -> None:
        self.runtime = runtime
        self.guard = runtime.guard
        self.observer = copy(runtime.observer)
        self.observer.hand_on = self._hand_on
        self._on = runtime.observer.hand_on
        self._tell = tell
        self._looked_up: set[str] = set()  # deployments

    def look_up(self, upstream: Upstream, call: VideoCall) -> None:
        """Say once of a deployment that its model is gone, by the price table's dates."""
        if upstream.deployment.id not in self._looked_up:
            self._looked_up.add(upstream.deployment.id)
            self.guard.run("retired model", self.observer.warn_if_retired, call)

    def new_job_id(self) -> str:
        """Return an id for a job that is about to be made."""
        now_ns = self.runtime.clock.time_ns()
        return ids.job_id(now_ns, self.runtime.bits(ids.SEED_BITS))

    def job_of(self, upstream: Upstream, raw: str) -> Job | None:
        """Return the job that a server knows by this id."""
        return self.observer.job_of(upstream.deployment.provider, raw)

    def tell(self, job: Job) -> None:
        """Tell how a job stands, once more; for what somebody else wrote."""
        self.guard.run("admission", self._tell, Recorded(job))

    def _hand_on(self, seen: Happening) -> None:
        if seen.events:
            done = Recorded(seen.events[-1].job, seen.events, seen.settled)
            self.guard.run("admission", self._tell, done)
        self._on(seen)


def call_about(
    upstream: Upstream, operation: Operation, raw: str | None, *, variant: str | None = None
) -> VideoCall:
    """Return a call about a video that is there."""
    route = Route(operation, raw, variant)
    return read_call(route, None, None, None, context=upstream.context)


def attribution(
    principal: Principal, upstream: Upstream, fields: Mapping[str, object]
) -> Attribution:
    """Say whom a job is for."""
    user = principal.user_id
    if user is None:
        named = fields.get("user")
        user = scrub(named, _MOST_TAG) if isinstance(named, str) and named else None
    tags = {
        KEY_TAG: principal.owner,
        MODEL_TAG: upstream.deployment.model_name,
        DEPLOYMENT_TAG: upstream.deployment.id,
    }
    if principal.user_id is not None:
        tags[USER_TAG] = principal.user_id
    if principal.team_id is not None:
        tags[TEAM_TAG] = principal.team_id
    return Attribution(user=user, tags=tags)
