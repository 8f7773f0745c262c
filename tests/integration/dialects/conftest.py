"""A played server of every dialect, and the ways to call it."""

import pytest
from ways_kit import KEY, ByClient, ByFunctions, ByOpenai, address

from vidobs.dialects.variants import VARIANTS
from vidobs.testing import Sandbox, isolated

DOLLARS_AN_HOUR = 3.6  # a tenth of a cent a second
PRICES = [
    *({"provider": provider, "model": "*", "unit": "gpu_hour", "usd": DOLLARS_AN_HOUR, "gpus": 2}
      for provider in ("hosted_vllm", "sglang")),
    *({"provider": provider, "model": "wan", "unit": "output_second", "usd": 0.1}
      for provider in ("openai", "azure")),
    {"provider": "new_api", "model": "wan", "unit": "video_token", "usd": "0.00001"},
]  # fmt: skip


@pytest.fixture(scope="module")
def servers():
    """The server of each dialect, started once; its jobs take two milliseconds."""
    running = {}

    def start(dialect):
        if dialect not in running:
            running[dialect] = Sandbox(dialect=dialect, time_scale=0.001).start()
        return running[dialect]

    yield start
    for server in running.values():
        server.stop()


@pytest.fixture
def seen():
    """What vidobs records."""
    with isolated(prices=PRICES) as found:
        yield found


@pytest.fixture
def variables(monkeypatch, servers):
    """Set the variables of a dialect to its played server."""

    def point(dialect):
        variant, server = VARIANTS[dialect], servers(dialect)
        monkeypatch.setenv(variant.base_env[0], address(dialect, server))
        if not variant.keyless:
            monkeypatch.setenv(variant.key_env[0], KEY)
        return server

    return point


@pytest.fixture
def way(request, variables, seen):
    """One way to one dialect: `request.param` names both, and sync or async."""
    how, kind, dialect = request.param
    server = variables(dialect)
    if how == "openai":
        made = ByOpenai(kind, dialect, server)
    else:
        made = (ByClient if how == "client" else ByFunctions)(kind, dialect)
    made.dialect, made.server, made.how = dialect, server, how
    yield made
    made.close()
