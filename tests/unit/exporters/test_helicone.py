"""Results in Helicone: what is logged of a job that ended, and what becomes of it there."""

from decimal import Decimal

import pytest
from exporter_kit import EVIL, an_event
from helicone_kit import KEY, Helicone
from story_kit import story

from vidobs import ConfigError, EventName, ExportError, Reason
from vidobs.core.calls import Attribution, Operation
from vidobs.core.jobs import JobError
from vidobs.core.money import Cost, CostBasis, CostStatus
from vidobs_exporters.helicone import HeliconeExporter
from vidobs_exporters.helicone.headers import headers
from vidobs_exporters.helicone.record import record, status

JOB_ID = "0199f77b-f406-76c8-aa8d-95b8c037e501"
VIDEO_ID = "video_68d7512d07848190b3e45da0ecbebcde004da08e1e067801"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """Nothing of the shell's Helicone is used."""
    for name in ("HELICONE_API_KEY", "HELICONE_BASE_URL", "HELICONE_API_BASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    """A Helicone of the test's own, which nothing was refused by at the end."""
    with Helicone() as running:
        yield running
    assert running.complaints == []


@pytest.fixture
def exporter_of():
    """Return what makes exporters to a server; they are closed at the end."""
    made = []

    def make(server, **options):
        told = {"url": server.url, "api_key": KEY, "timeout_s": 5} | options
        made.append(HeliconeExporter(**{k: v for k, v in told.items() if v is not None}))
        return made[-1]

    yield make
    for exporter in made:
        exporter.close()


# -- what is logged --------------------------------------------------------------------------------


def test_a_finished_job_is_one_log(server, exporter_of):
    """The whole request: body, and the headers to filter by. What was on the way is not sent."""
    exporter_of(server).export(story(prompt="a cat asleep"))

    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/custom/v1/log")
    assert b'"cost":0.8}' in request.body
    assert request.json() == {
        "providerRequest": {
            "url": "custom-model-nopath",
            "json": {
                "_type": "data",
                "name": "video_job",
                "model": "sora-2",
                "operation": "create",
                "prompt": "a cat asleep",
                "prompt_chars": 27,
                "seconds": 8,
                "size": "720x1280",
                "n": 1,
            },
            "meta": {},
        },
        "providerResponse": {
            "status": 200,
            "headers": {},
            "json": {
                "id": VIDEO_ID,
                "status": "completed",
                "model": "sora-2",
                "progress": 100,
                "queue_s": 2.75,
                "render_s": 57.0,
                "polls": 7,
            },
            "cost": 0.8,
        },
        "timing": {
            "startTime": {"seconds": 1795183401, "milliseconds": 0},
            "endTime": {"seconds": 1795183461, "milliseconds": 0},
        },
    }
    ours = {"host", "accept", "accept-encoding", "user-agent", "content-length", "connection"}
    assert {name: said for name, said in request.headers.items() if name not in ours} == {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "helicone-request-id": JOB_ID,
        "helicone-session-id": "4bf92f3577b34da6a3ce929d0e0e4701",
        "helicone-session-path": "/video/create",
        "helicone-session-name": "video job",
        "helicone-user-id": "ada",
        "helicone-model-override": "sora-2",
        "helicone-property-team": "film",
        "helicone-property-provider": "openai",
        "helicone-property-operation": "create",
        "helicone-property-state": "completed",
        "helicone-property-job-id": f"job_{JOB_ID.replace('-', '')}",
        "helicone-property-video-id": VIDEO_ID,
        "helicone-property-size": "720x1280",
        "helicone-property-seconds": "8",
        "helicone-property-cost-usd": "0.80",
        "helicone-property-cost-status": "settled",
    }


def test_a_failed_job_is_a_log_too(server, exporter_of):
    """With the provider's words, a status that says so, and what it may have cost by its name."""
    event = an_event(
        EventName.FAILED,
        reason=Reason.MODERATION_OUTPUT,
        error=JobError("moderation_blocked", "withheld for sk-canary0123456789abcdef"),
        cost=Cost(CostStatus.RELEASED, usd=Decimal(0), possible_usd=Decimal("0.8")),
        operation=Operation.REMIX,
    )

    exporter_of(server).export([event])

    [log] = server.logs.values()
    assert (log.status, log.cost) == (400, 0)
    assert log.body["providerResponse"]["json"]["error"] == {
        "code": "moderation_blocked",
        "message": "withheld for [secret]",
        "reason": "moderation_output",
    }
    assert log.headers["helicone-session-path"] == "/video/remix"
    assert log.properties["reason"] == "moderation_output"
    assert log.properties["cost-usd"] == "0.00"
    assert log.properties["cost-possible-usd"] == "0.80"


def test_an_unknown_cost_is_left_out(server, exporter_of):
    """It is never a zero."""
    exporter_of(server).export([an_event(cost=Cost(CostStatus.UNKNOWN))])

    [log] = server.logs.values()
    assert log.cost is None
    assert "cost-usd" not in log.properties
    assert log.properties["cost-status"] == "unknown"


def test_an_amount_is_exact():
    """Nine places are nine places, in the body as in the property."""
    cost = Cost(CostStatus.SETTLED, CostBasis.USAGE, usd=Decimal("0.123456789"))

    made = record(an_event(cost=cost))

    assert b'"cost":0.123456789}' in made.body
    assert made.headers["Helicone-Property-Cost-USD"] == "0.123456789"


@pytest.mark.parametrize(
    ("name", "job", "expected"),
    [
        (EventName.COMPLETED, {}, 200),
        (EventName.CANCELLED, {}, 499),
        (EventName.EXPIRED, {}, 504),
        (EventName.FAILED, {"reason": Reason.AUTH, "error": None}, 401),
        (EventName.FAILED, {"reason": Reason.RATE_LIMITED, "error": None}, 429),
        (EventName.FAILED, {"reason": Reason.QUOTA, "error": JobError("429")}, 429),
        (EventName.FAILED, {"reason": Reason.QUOTA, "error": JobError("1234567")}, 402),
        (EventName.FAILED, {"reason": Reason.QUOTA, "error": JobError("²")}, 402),
        (EventName.FAILED, {"reason": Reason.TIMEOUT, "error": JobError("20")}, 504),
        (EventName.FAILED, {"reason": Reason.PROVIDER_ERROR}, 500),
    ],
)
def test_the_status_says_how_it_ended(name, job, expected):
    """The provider's own code where it is a status, else the nearest one."""
    assert status(an_event(name, **job).job) == expected


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_an_error(reason):
    """None is taken for a success."""
    assert status(an_event(EventName.FAILED, reason=reason, error=None).job) in range(400, 600)


@pytest.mark.parametrize("name", [name for name in EventName if not name.terminal])
def test_what_is_no_result_is_not_logged(name):
    """A log of a running video would be taken for a poll of an assistant."""
    assert record(an_event(name)) is None


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [(None, {}), ("a cat", {"prompt": "a cat"}), ("hmac:81a8", {"prompt_hash": "hmac:81a8"})],
)
def test_a_prompt_is_logged_where_it_was_kept(server, exporter_of, prompt, shown):
    """The capture policy has decided."""
    exporter_of(server).export([an_event(prompt=prompt)])

    [request] = server.requests
    asked = request.json()["providerRequest"]["json"]
    assert {name: asked[name] for name in ("prompt", "prompt_hash") if name in asked} == shown


