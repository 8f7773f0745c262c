"""Alerts over real HTTP: what each channel is sent, when, and what happens when it is not taken."""

import asyncio
import logging
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from outbox_kit import event
from sink_kit import Sink
from standardwebhooks.webhooks import Webhook as Verifier

from vidobs.core.errors import LedgerUnusableError
from vidobs.core.events import EventName
from vidobs.core.jobs import Notice
from vidobs.core.protocols import BreakerState
from vidobs.core.standard_webhooks import secret_of
from vidobs.gateway.alerting.desk import AlertDesk
from vidobs.gateway.alerting.engine import Manners
from vidobs.gateway.alerting.memory import AlertMemoryError, SqliteAlertMemory
from vidobs.gateway.alerting.payloads import Datadog, Slack, Webhook
from vidobs.gateway.alerting.watch import Thresholds
from vidobs.telemetry.deliveries import ExporterStanding

KEY = b"k" * 32


class Clock:
    """A time that is moved by hand."""

    def __init__(self):
        self.at = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def __call__(self):
        """Return it."""
        return self.at

    def move(self, seconds):
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def sinks():
    """Servers in the place of Datadog, Slack and a receiver of webhooks."""
    with ExitStack() as stack:
        yield [stack.enter_context(Sink()) for _ in range(3)]


def channels(datadog, slack, webhook):
    """The three channels."""
    return [
        Datadog(api_key="dd-secret", url=datadog.url, tags=("env:test",)),
        Slack(url=f"{slack.url}/services/T0/B0/slacksecret"),
        Webhook(url=f"{webhook.url}/alerts", keys=(KEY,)),
    ]


@asynccontextmanager
async def desk(its_channels, **given):
    """A desk at work, that looks when it is told to."""
    given = {
        "manners": Manners(quiet_s=0),
        "thresholds": Thresholds(),
        "look_s": 0.02,
        "drain_s": 0.2,
        **given,
    }
    one = AlertDesk(its_channels, waits_s=given.pop("waits_s", (0.0, 0.0)), **given)
    await one.start()
    try:
        yield one
    finally:
        await one.close()


async def arrived(sink, count=1):
    """Wait until so many requests have arrived."""
    return await asyncio.to_thread(sink.wait, count)


BUDGET = ("budget_exceeded", "key alice used up its budget of $5")


async def test_every_channel_is_told(sinks):
    """Datadog's events, Slack's message, and a signed webhook, of one condition."""
    clock = Clock()
    async with desk(channels(*sinks), now=clock) as one:
        one.raise_alert(*BUDGET, key="key:alice", facts={"spent_usd": "5.00", "<b>": "a&b"})
        [event_], [message], [hook] = [await arrived(sink) for sink in sinks]

    assert (event_.method, event_.path) == ("POST", "/api/v1/events")
    assert event_.headers["dd-api-key"] == "dd-secret"
    body = event_.json()
    assert body["title"] == "vidobs: key alice used up its budget of $5"
    assert body["alert_type"] == "error"
    assert body["date_happened"] == int(clock.at.timestamp())
    assert body["tags"] == ["vidobs_alert:budget_exceeded", "vidobs_phase:firing", "env:test"]
    assert "spent_usd: 5.00" in body["text"]

    assert message.path == "/services/T0/B0/slacksecret"
    assert message.json()["text"].splitlines() == [
        ":rotating_light: *vidobs: key alice used up its budget of $5*",
        "• kind: budget_exceeded",
        "• spent_usd: 5.00",
        "• &lt;b&gt;: a&amp;b",
        "• since: 2026-11-20T12:00:00+00:00",
    ]

    assert Verifier(secret_of(KEY)).verify(hook.body, hook.headers)["type"] == "vidobs.alert.firing"
    told = hook.json()
    assert told["id"] == hook.headers["webhook-id"]
    assert told["data"] == {
        "phase": "firing",
        "kind": "budget_exceeded",
        "key": "key:alice",
        "message": "key alice used up its budget of $5",
        "since": "2026-11-20T12:00:00Z",
        "facts": {
            "kind": "budget_exceeded", "spent_usd": "5.00", "<b>": "a&b",
            "since": "2026-11-20T12:00:00+00:00",
        },
    }  # fmt: skip
    assert hook.headers["content-type"].startswith("application/cloudevents+json")


