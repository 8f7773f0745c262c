"""Events as webhooks: what arrives, how it is signed, and what the answers mean."""

import base64
import inspect
import json
import re
import time
from pathlib import Path

import msgspec
import pytest
from exporter_kit import an_event, every_event
from openai import OpenAI
from sink_kit import Sink
from standardwebhooks import Webhook, WebhookVerificationError

from vidobs import EventName, ExportError, VideoEvent, __version__
from vidobs.core.calls import Attribution
from vidobs.core.jobs import TraceRef
from vidobs.core.money import Cost, CostLine, CostStatus
from vidobs_exporters.webhook import WebhookExporter
from vidobs_exporters.webhook.cloud_event import body_of
from vidobs_exporters.webhook.options import source_of

SECRET = "whsec_" + base64.b64encode(b"canary secret of the receiver 01").decode()
NEXT_SECRET = "whsec_" + base64.b64encode(b"canary secret of the receiver 02").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"somebody else's secret, not ours").decode()


def failing(exporter, *events):
    """Return the error that exporting raises."""
    with pytest.raises(ExportError) as caught:
        exporter.export(events or [an_event()])
    return caught.value


# -- what arrives ----------------------------------------------------------------------------------


def test_a_finished_job_as_a_webhook(make, sink):
    """The whole request: an envelope of CloudEvents around the event, and three signed headers."""
    before = int(time.time())

    make(secret=SECRET, source="//vidobs/shop").export([an_event()])

    [request] = sink.requests
    timestamp = request.headers.pop("webhook-timestamp")
    signature = request.headers.pop("webhook-signature")
    assert before <= int(timestamp) <= int(time.time())
    assert signature.startswith("v1,")
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.headers == {
        "host": f"127.0.0.1:{sink.port}",
        "user-agent": f"vidobs/{__version__}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/cloudevents+json; charset=utf-8",
        "content-length": str(len(request.raw)),
        "webhook-id": "0199f77b-f406-76c8-aa8d-95b8c037e501",
    }
    assert request.json() == {
        "specversion": "1.0",
        "id": "0199f77b-f406-76c8-aa8d-95b8c037e501",
        "source": "//vidobs/shop",
        "type": "vidobs.video.completed",
        "subject": "video_68d7512d07848190b3e45da0ecbebcde004da08e1e067801",
        "time": "2026-11-20T14:04:21Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:vidobs:event:1",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4701-00f067aa0ba90201-01",
        "data": {
            "schema_version": 1,
            "id": "0199f77b-f406-76c8-aa8d-95b8c037e501",
            "name": "video.completed",
            "at": "2026-11-20T14:04:21Z",
            "job": {
                "job_id": "job_0199f77bf40676c8aa8d95b8c037e501",
                "provider": "openai",
                "dialect": "openai",
                "created_at": "2026-11-20T14:03:21Z",
                "trace": {
                    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4701",
                    "span_id": "00f067aa0ba90201",
                },
                "state": "completed",
                "provider_job_id": "video_68d7512d07848190b3e45da0ecbebcde004da08e1e067801",
                "model": "sora-2",
                "submitted_at": "2026-11-20T14:03:21.250000Z",
                "started_at": "2026-11-20T14:03:24Z",
                "finished_at": "2026-11-20T14:04:21Z",
                "polls": 7,
                "request": {"seconds": "8", "size": "720x1280", "prompt_chars": 27},
                "usage": {"output_seconds": "8"},
                "file": {"size_bytes": 1_048_576, "sha256": "ab" * 32, "seconds": "8"},
                "cost": {"status": "settled", "basis": "usage", "usd": "0.80"},
                "server_address": "api.openai.com",
                "server_port": 443,
                "attribution": {"user": "ada", "tags": {"team": "film"}},
            },
            "spans": [
                {
                    "name": "video_job sora-2",
                    "kind": "internal",
                    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4701",
                    "span_id": "00f067aa0ba9cc01",
                    "parent_id": "00f067aa0ba90201",
                    "start_ns": 1_795_183_402_000_000_000,
                    "end_ns": 1_795_183_461_000_000_000,
                    "status": "completed",
                }
            ],
        },
    }


def test_every_event_is_one_request(make, sink):
    """In order; `data` is the event itself, and the envelope repeats its id and name."""
    events = every_event()

    make().export(events)

    bodies = [request.json() for request in sink.requests]
    data = [msgspec.convert(body["data"], VideoEvent, strict=False) for body in bodies]
    assert data == events
    assert [body["type"] for body in bodies] == [f"vidobs.{event.name}" for event in events]
    assert [body["id"] for body in bodies] == [event.id for event in events]
    assert [one.headers["webhook-id"] for one in sink.requests] == [event.id for event in events]