# -- headers ---------------------------------------------------------------------------------------


def test_what_a_header_cannot_hold_is_escaped(server, exporter_of):
    """Umlauts arrive as in URLs; line breaks forge no header, in no place."""
    event = an_event(
        model=EVIL,
        provider="Zürich",
        attribution=Attribution(EVIL, {EVIL: EVIL, "größe": "groß", "": "x", "empty": ""}),
    )

    exporter_of(server).export([event])

    [log] = server.logs.values()
    assert log.properties["provider"] == "Z%C3%BCrich"
    assert log.properties["gr-e"] == "gro%C3%9F"
    assert log.model.startswith("x%0Avideo.completed%0D%0AX-Evil: 1%1B[2J%07")
    assert "x-evil" not in log.headers
    assert "empty" not in log.properties


def test_a_tag_replaces_nothing_that_vidobs_knows():
    """Whatever its case: the amount in the property is the job's."""
    tags = {"COST-usd": "0", "Cost.USD": "1", "provider": "mine"}

    found = headers(an_event(attribution=Attribution(None, tags)).job)

    assert found["Helicone-Property-Cost-USD"] == "0.80"
    assert found["Helicone-Property-Provider"] == "openai"
    assert found["Helicone-Property-Cost.USD"] == "1"
    assert "Helicone-User-Id" not in found
    assert len({name.lower() for name in found}) == len(found)


