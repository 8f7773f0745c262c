"""The lines of events that are found by the clock."""

from datetime import timedelta

from exporter_kit import AT, an_event

from vidobs import EventName
from vidobs.delivery.event_line import EventLine


def test_a_video_that_is_soon_gone_says_when():
    """Minutes are enough; a job that does not say when has no such fact."""
    lines = EventLine(colour=False, ascii_only=True)
    event = an_event(EventName.EXPIRING, expires_at=AT + timedelta(minutes=55))

    assert event.at == AT + timedelta(minutes=1)
    assert "  gone in 54 min, " in lines.of(event)
    assert "gone" not in lines.of(an_event(EventName.EXPIRING, expires_at=None))
    assert "gone" not in lines.of(an_event(EventName.STUCK, expires_at=AT))