def test_a_job_that_no_provider_knows_has_our_id(make, sink):
    """The subject is never empty, and a trace may carry its vendors' state."""
    trace = TraceRef("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", False, None, "a=1")

    make().export([an_event(EventName.UNKNOWN, provider_job_id=None, trace=trace)])

    body = sink.requests[0].json()
    assert body["subject"] == "job_0199f77bf40676c8aa8d95b8c037e501"
    assert body["traceparent"] == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
    assert body["tracestate"] == "a=1"


@pytest.mark.parametrize(
    ("service", "option", "source"),
    [
        (None, None, "//vidobs"),
        ("shop", None, "//vidobs/shop"),
        ("my shop/ü", None, "//vidobs/my%20shop%2F%C3%BC"),
        ("shop", "https://shop.example/videos?a=1#b", "https://shop.example/videos?a=1#b"),
        (None, "a shop", "a%20shop"),
    ],
)
def test_the_source_names_the_service(monkeypatch, service, option, source):
    """It is a URI reference, whatever the service is called."""
    if service:
        monkeypatch.setenv("OTEL_SERVICE_NAME", service)

    assert source_of("webhook", option) == source


def test_headers_of_the_user_go_with_it(make, sink):
    """Such as a key that the receiver's gateway wants."""
    make(headers={"Authorization": "Bearer k", "X-Team": "film"}).export([an_event()])

    [request] = sink.requests
    assert request.headers["authorization"] == "Bearer k"
    assert request.headers["x-team"] == "film"


def test_an_event_that_is_too_large_becomes_a_thin_one(make, sink):
    """Ids, state, times, user and cost stay; `truncated` says that the rest is missing."""
    line = CostLine("second", 8, "0.1", "0.8")
    event = an_event(
        prompt="a long prompt, " * 400,
        attribution=Attribution("ada", {"note": "n" * 200}),
        cost=Cost(CostStatus.SETTLED, usd="0.8", lines=(line,)),
    )
    exporter = make(max_bytes=4096)

    exporter.export([event, an_event(number=2)])

    thin, small = [request.json() for request in sink.requests]
    assert len(sink.requests[0].body) < 4096
    assert {name: thin[name] for name in ("id", "type", "subject")} == {
        "id": event.id,
        "type": "vidobs.video.completed",
        "subject": event.job.provider_job_id,
    }
    assert thin["data"] == {
        "truncated": True,
        "schema_version": 1,
        "id": event.id,
        "name": "video.completed",
        "at": "2026-11-20T14:04:21Z",
        "job": {
            "job_id": event.job.job_id,
            "provider": "openai",
            "dialect": "openai",
            "created_at": "2026-11-20T14:03:21Z",
            "trace": {
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4701",
                "span_id": "00f067aa0ba90201",
            },
            "state": "completed",
            "provider_job_id": event.job.provider_job_id,
            "model": "sora-2",
            "submitted_at": "2026-11-20T14:03:21.250000Z",
            "started_at": "2026-11-20T14:03:24Z",
            "finished_at": "2026-11-20T14:04:21Z",
            "cost": {"status": "settled", "usd": "0.8"},
            "attribution": {"user": "ada", "tags": {}},
        },
    }
    assert "truncated" not in small["data"]


def test_a_body_of_just_the_limit_is_whole():
    """One byte more is too much."""
    whole = body_of(an_event(), source="//vidobs", most_bytes=10**6)

    assert body_of(an_event(), source="//vidobs", most_bytes=len(whole)) == whole
    assert b'"truncated"' in body_of(an_event(), source="//vidobs", most_bytes=len(whole) - 1)


# -- signatures ------------------------------------------------------------------------------------


def verified(request, secret):
    """Return what two independent libraries say of a request: the event, or `None`."""
    told = []
    try:
        told.append(Webhook(secret).verify(request.body, request.headers))
    except WebhookVerificationError:
        told.append(None)
    try:
        OpenAI(api_key="k").webhooks.verify_signature(request.body, request.headers, secret=secret)
        told.append(request.json())
    except ValueError:
        told.append(None)
    assert told[0] == told[1]
    return told[0]


def test_a_receiver_can_verify_it(make, sink):
    """With the secret, unless something was changed on the way; with another it cannot."""
    make(secret=SECRET).export([an_event()])

    [request] = sink.requests
    later = {**request.headers, "webhook-timestamp": str(int(time.time()) + 100)}
    renamed = {**request.headers, "webhook-id": "another"}
    assert verified(request, SECRET) == request.json()
    assert verified(request, OTHER_SECRET) is None
    assert verified(request._replace(body=request.body + b" "), SECRET) is None
    assert verified(request._replace(headers=later), SECRET) is None
    assert verified(request._replace(headers=renamed), SECRET) is None


