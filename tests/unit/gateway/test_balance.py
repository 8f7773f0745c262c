"""Which server makes a video."""

import asyncio
import random
from collections import Counter

import pytest

from vidobs.core.capture import CapturePolicy, Fingerprint
from vidobs.dialects.openai import CallContext
from vidobs.dialects.variants import OPENAI
from vidobs.gateway.config import Deployment
from vidobs.gateway.upstream.balance import Balance
from vidobs.gateway.upstream.server import Upstream


def upstream(name, model="m", weight=1.0, base="https://host/v1", query=None):
    """Return a server."""
    context = CallContext(
        provider="openai",
        dialect="openai",
        policy=CapturePolicy(),
        fingerprint=Fingerprint(b"k"),
        server_address="host",
        server_port=443,
    )
    deployment = Deployment(
        id=name,
        model_name=model,
        provider="openai",
        variant=OPENAI,
        upstream_model="x",
        base_url=base,
        weight=weight,
        query=query or {},
    )
    return Upstream(deployment, context)


def balance(*upstreams, routing="weighted", now_s=lambda: 100.0):
    """Return the choice between servers."""
    return Balance(upstreams, routing=routing, random=random.Random(1).random, now_s=now_s)


def names(found):
    """Return the ids, in order."""
    return [one.deployment.id for one in found]


def test_creates_are_shared_out_by_weight():
    """Three to one, and nothing for a weight of nothing while others are well."""
    made = balance(upstream("a", weight=3), upstream("b", weight=1), upstream("c", weight=0))
    first = Counter(names(made.order("m"))[0] for _ in range(4000))
    assert first["c"] == 0
    assert 2800 < first["a"] < 3200


def test_the_least_busy_comes_first():
    """Relative to the weight."""
    a, b, c = upstream("a", weight=2), upstream("b"), upstream("c")
    a.busy, b.busy, c.busy = 3, 2, 1
    assert names(balance(a, b, c, routing="least_busy").order("m")) == ["c", "a", "b"]


def test_who_rests_comes_last():
    """The one that is back first before the others; who is alone is asked all the same."""
    a, b, c = upstream("a"), upstream("b"), upstream("c")
    a.rests_until, b.rests_until = 200.0, 150.0
    assert names(balance(a, b, c).order("m")) == ["c", "b", "a"]
    alone = upstream("d", model="other")
    alone.rests_until = 500.0
    assert names(balance(alone).order("other")) == ["d"]
    assert names(balance(alone).order("unknown")) == []


def test_failures_count_in_a_row():
    """One success forgets them."""
    one = upstream("a")
    assert not one.failed(10.0, allowed=2, rest_s=30)
    one.worked()
    assert not one.failed(11.0, allowed=2, rest_s=30)
    assert one.failed(12.0, allowed=2, rest_s=30)
    assert one.rests_until == 42.0


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/videos", "", "/v1/videos?api-version=preview"),
        ("/videos/a%2Fb", "", "/v1/videos/a%2Fb?api-version=preview"),
        ("/videos/a/content", "variant=thumbnail",
         "/v1/videos/a/content?api-version=preview&variant=thumbnail"),
    ],
)  # fmt: skip
def test_addresses_are_put_together_once(path, query, target):
    """What is encoded stays so, and the version of Azure's API is always there."""

    async def asked():
        made = upstream("a", query={"api-version": "preview"})
        return made.target(path, query), made.target(path, query)

    assert asyncio.run(asked()) == (target, target)