async def test_stuck_jobs_are_told_once_and_their_end(sinks):
    """From the events that this process records, however often it looks."""
    slack = sinks[1]
    async with desk([Slack(url=slack.url)]) as one:
        for number in range(3):
            one.take(event(number, EventName.STUCK, model="sora-2"))
        await arrived(slack)
        one.take(event(3, EventName.STUCK, model="sora-2"))
        for number in range(4):
            one.take(event(number, EventName.FAILED, model="sora-2"))
        await arrived(slack, 2)

    first, last = [request.json()["text"] for request in slack.requests]
    assert "jobs of openai/sora-2 without progress" in first
    assert last.startswith(":white_check_mark: *vidobs: recovered: ")


async def test_an_exporter_that_is_down(sinks):
    """Told once it has been down for a while, and when it is back; unknown is neither."""
    clock, states = Clock(), [BreakerState.OPEN]
    slack = sinks[1]
    manners = Manners(quiet_s=0, after_s={"exporter_down": 60})

    def standings():
        return [ExporterStanding("datadog", queue=7, breaker=states[0])]

    async with desk([Slack(url=slack.url)], manners=manners, standings=standings, now=clock) as one:
        one.raise_alert("deployment_cooldown", "it rests", key="d1", facts={})
        await arrived(slack)  # it has looked, and the exporter is not down for long enough
        clock.move(61)
        first = (await arrived(slack, 2))[-1]
        for number, undecided in enumerate((None, BreakerState.HALF_OPEN)):
            states[0] = undecided
            one.raise_alert("deployment_cooldown", "it rests", key=f"e{number}", facts={})
            await arrived(slack, 3 + number)
        states[0] = BreakerState.CLOSED
        await arrived(slack, 5)

    texts = [request.json()["text"] for request in slack.requests]
    assert "exporter datadog keeps failing" in first.json()["text"]
    assert "events_waiting: 7" in first.json()["text"]
    assert ["recovered" in text for text in texts] == [False] * 4 + [True]


async def test_a_restart_tells_nothing_again(sinks, tmp_path):
    """Not what was told and still lasts; its end is told by whoever is there then."""
    slack = sinks[1]
    stuck = event(1, EventName.STUCK, model="sora-2", notices=(Notice.STUCK,), state="queued")
    path = str(tmp_path / "alerts.db")
    async with desk([Slack(url=slack.url)], memory=SqliteAlertMemory(path)) as one:
        one.take(stuck)
        one.raise_alert(*BUDGET, key="key:alice", facts={})
        await arrived(slack, 2)
    async with desk(
        [Slack(url=slack.url)], memory=SqliteAlertMemory(path), past=lambda _: [stuck.job]
    ) as one:
        one.raise_alert(*BUDGET, key="key:alice", facts={})
        one.raise_alert("deployment_cooldown", "it rests", key="d1", facts={})
        await arrived(slack, 3)
        one.take(event(1, EventName.COMPLETED, model="sora-2"))
        await arrived(slack, 4)

    texts = [request.json()["text"] for request in slack.requests]
    assert "it rests" in texts[2]
    assert "recovered: 1 job of openai/sora-2 without progress" in texts[3]


async def test_what_is_not_taken_is_sent_again(sinks):
    """The same alert with the same id, until it is taken."""
    webhook = sinks[2]
    webhook.answers_next(500)
    webhook.answers_next(429, {"Retry-After": "0"})
    async with desk([Webhook(url=webhook.url, keys=(KEY,))]) as one:
        one.raise_alert(*BUDGET, key="key:alice", facts={})
        requests = await arrived(webhook, 3)

    assert len({(one.body, one.headers["webhook-id"]) for one in requests}) == 1


