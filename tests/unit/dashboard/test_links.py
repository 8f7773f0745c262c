"""Deep links of a job: every place is filled, and what fills it cannot leave its place."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from vidobs.config.links import PLACES, links
from vidobs.core.jobs import Job, TraceRef
from vidobs.dashboard.links import Link, links_of

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 12, 5, tzinfo=UTC)
JOB = Job(
    job_id="job_0199f77bf40676c8aa8d95b8c1020001",
    provider="openai",
    dialect="openai",
    created_at=AT,
    trace=TraceRef("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"),
    provider_job_id="video_1",
)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("trace_id", "0af7651916cd43dd8448eb211c80319c"),
        ("trace_id_decimal", "9532127138774266268"),
        ("span_id", "b7ad6b7169203331"),
        ("job_id", "job_0199f77bf40676c8aa8d95b8c1020001"),
        ("job_uuid", "0199f77b-f406-76c8-aa8d-95b8c1020001"),
        ("video_id", "video_1"),
        ("start_ms", "1795176000000"),
        ("end_ms", "1795176300000"),
    ],
)
def test_every_place_is_filled(place, value):
    """A running job ends now, as far as anybody knows."""
    templates = links({"mine": f"https://a.example/{{{place}}}"})
    assert list(links_of(JOB, templates, NOW)) == [Link("mine", f"https://a.example/{value}")]
    assert place in PLACES


def test_no_place_is_left_untested():
    """Whoever adds a place fills it."""
    every = "&".join(f"{place}={{{place}}}" for place in PLACES)
    (link,) = links_of(JOB, links({"mine": f"https://a.example/?{every}"}), NOW)
    assert set(parse_qs(urlsplit(link.href).query)) == set(PLACES)


def test_the_tools_have_their_names_and_addresses():
    """Of known tools the address is enough; titles are written as the tools write them."""
    templates = links("jaeger=https://j.example,grafana=https://g.example/sub/")
    grafana, jaeger = links_of(JOB, templates, NOW)
    assert jaeger == Link("Jaeger", "https://j.example/trace/0af7651916cd43dd8448eb211c80319c")
    assert grafana.name == "Grafana"
    pane = msgspec.json.decode(parse_qs(urlsplit(grafana.href).query)["panes"][0])["t"]
    assert pane["range"] == {"from": "1795176000000", "to": "1795176300000"}
    assert pane["queries"][0]["query"] == JOB.trace.trace_id


def test_what_a_provider_says_stays_in_its_place():
    """An id with every character that means something in an address is only text."""
    hostile = msgspec.structs.replace(JOB, provider_job_id="../x?a=1#{job_id}&\"'<b> é")
    (link,) = links_of(hostile, links({"mine": "https://a.example/v/{video_id}/x"}), NOW)
    assert link.href == (
        "https://a.example/v/..%2Fx%3Fa%3D1%23%7Bjob_id%7D%26%22%27%3Cb%3E%20%C3%A9/x"
    )


def test_a_link_without_its_value_is_left_out():
    """A create that nobody answered has no id at the provider to point to."""
    nameless = msgspec.structs.replace(JOB, provider_job_id=None, job_id="job_odd")
    templates = links(
        {"video": "https://a.example/{video_id}", "run": "https://b.example/{job_uuid}"}
    )
    assert list(links_of(nameless, templates, NOW)) == []
