"""The pytest plugin: pytest loads it by itself where vidobs is installed.

Loading it imports vidobs' face and pytest, no more; each fixture imports what it needs when a test
asks for it. Works under pytest-xdist: every worker has servers, ports and ledgers of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import openai

    from vidobs.testing import EventLog, Isolated, Sandbox

MARKER = "vidobs_sandbox"
TIME_SCALE = 0.05
_MARKER_DOC = (
    f"{MARKER}(**options): options of the fixture `sandbox`, those of vidobs.testing.Sandbox, "
    "such as time_scale=0.5 or faults=['fail']"
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER_DOC)


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A video server of this test's own, twenty times faster than usual; see docs/testing.md."""
    from vidobs.testing import Sandbox

    marker = request.node.get_closest_marker(MARKER)
    options = {"time_scale": TIME_SCALE, **(marker.kwargs if marker else {})}
    with Sandbox(**options) as running:
        yield running


@pytest.fixture
def isolated_vidobs() -> Iterator[Isolated]:
    """A fresh vidobs with a ledger in memory, for this test alone."""
    from vidobs.testing import isolated

    with isolated() as seen:
        yield seen


@pytest.fixture
def vidobs_events(isolated_vidobs: Isolated) -> EventLog:
    """The events that the test causes, of an isolated vidobs."""
    return isolated_vidobs.events


@pytest.fixture
def openai_client(
    sandbox: Sandbox,
    isolated_vidobs: Isolated,  # noqa: ARG001 - asked for its effect
) -> Iterator[openai.OpenAI]:
    """A client of the openai SDK, wrapped, that talks to the sandbox; observed in isolation."""
    import vidobs

    try:
        from openai import OpenAI
    except ImportError:
        raise vidobs.MissingExtraError("openai", "the fixture openai_client") from None
    with OpenAI(base_url=sandbox.base_url, api_key="sandbox") as client:
        yield vidobs.wrap(client)
