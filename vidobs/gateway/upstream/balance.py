"""Which server makes a video: by weight or by load, and none that rests while others are well."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vidobs.gateway.upstream.server import Upstream

_LEAST_WEIGHT = 1e-9  # a weight of nothing is for when all others fail


class Balance:
    """The servers of each model. Lives in the event loop."""

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        *,
        routing: str,
        random: Callable[[], float],
        now_s: Callable[[], float],
    ) -> None:
        self._random = random
        self._now_s = now_s
        self._key = self._by_load if routing == "least_busy" else self._by_weight
        self._by_model: dict[str, list[Upstream]] = {}
        self._by_id = {one.deployment.id: one for one in upstreams}
        for one in upstreams:
            self._by_model.setdefault(one.deployment.model_name, []).append(one)

    @property
    def models(self) -> tuple[str, ...]:
        """The names that clients use."""
        return tuple(self._by_model)

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """All of them."""
        return tuple(self._by_id.values())

    def by_id(self, deployment: str) -> Upstream | None:
        """Return a deployment."""
        return self._by_id.get(deployment)

    def order(self, model: str) -> Sequence[Upstream]:
        """Return the servers of a model, the one to try first in front; none: no such model."""
        found = self._by_model.get(model, ())
        if len(found) <= 1:
            return found
        now_s = self._now_s()
        well = [one for one in found if one.rests_until <= now_s]
        resting = [one for one in found if one.rests_until > now_s]
        well.sort(key=self._key)
        resting.sort(key=lambda one: one.rests_until)
        return [*well, *resting]

    def _by_weight(self, one: Upstream) -> float:
        """Sorting by this draws in proportion to the weights (Efraimidis and Spirakis)."""
        weight = max(one.deployment.weight, _LEAST_WEIGHT)
        return math.log(max(self._random(), _LEAST_WEIGHT)) / -weight

    def _by_load(self, one: Upstream) -> tuple[float, float]:
        weight = max(one.deployment.weight, _LEAST_WEIGHT)
        return one.busy / weight, self._random()
