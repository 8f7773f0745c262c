import json
from decimal import Decimal

import pytest
from codec_kit import body_of, exchanges, paths, plain, request_of
from hypothesis import given, settings
from hypothesis import strategies as st

from vidobs.core.jobs import JobState, Reason
from vidobs.dialects.codec import Request
from vidobs.dialects.codecs import CODECS, codec_at

CODEC = CODECS["runway"]
REQUESTS = exchanges("runway", "request")
ANSWERS = exchanges("runway", "says")
SPOKEN = {name: each for name, each in ANSWERS.items() if "status" not in each}
REFUSALS = {name: each for name, each in ANSWERS.items() if "status" in each}

NAMES = """
id status progress createdAt failure failureCode cost credits output error issues model
ratio promptText promptImage references duration audio uri type
"""
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
names = st.sampled_from(NAMES.split())
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4)
)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_recognised(name):
    """By its method and its path, with what it asks for; a picture is no video."""
    exchange = REQUESTS[name]
    request = request_of(exchange)

    route = CODEC.route(request)

    assert plain(route) == exchange["route"]
    if route is not None and route.operation.creates_job:
        assert plain(CODEC.asked(request)) == exchange["asked"]


@pytest.mark.parametrize("name", SPOKEN)
def test_an_answer_is_read(name):
    """Whole: state, reason, what it cost, and which of its words are new."""
    exchange = SPOKEN[name]
    body = body_of(exchange)

    seen = CODEC.polled(body, exchange.get("prompt"))

    assert plain(seen) == exchange["says"]
    assert plain(CODEC.created(body, exchange.get("prompt"))) == exchange["says"]
    assert CODEC.is_video(body) is exchange["is_video"]
    assert CODEC.files(body) == tuple(exchange.get("files", ()))
    assert CODEC.status_key(body) == tuple(exchange["key"])


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_read(name):
    """An error is a text."""
    exchange = REFUSALS[name]

    seen = CODEC.rejected(exchange["status"], body_of(exchange), exchange.get("prompt"))

    assert plain(seen) == exchange["says"]


def test_no_file_is_kept():
    """Pictures come along as base64, and signatures in the addresses of files."""
    for path in paths("runway"):
        exchange = json.loads(path.read_text("utf-8"))
        if "request" in exchange:
            read = [CODEC.route(request_of(exchange)), CODEC.asked(request_of(exchange))]
        else:
            read = [CODEC.polled(body_of(exchange), None), CODEC.status_key(body_of(exchange))]
        assert "CANARY" not in repr(read), path.name


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("SAFETY.INPUT.IMAGE", Reason.MODERATION_INPUT),
        ("SAFETY.OUTPUT.VIDEO", Reason.MODERATION_OUTPUT),
        ("INPUT_PREPROCESSING.SAFETY.TEXT", Reason.MODERATION_INPUT),
        ("INPUT_PREPROCESSING.INTERNAL", Reason.PROVIDER_ERROR),
        ("ASSET.INVALID", Reason.INVALID_REQUEST),
        ("THIRD_PARTY.UNAVAILABLE", Reason.PROVIDER_ERROR),
        ("INTERNAL", Reason.PROVIDER_ERROR),
        (None, Reason.PROVIDER_ERROR),
    ],
)
def test_a_code_says_why_a_task_failed(code, reason):
    """As its documentation lists them."""
    task = {"id": "1", "status": "FAILED", "failure": "It did not work", "failureCode": code}

    assert CODEC.polled(json.dumps(task).encode(), None).reason is reason


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/text_to_video"),
        ("POST", "/v1/text_to_image"),
        ("POST", "/v1/tasks/1"),
        ("GET", "/v1/tasks"),
        ("GET", "/v1/organization"),
        ("POST", "/v1/text_to_video/1"),
        ("POST", "/text_to_video"),
    ],
)
def test_what_is_no_video_call_is_left_alone(method, path):
    """Neighbours of the paths that are known."""
    assert CODEC.route(Request(method, path, dict)) is None


@pytest.mark.parametrize("host", ["api.dev.runwayml.com", "api.runwayml.com", "API.RUNWAYML.COM"])
def test_hosts_are_known(host):
    """And with them the provider that prices are looked up under."""
    assert codec_at(host) is CODEC
    assert CODEC.provider_at(host) == "runwayml"


@settings(max_examples=25)
@given(body=st.binary(max_size=64) | anything.map(lambda value: json.dumps(value).encode()))
def test_no_answer_raises(body):
    """Whatever the bytes: an answer is read, or it is none."""
    CODEC.polled(body, "p")
    CODEC.status_key(body)
    CODEC.is_video(body)
    CODEC.files(body)
    assert CODEC.rejected(400, body, "p").state is JobState.FAILED


@settings(max_examples=25)
@given(fields=st.dictionaries(names, anything, max_size=6))
def test_no_request_raises(fields):
    """Whatever the fields: what makes no sense was not asked for."""
    request = Request("POST", "/v1/image_to_video", lambda: fields)
    asked = CODEC.asked(request).request

    assert asked.seconds is None or asked.seconds > Decimal(0)
    assert asked.input_images >= 0
