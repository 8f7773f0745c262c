"""Which exporters need care."""

from datetime import UTC, datetime

import pytest

from vidobs.core.protocols import BreakerState
from vidobs.dashboard.pages.overview_alerts import Trouble, trouble_of
from vidobs.runtime.exporter_objects import ExporterObject

NOW = datetime(2026, 3, 8, tzinfo=UTC)


def standing(**changes: object) -> ExporterObject:
    """Return an exporter that is well, with changes."""
    well: dict[str, object] = {
        "exporter": "datadog",
        "configured": True,
        "known": True,
        "state": BreakerState.CLOSED,
        "waiting": 0,
        "asked_again": 0,
        "lag_s": None,
        "delivered": 10,
        "retried": 0,
        "dropped": {},
        "dead_letters": 0,
        "failures": 0,
        "retry_at": None,
        "disabled": None,
        "error": None,
        "failed_at": None,
        "delivered_at": NOW,
        "delivered_by": None,
    }
    return ExporterObject(**{**well, **changes})


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        ({}, None),
        ({"waiting": 5, "lag_s": 3.0}, None),
        ({"failures": 1, "error": "503"}, None),
        ({"state": BreakerState.DISABLED, "disabled": "401", "dead_letters": 1}, Trouble.DISABLED),
        ({"state": BreakerState.OPEN, "lag_s": 4000.0}, Trouble.FAILING),
        ({"state": BreakerState.HALF_OPEN}, Trouble.FAILING),
        ({"waiting": 5, "lag_s": 900.0, "dead_letters": 1}, Trouble.BEHIND),
        ({"dead_letters": 1}, Trouble.DEAD_LETTERS),
    ],
)
def test_the_worst_trouble_is_told(changes: dict[str, object], trouble: Trouble | None) -> None:
    """Switched off, down, far behind, or with events that it refused; a hiccup is no trouble."""
    assert trouble_of(standing(**changes)) is trouble