def test_headers_are_bounded():
    """Servers refuse requests whose headers are too large."""
    tags = {f"tag-{number}-{'x' * 90}": "ü" * 300 for number in range(100)}

    found = headers(an_event(attribution=Attribution("u" * 1000, tags)).job)

    assert sum(name.startswith("Helicone-Property-tag") for name in found) == 32
    assert max(map(len, found.values())) == 256
    assert found["Helicone-Property-tag-0-" + "x" * 90] == "%C3%BC" * 42
    assert sum(len(name) + len(value) for name, value in found.items()) < 16 * 1024


# -- delivery --------------------------------------------------------------------------------------


def test_sending_again_is_the_same_log(server, exporter_of):
    """Helicone finds it under the id of the job's, and there is one."""
    for _ in range(2):
        exporter_of(server).export(story())

    first, second = server.requests
    assert first.body == second.body
    assert list(server.logs) == [JOB_ID]


@pytest.mark.parametrize("failing", range(3))
def test_what_arrived_before_a_failure_is_told(server, exporter_of, failing):
    """Results are sent one by one; what lies between them counts as delivered with the next."""
    batch = [event for number in range(1, 4) for event in story(number)]  # each fourth is a result
    for _ in range(failing):
        server.answers_next(200, body=b"ok")
    server.answers_next(503)

    with pytest.raises(ExportError) as caught:
        exporter_of(server).export(batch)

    assert (caught.value.delivered, caught.value.retryable) == (failing * 6 + 3, True)


@pytest.mark.parametrize(
    "body", [b'{"error":"Failed to log request"}', b'{"error":{"message":"no"},"data":null}']
)
def test_an_error_behind_a_200_is_an_error(server, exporter_of, body):
    """Nothing was logged, so nothing was delivered; whose fault it is it does not say."""
    server.answers_next(200, body=body)

    with pytest.raises(ExportError, match="answered 200 with an error: ") as caught:
        exporter_of(server).export([an_event()])

    assert (caught.value.retryable, caught.value.delivered) == (None, 0)


@pytest.mark.parametrize("body", [b"ok", b"", b'"ok"', b'{"error":null}', b"[]", b"\xff"])
def test_any_other_200_is_a_success(server, exporter_of, body):
    """The usual one is no JSON at all."""
    server.answers_next(200, body=body)

    exporter_of(server).export([an_event()])


def test_a_log_that_is_too_large_is_refused(server, exporter_of):
    """Helicone takes 10 MB; the relay gives up this one and goes on."""
    with pytest.raises(ExportError, match="more than Helicone takes") as caught:
        exporter_of(server).export([an_event(prompt="x" * 10_000_001)])

    assert caught.value.retryable is False
    assert server.requests == []


def test_a_check_says_what_helicone_answered(server, exporter_of):
    """One log goes there, and one line comes back."""
    exporter = exporter_of(server)

    assert exporter.check(an_event()) == f"{server.url} answered 200: ok"
    assert exporter.check(story()[0]) == "video.submitted is no result: nothing was sent"
    with pytest.raises(ExportError, match=r"answered 401.*; check its key"):
        exporter_of(server, api_key="sk-wrong").check(an_event())


# -- being told ------------------------------------------------------------------------------------


def test_without_a_key_there_is_no_exporter():
    """The error names the variable and the option."""
    with pytest.raises(ConfigError) as caught:
        HeliconeExporter()

    assert str(caught.value) == (
        "exporter 'helicone': no API key; set HELICONE_API_KEY, or 'api_key' under "
        "'exporters: helicone:'"
    )


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({"HELICONE_BASE_URL": ""}, "/custom/v1/log"),
        ({"HELICONE_BASE_URL": "/v1/trace/"}, "/v1/trace/custom/v1/log"),
        ({"HELICONE_API_BASE": "/lite"}, "/lite/custom/v1/log"),
        ({"HELICONE_API_BASE": "/lite", "HELICONE_BASE_URL": "/own"}, "/own/custom/v1/log"),
    ],
)
def test_the_usual_variables_are_read(server, exporter_of, monkeypatch, variables, path):
    """Those of Helicone's own packages, and LiteLLM's; a path is kept, as self-hosts have one."""
    server.answers(200, body=b"ok")
    monkeypatch.setenv("HELICONE_API_KEY", f" {KEY} ")
    for name, behind in variables.items():
        monkeypatch.setenv(name, server.url + behind)

    exporter_of(server, url=None, api_key=None).export([an_event()])

    [request] = server.requests
    assert (request.path, request.headers["authorization"]) == (path, f"Bearer {KEY}")
