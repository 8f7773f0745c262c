import json
from decimal import Decimal

import pytest
from codec_kit import body_of, exchanges, paths, plain, request_of
from hypothesis import given, settings
from hypothesis import strategies as st

from vidobs.core.calls import Operation
from vidobs.core.jobs import JobState
from vidobs.dialects.codec import Request
from vidobs.dialects.codecs import CODECS, codec_at
from vidobs.dialects.gemini_requests import size

CODEC = CODECS["gemini"]
REQUESTS = exchanges("gemini", "request")
ANSWERS = exchanges("gemini", "says")
SPOKEN = {name: each for name, each in ANSWERS.items() if "status" not in each}
REFUSALS = {name: each for name, each in ANSWERS.items() if "status" in each}

NAMES = """
id status name done error errors steps outputs content type uri usage response videos model metadata
generateVideoResponse generatedSamples video code message interaction tokens raiMediaFilteredCount
raiMediaFilteredReasons output_tokens_by_modality modality instances parameters input duration
response_format aspect_ratio prompt image total_output_tokens
"""
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
)
names = st.sampled_from(NAMES.split())
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4)
)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_recognised(name):
    """By its method, its path and its body, with what it asks for; anything else is no video."""
    exchange = REQUESTS[name]
    request = request_of(exchange)

    route = CODEC.route(request)

    assert plain(route) == exchange["route"]
    if route is not None and route.operation.creates_job:
        assert plain(CODEC.asked(request)) == exchange["asked"]


@pytest.mark.parametrize("name", SPOKEN)
def test_an_answer_is_read(name):
    """Whole: state, reason, tokens, times, and which of its words are new."""
    exchange = SPOKEN[name]
    body = body_of(exchange)

    assert plain(CODEC.polled(body, exchange.get("prompt"))) == exchange["says"]
    assert plain(CODEC.created(body, None)) == exchange.get("created", exchange["says"])
    assert CODEC.is_video(body) is exchange["is_video"]
    assert CODEC.files(body) == tuple(exchange.get("files", ()))
    if "key" in exchange:
        assert CODEC.status_key(body) == tuple(exchange["key"])


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_read(name):
    """Google's filters say so in the message only; numbers become words."""
    exchange = REFUSALS[name]

    seen = CODEC.rejected(exchange["status"], body_of(exchange), exchange.get("prompt"))

    assert plain(seen) == exchange["says"]


def test_no_file_is_kept():
    """Pictures and videos come along as base64, here with a canary, and none gets through."""
    for path in paths("gemini"):
        exchange = json.loads(path.read_text("utf-8"))
        if "request" in exchange:
            read = [CODEC.route(request_of(exchange)), CODEC.asked(request_of(exchange))]
        else:
            body = body_of(exchange)
            read = [CODEC.polled(body, None), CODEC.created(body, None), CODEC.status_key(body)]
            read.append(CODEC.files(body))
        assert "CANARY" not in repr(read), path.name


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1beta/models/veo-3.1-generate-001"),
        ("GET", "/v1beta/models/veo-3.1-generate-001:predictLongRunning"),
        ("POST", "/v1beta/models/veo-3.1-generate-001/operations/a:predictLongRunning"),
        ("POST", "/v1beta/operations/a:cancel"),
        ("GET", "/v1beta/models/veo-3.1-generate-001"),
        ("GET", "/v1beta/models"),
        ("GET", "/v1beta/interactions"),
        ("PUT", "/v1beta/interactions/v1_a"),
        ("GET", "/v1beta/interactions/v1_a/cancel"),
        ("GET", "/v1beta/interactions/v1_a/b"),
        ("GET", "/v1beta/files/f1:download"),
        ("GET", "/interactions/v1_a"),
        (
            "POST",
            "/v1beta1/projects/p/locations/l/publishers/google/models/veo:fetchPredictOperation",
        ),
    ],
)
def test_what_is_no_video_call_is_left_alone(method, path):
    """Neighbours of the paths that are known."""
    assert CODEC.route(Request(method, path, dict)) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"model": "gemini-omni-1.1-flash", "input": "a"}, Operation.CREATE),
        ({"model": "gemini-omni-1.1-flash", "response_modalities": ["TEXT"]}, None),
        ({"model": "gemini-omni-1.1-flash", "response_format": {"type": "text"}}, None),
        ({"model": "any", "response_modalities": ["VIDEO"]}, Operation.CREATE),
        (
            {"model": "any", "generation_config": {"video_config": {"task": "extend"}}},
            Operation.EXTEND,
        ),
        ({"model": "gemini-omni", "previous_interaction_id": "v1_a"}, Operation.EDIT),
        ({"model": "gemini-omni", "input": [{"type": "video", "uri": "u"}]}, Operation.EDIT),
        ({"agent": "deep-research", "input": "a"}, None),
    ],
)
def test_an_interaction_is_a_video_where_one_is_asked_for(fields, expected):
    """Or where its model makes nothing else, and nothing else is asked for."""
    route = CODEC.route(Request("POST", "/v1beta/interactions", lambda: fields))

    assert (route and route.operation) == expected


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("generativelanguage.googleapis.com", "gemini"),
        ("us-central1-aiplatform.googleapis.com", "vertex_ai"),
        ("aiplatform.googleapis.com", "vertex_ai"),
        ("aiplatform.eu.rep.googleapis.com", "vertex_ai"),
    ],
)
def test_hosts_are_known(host, provider):
    """And with them the provider that prices are looked up under."""
    assert codec_at(host) is CODEC
    assert CODEC.provider_at(host) == provider


@pytest.mark.parametrize(
    "host",
    ["storage.googleapis.com", "generativelanguage.googleapis.com.evil.example", "openai.com", ""],
)
def test_other_hosts_are_not(host):
    """Not even one that begins alike."""
    assert codec_at(host) is None


@pytest.mark.parametrize(
    ("ratio", "tier", "expected"),
    [
        ("16:9", "4K", "3840x2160"),
        ("9:16", "360p", "360x640"),
        ("1:1", "720p", "720x720"),
        ("4:3", None, "960x720"),
        ("wide", "720p", "720p"),
        ("16:9", "8k", "8k"),
        ("0:9", None, None),
    ],
)
def test_a_size_is_a_ratio_and_a_resolution(ratio, tier, expected):
    """What makes no pixels stays the resolution as it was named."""
    assert size(ratio, tier) == expected


@settings(max_examples=25)
@given(body=st.binary(max_size=64) | anything.map(lambda value: json.dumps(value).encode()))
def test_no_answer_raises(body):
    """Whatever the bytes: an answer is read, or it is none."""
    CODEC.polled(body, "p")
    CODEC.created(body, None)
    CODEC.status_key(body)
    CODEC.is_video(body)
    CODEC.files(body)
    assert CODEC.rejected(400, body, "p").state is JobState.FAILED


@settings(max_examples=25)
@given(fields=st.dictionaries(names, anything, max_size=6))
@pytest.mark.parametrize(
    "path",
    ["/v1beta/interactions", "/v1/models/veo:predictLongRunning", "/v1/m:fetchPredictOperation"],
)
def test_no_request_raises(path, fields):
    """Whatever the fields: what makes no sense was not asked for."""
    request = Request("POST", path, lambda: fields)
    CODEC.route(request)
    asked = CODEC.asked(request).request

    assert asked.seconds is None or asked.seconds > Decimal(0)
