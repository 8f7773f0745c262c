"""Moderation over real HTTP: what is asked, what the answers mean, and what goes wrong."""

import pytest
from guard_kit import subject
from sink_kit import Sink

from vidobs.gateway.guardrails.findings import CheckError, Found
from vidobs.gateway.guardrails.moderations import Moderations


@pytest.fixture
def server():
    """A server of the protocol that says what it is told to."""
    with Sink() as sink:
        yield sink


def says(sink, **result):
    """Let the server answer with one result."""
    import json

    sink.answers(200, body=json.dumps({"id": "modr-1", "results": [result]}).encode())


async def asked(sink, **options):
    """What comes of asking once."""
    check = Moderations(base_url=f"{sink.url}/v1/", **options)
    try:
        return await check.look(subject("a prompt"), redact=False)
    finally:
        await check.close()


async def test_what_is_asked(server):
    """The prompt, the model and the key, as OpenAI has them."""
    says(server, flagged=False)

    assert await asked(server, api_key="sk-1") is None

    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/v1/moderations")
    assert request.headers["authorization"] == "Bearer sk-1"
    assert request.json() == {"input": "a prompt", "model": "omni-moderation-latest"}


async def test_a_server_without_models_or_keys_gets_neither(server):
    """Own servers need neither."""
    says(server, flagged=False)

    assert await asked(server, model=None) is None

    [request] = server.requests
    assert request.json() == {"input": "a prompt"}
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("result", "options", "rule"),
    [
        ({"flagged": True, "categories": {"hate": False, "violence": True}}, {}, "violence"),
        ({"flagged": True}, {}, "flagged"),
        ({"flagged": False, "categories": {"hate": False, "illicit": None}}, {}, None),
        ({"flagged": True, "categories": {"hate": True}}, {"categories": ("violence",)}, None),
        ({"flagged": True, "categories": {"hate": True}}, {"categories": ("hate",)}, "hate"),
        ({"category_scores": {"hate": 0.3}}, {"thresholds": {"hate": 0.3}}, "hate"),
        ({"category_scores": {"hate": 0.2}}, {"thresholds": {"hate": 0.3}}, None),
        ({"flagged": True, "categories": {"hate": True}, "category_scores": {"hate": 0.2}},
         {"thresholds": {"hate": 0.3}}, None),
    ],
)  # fmt: skip
async def test_what_counts(server, result, options, rule):
    """What the server flags, or only some categories, or what reaches a threshold."""
    from decimal import Decimal

    if "thresholds" in options:
        options = {"thresholds": {k: Decimal(str(v)) for k, v in options["thresholds"].items()}}
    says(server, **result)

    found = await asked(server, **options)

    assert found == (None if rule is None else Found(rule=rule))


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        (lambda sink: sink.answers(500), "status 500"),
        (lambda sink: sink.answers(401), "status 401"),
        (lambda sink: sink.redirects("http://127.0.0.1:1/"), "status 307"),
        (lambda sink: sink.answers(200, body=b"<html>"), "unreadable answer"),
        (lambda sink: sink.answers(200, body=b'{"results": []}'), "unreadable answer"),
        (lambda sink: sink.hangs(), "TimeoutError"),
        (lambda sink: sink.drips(), "TimeoutError"),
        (lambda sink: sink.drops(), "ReadError"),
        (lambda sink: sink.stop(), "ConnectError"),
    ],
    ids=["500", "401", "307", "html", "empty", "hangs", "drips", "drops", "stops"],
)
async def test_no_answer_is_no_pass(server, how, cause):
    """Whatever goes wrong is a check that failed, and may be tried again."""
    how(server)

    with pytest.raises(CheckError) as caught:
        await asked(server, timeout_s=0.2)

    assert caught.value.passing
    assert cause in str(caught.value) or "Timeout" in str(caught.value)