@pytest.mark.parametrize(
    "secret", [[SECRET, NEXT_SECRET], f"{SECRET} {NEXT_SECRET}"], ids=["list", "text"]
)
def test_secrets_can_be_rotated(make, sink, secret):
    """While there are two, a receiver with either of them verifies what arrives."""
    make(secret=secret).export([an_event()])

    [request] = sink.requests
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    assert verified(request, SECRET) == verified(request, NEXT_SECRET) == request.json()
    assert verified(request, OTHER_SECRET) is None


def test_without_a_secret_there_is_no_signature(make, sink):
    """Id and time are there all the same."""
    make().export([an_event()])

    [request] = sink.requests
    assert "webhook-signature" not in request.headers
    assert request.headers["webhook-id"] == an_event().id
    assert request.headers["webhook-timestamp"].isdigit()


def test_every_attempt_is_the_same_message(make, sink):
    """Id and body never change, so that a receiver can tell; every attempt is signed anew."""
    sink.answers_next(503)
    sink.answers_next(200)
    first, second = make(secret=SECRET), make(secret=SECRET)  # another process goes on

    failing(first)
    second.export([an_event()])

    tried, again = sink.requests
    assert (tried.raw, tried.headers["webhook-id"]) == (again.raw, again.headers["webhook-id"])
    assert verified(tried, SECRET) == verified(again, SECRET) == tried.json()


# -- answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_success_is_one(make, sink, status):
    """What a receiver answers beyond that does not matter."""
    sink.answers(status, body=b"" if status == 204 else b"whatever")

    make().export([an_event()])

    assert len(sink.requests) == 1


@pytest.mark.parametrize("fault", [Sink.drips, Sink.breaks_off])
def test_the_status_of_a_success_is_enough(make, sink, fault):
    """Nobody waits for the rest, or sends the event again because it never came."""
    fault(sink)

    make(timeout_s=0.5).export([an_event()])

    assert len(sink.requests) == 1


def test_a_failure_says_how_many_arrived_before(make, sink):
    """They are not sent again."""
    events = [an_event(number=number) for number in range(1, 5)]
    sink.answers_next(200)
    sink.answers_next(202)
    sink.answers(429, {"Retry-After": "3600"}, body=b"slow down")

    error = failing(make(), *events)

    assert str(error) == f"exporter 'webhook': {sink.url} answered 429: slow down"
    assert (error.delivered, error.retryable, error.retry_after_s) == (2, True, 3600.0)
    assert [request.headers["webhook-id"] for request in sink.requests] == [
        event.id for event in events[:3]
    ]


def test_a_receiver_that_is_gone_is_left_alone(make, sink):
    """410 says that it wants nothing more; the text says how to go on in spite of it."""
    sink.answers(410)

    error = failing(make(name="webhook/shop"))

    assert error.gone
    assert str(error) == (
        f"exporter 'webhook/shop': {sink.url} answered 410: it wants no more events; start again "
        "with: vidobs exporters enable webhook/shop"
    )


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        *((408, True), (429, True), (500, True), (503, True)),
        *((401, None), (404, None), (409, None)),
        *((400, False), (413, False), (422, False)),
    ],
)
def test_a_status_says_whether_to_try_again(make, sink, status, retryable):
    """As for every exporter of HTTP requests; nothing but 410 means that it is gone."""
    sink.answers(status)

    error = failing(make())

    assert (error.retryable, error.gone, error.delivered) == (retryable, False, 0)


def test_a_check_tells_what_the_receiver_said(make, sink):
    """In one line; a failure is the same as in an export."""
    exporter = make(secret=SECRET)
    sink.answers_next(202, body=b"queued\nas 17")
    sink.answers_next(204)
    sink.answers(404)

    said = [exporter.check(an_event()), exporter.check(an_event())]
    with pytest.raises(ExportError, match=r"answered 404$"):
        exporter.check(an_event())

    assert said == [f"{sink.url} answered 202: queued\\nas 17", f"{sink.url} answered 204"]
    assert verified(sink.requests[0], SECRET)


# -- docs ------------------------------------------------------------------------------------------


def test_the_docs_show_a_real_body(make, sink):
    """The page has the very body that arrives."""
    page = (Path(__file__).parents[4] / "docs" / "exporters" / "webhook.md").read_text("utf-8")
    shown = re.search(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]

    make(source="//vidobs/shop").export([an_event()])

    assert json.loads(shown) == sink.requests[0].json()


def test_the_docs_list_every_option():
    """Each has a row, with its default."""
    page = (Path(__file__).parents[4] / "docs" / "exporters" / "webhook.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    options = inspect.signature(WebhookExporter).parameters

    assert rows == [name for name in options if name != "name"]
