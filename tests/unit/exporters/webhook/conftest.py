"""What the tests of webhooks share: a receiver, and exporters that send to it."""

import pytest
from sink_kit import Sink

from vidobs_exporters.webhook import WebhookExporter

VARIABLES = ("VIDOBS_WEBHOOK_URL", "WEBHOOK_URL", "VIDOBS_WEBHOOK_SECRET", "OTEL_SERVICE_NAME")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """No variable of the machine's changes what is tested."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def sink():
    """A receiver that takes everything."""
    with Sink() as one:
        yield one


@pytest.fixture
def make(sink):
    """Build exporters that send to the receiver; they are closed at the end."""
    made = []

    def build(**options):
        known = {"url": f"{sink.url}/hook", "allow_private": True}
        made.append(WebhookExporter(**{**known, **options}))
        return made[-1]

    yield build
    for one in made:
        one.close()