@pytest.mark.parametrize(
    ("how", "why", "attempts"),
    [
        (lambda sink: sink.answers(403), "status 403", 1),
        (lambda sink: sink.answers(503), "status 503", 3),
        (lambda sink: sink.redirects("http://127.0.0.1:9/"), "status 307", 3),
        (lambda sink: sink.drops(), "ReadError", 3),
    ],
    ids=["403", "503", "307", "drops"],
)
async def test_giving_up_is_said_aloud_and_no_secret(sinks, caplog, how, why, attempts):
    """The log has the error; neither key nor URL stand in it, and other channels are told."""
    how(sinks[1])
    async with desk(channels(*sinks)) as one:
        one.raise_alert(*BUDGET, key="key:alice", facts={})
        await arrived(sinks[0])
        await arrived(sinks[1], attempts)
        await arrived(sinks[2])

    [line] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert line.getMessage() == (
        f"an alert was not sent to slack ({why}): vidobs: key alice used up its budget of $5"
    )
    assert len(sinks[1].requests) == attempts
    assert not any(
        secret in one.getMessage() for one in caplog.records for secret in ("dd-secret", "slacksec")
    )


async def test_secrets_in_what_is_told_are_taken_out(sinks):
    """Messages and facts may quote what somebody else wrote."""
    secret = "sk-proj-" + "a1B2" * 10
    async with desk(channels(*sinks)) as one:
        one.raise_alert(
            "deployment_cooldown", f"Authorization: Bearer {secret}", key=secret,
            facts={"url": f"https://x.test/v?sig={secret}"},
        )  # fmt: skip
        for sink in sinks:
            await arrived(sink)

    assert all(secret.encode() not in sink.requests[0].body for sink in sinks)


async def test_raising_costs_nothing_while_a_channel_hangs(sinks):
    """Whoever raises an alert never waits; at the end what hangs is left, and said."""
    sinks[1].hangs()
    async with desk(
        [Slack(url=sinks[1].url)], manners=Manners(per_minute=1000), drain_s=0.0
    ) as one:
        for number in range(500):
            one.raise_alert(*BUDGET, key=f"key:{number}", facts={})
        await arrived(sinks[1])


async def test_only_what_is_asked_for_is_told(sinks):
    """Other kinds are not even kept."""
    async with desk([Slack(url=sinks[1].url)], kinds=frozenset({"stuck"})) as one:
        one.raise_alert(*BUDGET, key="key:alice", facts={})
        one.take(event(1, EventName.STUCK, model="sora-2"))
        [request] = await arrived(sinks[1])

    assert "without progress" in request.json()["text"]


async def test_a_ledger_that_cannot_be_read_ends_nothing(sinks, caplog):
    """Alerts begin without the past, and say so."""

    def fails(_):
        raise LedgerUnusableError("ledger x is corrupt")

    async with desk([Slack(url=sinks[1].url)], past=fails) as one:
        one.raise_alert(*BUDGET, key="key:alice", facts={})
        await arrived(sinks[1])

    assert any("without the past" in line.getMessage() for line in caplog.records)


def test_a_file_of_something_else_is_left_alone(tmp_path):
    """And named."""
    other = tmp_path / "other.db"
    other.write_bytes(b"no database at all" * 100)

    with pytest.raises(AlertMemoryError, match=r"other\.db cannot be used"):
        SqliteAlertMemory(str(other))


def test_memory_is_for_a_week(tmp_path):
    """What nobody has seen for longer is forgotten."""
    from vidobs.gateway.alerting.engine import Condition

    now = datetime(2026, 11, 20, tzinfo=UTC)
    memory = SqliteAlertMemory(str(tmp_path / "alerts.db"))
    for days in (1, 8):
        seen = now - timedelta(days=days)
        memory.keep(Condition(kind="stuck", key=str(days), message="x", since=seen, seen_at=seen))

    assert [one.key for one in memory.load(now)] == ["1"]
    assert [one.key for one in memory.load(now - timedelta(days=7))] == ["1"]
    memory.close()
    assert (tmp_path / "alerts.db").stat().st_mode & 0o077 == 0


async def test_a_fault_of_ours_does_not_end_alerts(sinks, guard_trips):
    """It is counted and said, and the next look is made all the same."""
    guard_trips.expected = {"alerts: ZeroDivisionError"}
    faults = [ZeroDivisionError()]

    def standings():
        if faults:
            raise faults.pop()
        return []

    async with desk([Slack(url=sinks[1].url)], standings=standings) as one:
        one.raise_alert(*BUDGET, key="key:alice", facts={})
        await arrived(sinks[1])

    assert faults == []
