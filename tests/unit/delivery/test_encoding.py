"""Events as JSON."""

from decimal import Decimal

import msgspec

from vidobs.core.events import VideoEvent
from vidobs.core.money import Cost, CostStatus
from vidobs.delivery.encoding import event_to_json


def test_an_event_is_one_line_with_money_as_text(make_event):
    """The whole line is fixed: the schema's version first, money as a string, times in UTC."""
    cost = Cost(status=CostStatus.SETTLED, usd=Decimal("0.80"))

    assert event_to_json(make_event(7, model="sora-2\n", cost=cost)) == (
        b'{"schema_version":1,"id":"event-7","name":"video.completed","at":"2026-11-20T12:00:00Z",'
        b'"job":{"job_id":"job_7","provider":"openai","dialect":"openai",'
        b'"created_at":"2026-11-20T12:00:00Z","trace":{"trace_id":"4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b"'
        b',"span_id":"00f067aa0ba902b7"},"model":"sora-2\\n",'
        b'"cost":{"status":"settled","usd":"0.80"}}}'
    )


def test_an_event_survives_the_way_through_json(make_event):
    """Reading the line gives the same event."""
    event = make_event(1, prompt="a cat", progress=10)

    assert msgspec.json.decode(event_to_json(event), type=VideoEvent) == event


def test_an_event_of_another_version_keeps_it(make_event):
    """The version is that of the event, once."""
    event = msgspec.structs.replace(make_event(), schema_version=2)

    encoded = event_to_json(event)

    assert encoded.count(b"schema_version") == 1
    assert msgspec.json.decode(encoded)["schema_version"] == 2
