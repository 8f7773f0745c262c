"""The gateway in front of one sandbox."""

import pytest
from gateway_kit import entry, serving, settings_of

from vidobs.testing import Sandbox


@pytest.fixture
def sandbox():
    """A server whose jobs take a moment."""
    with Sandbox(time_scale=0.02) as running:
        yield running


@pytest.fixture
def gateway(sandbox, tmp_path):
    """A gateway with one model and a master key."""
    with serving(
        tmp_path, settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url))
    ) as made:
        yield made
